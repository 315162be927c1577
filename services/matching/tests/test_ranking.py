"""What must hold of every order: the sum, the reasons, and that it comes out the same again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.ids import uuid7
from contracts.matching_assignments_v1 import Candidate, CandidatesRanked, JobAssigned
from contracts.matching_commands_v1 import AcceptOffer, AssignByHand, HoldJob, Volunteer
from contracts.values import Certification, CustomerStatus, OfferPolicy, RequiredCertification, ResponseTime
from matching.domain import assignment
from matching.domain.amending import amend
from matching.domain.explanation import replay, same, why_not
from matching.domain.gate import GATE, ClientSide, case_of, judge
from matching.domain.model import Assignment, Contractor, Insurance, Job, Round, Seen
from matching.domain.policy import PARTS, POLICIES, POLICY, TERMS, Policy
from matching.domain.ranking import points, rank, score, seen, seen_failed, told
from matching.domain.search import FIRST_LOOK
from matching.domain.standing import NEWCOMER, Sums, merit
from matching.store import _round as round_as_json
from matching.testing import EXPIRY, FIRST, LAST, World, contractor, job, north_of_flensburg, offering

SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOBODY = ClientSide(frozenset(), frozenset())
PLACES = [None, *(north_of_flensburg(km) for km in (0, 0, 3, 24.96, 25.04, 49.94, 50.06, 80))]
UNTIL = [FIRST, LAST, LAST + timedelta(days=1)]
SUMS = st.builds(
    lambda asked, passed, ratings, stars, given, taken: Sums(
        asked, max(0, asked - passed), ratings, min(5, stars) * ratings, given, taken
    ),
    st.integers(0, 40), st.integers(0, 40), st.integers(0, 30), st.integers(1, 5),
    st.integers(0, 20_000), st.integers(0, 20_000),
)  # fmt: skip


@st.composite
def partners(draw: st.DrawFn) -> Contractor:
    """Most of them fit, each may lack something, and several are alike."""
    return contractor(
        place=draw(st.sampled_from(PLACES)),
        customer_status=draw(st.sampled_from([CustomerStatus.active] * 5 + [CustomerStatus.blocked])),
        suspended=draw(st.sampled_from([False] * 5 + [True])),
        insurance=draw(st.sampled_from([None, *(Insurance(300_000_000, FIRST, day) for day in UNTIL)])),
        certifications=tuple(
            Certification(manufacturer="Agfeo", product_line="ES", level=level, valid_until=day)
            for level, day in draw(
                st.lists(st.tuples(st.integers(1, 5), st.sampled_from(UNTIL)), min_size=1, max_size=2)
            )
        ),
        availability=offering(
            radius_km=draw(st.sampled_from([25, 50, 50])),
            weekly_minutes=draw(st.sampled_from([240, 480, 960, 2400])),
        ),
    )


networks = st.lists(st.tuples(partners(), SUMS), max_size=FIRST_LOOK)


def world_of(network: list[tuple[Contractor, Sums]], posted: Job, taken: int = 0) -> World:
    world = World(*(partner for partner, _ in network))
    world.standings = {partner.partner_id: sums for partner, sums in network}
    world.client(posted)
    for partner, _ in network[:taken]:
        capacity = world.capacity(partner.partner_id, posted.week)
        world.taken[capacity.key] = replace(capacity, offered_minutes=9_999, reserved_minutes=120)
    return world


def post(world: World, posted: Job) -> Assignment:
    return world.apply(posted.job_id, assignment.post(None, posted, world, EXPIRY))


def ranked_in(world: World, posted: Job) -> Round:
    post(world, posted)
    return world.records[posted.job_id].rounds[-1]


def passed(one: Round) -> list[Seen]:
    return [each for each in one.seen if each.constraint is None]


# -- the sum -------------------------------------------------------------------------------------------


@SOME
@given(networks)
def test_terms_add_up_to_the_score_and_the_differences_to_the_difference(
    network: list[tuple[Contractor, Sums]],
) -> None:
    posted = job()
    world = world_of(network, posted)
    state = post(world, posted)
    candidates = world.told(CandidatesRanked)[0].candidates
    for candidate in candidates:
        assert candidate == Candidate.check(candidate.model_dump_json().encode()), "as valid as if checked"
        if candidate.eligible:
            assert sum(term.points for term in candidate.terms) == candidate.score
            assert [term.name for term in candidate.terms] == list(TERMS)
            assert all(0 <= term.value <= 1 for term in candidate.terms)
    scores = [candidate.score for candidate in candidates if candidate.eligible]
    assert scores == sorted(scores, reverse=True)
    if state.offer is None:
        return
    accept = AcceptOffer(
        job_id=posted.job_id, contractor_id=state.offer.contractor_id, offer_id=state.offer.offer_id
    )
    world.apply(posted.job_id, assignment.accept(state, accept, world))
    assigned: Any = world.told(JobAssigned)[0]
    assert assigned.chosen == candidates[0]
    for other in assigned.others:
        assert (other.behind is not None) is other.eligible
        if other.behind is not None:
            assert sum(each.points for each in other.behind) == assigned.chosen.score - other.score
            assert sum(each.points for each in other.behind) >= 0


@SOME
@given(partners(), SUMS, st.sampled_from(list(POLICIES.values())))
def test_every_term_is_between_none_and_all(partner: Contractor, sums: Sums, policy: Policy) -> None:
    case = case_of(job(), partner, NOBODY, free_minutes=partner.weekly_minutes)
    ranked = score(case, policy, sums, volunteered=True)
    assert all(0 <= term <= PARTS for term in ranked.terms)
    assert ranked.score == sum(points(ranked.terms, policy))


def test_published_weights_are_whole_and_never_change() -> None:
    assert {version: sum(policy.weights) for version, policy in POLICIES.items()} == {
        "2026-1": PARTS, "2026-2": PARTS,
    }  # fmt: skip
    assert POLICIES["2026-1"].weights == (6_000, 0, 0, 0, 4_000, 0, 0)
    assert POLICIES["2026-2"].weights == (3_500, 1_000, 1_500, 1_000, 2_000, 500, 500)


def test_a_negative_weight_counts_against() -> None:
    takers_first = Policy("try", distance=PARTS, reciprocity=-2_000)
    giver, taker = Sums(given_minutes=6_000), Sums(taken_minutes=6_000)
    case = case_of(job(), contractor(), NOBODY, free_minutes=480)
    assert score(case, takers_first, giver).score < score(case, takers_first, taker).score
    assert score(case, POLICY, giver).score > score(case, POLICY, taker).score
    (against,) = (
        term.points
        for term in told(seen(score(case, takers_first, giver)), takers_first).terms
        if term.name == "reciprocity"
    )
    assert against == Decimal("-0.1715")


def test_one_bad_rating_is_not_a_verdict() -> None:
    newcomer = merit(NEWCOMER, POLICY)
    once, always = merit(Sums(ratings=1, stars=1), POLICY), merit(Sums(ratings=50, stars=50), POLICY)
    assert (newcomer.rating, newcomer.acceptance, newcomer.reciprocity) == (7_500, PARTS, PARTS // 2)
    assert newcomer.rating > once.rating > 6_000 > always.rating


def test_the_drive_counts_the_more_the_sooner_somebody_must_be_there() -> None:
    far = contractor(place=north_of_flensburg(45))
    fit = [
        score(case_of(job(response_time=wanted), far, NOBODY, free_minutes=480)).terms[1]
        for wanted in (ResponseTime.four_hours, ResponseTime.next_business_day, ResponseTime.scheduled)
    ]
    assert fit[0] < fit[1] < fit[2] == PARTS


# -- what never helps, what never hurts ----------------------------------------------------------------


@SOME
@given(networks, st.integers(0, 1_000), st.integers(0, 8))
def test_the_order_of_input_does_not_matter(
    network: list[tuple[Contractor, Sums]], seed: int, taken: int
) -> None:
    posted = job()
    busy = network[:taken]
    mixed = list(network)
    Random(seed).shuffle(mixed)
    one, other = world_of(network, posted, taken), world_of(mixed, posted)
    other.taken = one.taken
    assert len(busy) <= taken
    first, second = ranked_in(one, posted), ranked_in(other, posted)
    assert (first.seen, first.asked, first.removed) == (second.seen, second.asked, second.removed)


@SOME
@given(networks, st.integers(0, FIRST_LOOK - 1), st.integers(1, 40))
def test_raising_only_a_rating_never_lowers_a_rank(
    network: list[tuple[Contractor, Sums]], number: int, more: int
) -> None:
    if number >= len(network):
        return
    posted = job()
    partner, sums = network[number]
    better = list(network)
    better[number] = (partner, sums._replace(stars=min(5 * sums.ratings, sums.stars + more)))
    before, after = (
        [each.partner_id for each in passed(ranked_in(world_of(each, posted), posted))]
        for each in (network, better)
    )
    assert set(before) == set(after)
    if partner.partner_id in before:
        assert after.index(partner.partner_id) <= before.index(partner.partner_id)


def tightened(posted: Job, how: str) -> Job:
    match how:
        case "level":
            (wanted,) = posted.certifications
            return replace(posted, certifications=(wanted.model_copy(update={"level": wanted.level + 1}),))
        case "another":
            other = RequiredCertification(manufacturer="Agfeo", product_line="HyperVoice", level=1)
            return replace(posted, certifications=(*posted.certifications, other))
        case "later":
            return replace(posted, last_day=posted.last_day + timedelta(days=1))
        case "sum":
            return replace(posted, insurance_cents=300_000_001)
        case _:
            return replace(posted, highest_zone=1)


@SOME
@given(networks, st.sampled_from(["level", "another", "later", "sum", "zone"]))
def test_a_tightened_constraint_lets_nobody_in_and_improves_nothing(
    network: list[tuple[Contractor, Sums]], how: str
) -> None:
    posted = job()
    before = passed(ranked_in(world_of(network, posted), posted))
    after = passed(ranked_in(world_of(network, posted), tightened(posted, how)))
    order = [each.partner_id for each in before]
    assert [each for each in after if each not in before] == []
    assert [order.index(each.partner_id) for each in after] == sorted(
        order.index(each.partner_id) for each in after
    )


@SOME
@given(networks)
def test_level_three_satisfies_two_and_expiry_on_the_last_day_passes(
    network: list[tuple[Contractor, Sums]],
) -> None:
    posted = job()
    for partner, _ in network:
        level_three = Certification(manufacturer="Agfeo", product_line="ES", level=3, valid_until=LAST)
        insured = Insurance(300_000_000, FIRST, LAST)
        fit = replace(partner, certifications=(level_three,), insurance=insured)
        failed = judge(case_of(posted, fit, NOBODY, free_minutes=480))
        assert failed is None or failed.constraint not in ("insurance", "certification")
        day_before = LAST - timedelta(days=1)
        for constraint, lapsed in (
            ("insurance", replace(fit, insurance=replace(insured, valid_until=day_before))),
            ("certification",
             replace(fit, certifications=(level_three.model_copy(update={"valid_until": day_before}),))),
        ):  # fmt: skip
            gone = judge(case_of(posted, lapsed, NOBODY, free_minutes=480))
            assert gone is not None
            assert failed is not None or gone.constraint == constraint


# -- reasons -------------------------------------------------------------------------------------------


@SOME
@given(networks, st.integers(0, 8))
def test_every_stated_failure_really_fails_and_is_the_first(
    network: list[tuple[Contractor, Sums]], taken: int
) -> None:
    posted = job()
    world = world_of(network, posted, taken)
    one = ranked_in(world, posted)
    client = ClientSide.of(posted, world.rows[posted.client_id])
    for each in one.seen:
        partner = world.rows[each.partner_id]
        free = partner.weekly_minutes - each.reserved_minutes
        case = case_of(posted, partner, client, free_minutes=free, lost=each.partner_id in one.lost)
        answers = {name: constraint(case) for name, constraint in GATE}
        first = next((name for name, answer in answers.items() if answer is not None), None)
        assert each.constraint == first
        if first is not None:
            assert answers[first] == (each.fact, each.fact_de)
    assert sum(one.removed.values()) + len(passed(one)) == one.looked_at == len(network) + 1


def test_a_near_neighbour_who_may_not_is_told_by_name() -> None:
    network = [contractor(place=north_of_flensburg(km)) for km in range(1, 11)]
    uninsured = contractor(place=north_of_flensburg(2.5), insurance=None)
    uncertified = contractor(place=north_of_flensburg(1.5), certifications=())
    world = World(*network, uninsured, uncertified)
    posted = job()
    world.client(posted)
    state = post(world, posted)
    assert state.offer is not None
    accept = AcceptOffer(
        job_id=posted.job_id, contractor_id=state.offer.contractor_id, offer_id=state.offer.offer_id
    )
    world.apply(posted.job_id, assignment.accept(state, accept, world))
    others = world.told(JobAssigned)[0].others
    failed = {other.contractor_id: other.failed[0] for other in others if not other.eligible}
    assert {failure.constraint for failure in failed.values()} == {"insurance", "certification"}
    assert failed[uncertified.partner_id].fact == "lacks Agfeo ES level 2"
    assert failed[uncertified.partner_id].fact_de == "ohne Agfeo ES Stufe 2"
    assert len([other for other in others if other.eligible]) == 3


def test_why_not_in_german_and_in_english() -> None:
    posted = job()
    near, far = contractor(), contractor(place=north_of_flensburg(30))
    chosen, other = (seen(score(case_of(posted, p, NOBODY, free_minutes=2400))) for p in (near, far))
    assert why_not(other, chosen, POLICY, "de") == (
        f"{(other.score or 0) / 10_000:.4f}".replace(".", ",")
        + ", -0,0412 gegen den Gewählten: Nähe -0,0350, Reaktionszeit -0,0062"
    )
    assert "against the chosen one: distance -0.0350, response-fit -0.0062" in why_not(
        other, chosen, POLICY, "en"
    )
    assert why_not(chosen, chosen, POLICY, "en").startswith("0.8875 points: distance 0.3500 + response-fit")
    twin = replace(chosen, partner_id=uuid7())
    assert why_not(twin, chosen, POLICY, "de").endswith("gleichauf, die kleinere Nummer zählt")
    case = case_of(posted, contractor(insurance=None), NOBODY)
    failure = judge(case)
    assert failure is not None
    assert why_not(seen_failed(case, failure), chosen, POLICY, "de") == (
        "insurance: keine Haftpflichtversicherung bekannt"
    )
    assert (
        why_not(seen_failed(case, failure), None, POLICY, "en") == "insurance: no liability insurance known"
    )


# -- once more -----------------------------------------------------------------------------------------


def known_to(world: World) -> dict[tuple[UUID, int], Contractor]:
    return {(row.partner_id, row.version): row for row in world.rows.values()}


@SOME
@given(networks, st.integers(0, 8), st.sampled_from([OfferPolicy.sequential, OfferPolicy.broadcast]))
def test_replay_gives_the_same_decision(
    network: list[tuple[Contractor, Sums]], taken: int, policy: OfferPolicy
) -> None:
    posted = job(policy=policy)
    world = world_of(network, posted, taken)
    state = post(world, posted)
    while state.offer is not None:
        world.now = max(world.now + timedelta(hours=1), state.offer.expires_at)
        state = world.apply(posted.job_id, assignment.expire(state, world, EXPIRY))
    rounds = world.records[posted.job_id].rounds
    assert len(rounds) == state.round
    for one in rounds:
        kept = round_as_json.validate_json(round_as_json.dump_json(one, exclude_defaults=True))
        assert same(kept, replay(kept, posted, known_to(world), POLICY))


def test_replay_finds_a_decision_that_was_changed_afterwards() -> None:
    network = [(contractor(place=north_of_flensburg(km)), NEWCOMER) for km in (0, 10)]
    posted = job()
    world = world_of(network, posted)
    one = ranked_in(world, posted)
    known = known_to(world)
    assert same(one, replay(one, posted, known, POLICY))
    swapped = replace(one, seen=one.seen[::-1], asked=(one.seen[1].partner_id,))
    assert not same(swapped, replay(swapped, posted, known, POLICY))
    assert not same(one, replay(one, posted, known, POLICIES["2026-1"]))
    forgotten = {key: row for key, row in known.items() if key[0] != one.seen[0].partner_id}
    assert replay(one, posted, forgotten, POLICY).missing == ((one.seen[0].partner_id, 1),)
    assert not same(one, replay(one, posted, forgotten, POLICY))


def test_by_hand_the_others_may_be_ahead() -> None:
    near, far = contractor(), contractor(place=north_of_flensburg(30))
    world, posted = World(near, far), job()
    world.client(posted)
    state = post(world, posted)
    command = AssignByHand(job_id=posted.job_id, contractor_id=far.partner_id, reason="knows the site")
    world.apply(posted.job_id, assignment.assign_by_hand(state, command, world))
    assigned: Any = world.told(JobAssigned)[0]
    ahead = next(other for other in assigned.others if other.contractor_id == near.partner_id)
    assert sum(each.points for each in ahead.behind) == Decimal("-0.0412")
    record = world.records[posted.job_id]
    assert [one.asked for one in record.rounds] == [(near.partner_id,), (far.partner_id,)]
    assert record.deeds == (), "given by hand is no answer to an offer"


def _by_hand(world: World, state: Assignment, partner: Contractor) -> tuple[Any, bool]:
    """What is told of it, and whether the last round comes out the same again."""
    job_id = state.job.job_id
    command = AssignByHand(job_id=job_id, contractor_id=partner.partner_id, reason="knows the site")
    world.apply(job_id, assignment.assign_by_hand(state, command, world))
    (assigned,) = world.told(JobAssigned)
    one = world.records[job_id].rounds[-1]
    known = {(each.partner_id, each.version): each for each in world.rows.values()}
    return assigned, same(one, replay(one, one.job or state.job, known, POLICY))


def test_by_hand_who_volunteered_after_he_was_ranked_is_seen_as_a_volunteer() -> None:
    near, far = contractor(), contractor(place=north_of_flensburg(30))
    world, posted = World(near, far), job()
    state = post(world, posted)
    hand_up = Volunteer(job_id=posted.job_id, contractor_id=far.partner_id)
    state = world.apply(posted.job_id, assignment.volunteer(state, hand_up, world, EXPIRY))
    assert state.offer_to(near.partner_id), "he is asked meanwhile"
    assigned, comes_out_the_same = _by_hand(world, state, far)
    assert {each.name: each.value for each in assigned.chosen.terms}["volunteered"] == 1
    assert comes_out_the_same


def test_by_hand_after_an_amendment_on_hold_nobody_who_was_ranked_before_is_compared() -> None:
    both = offering(response_times=frozenset((ResponseTime.next_business_day, ResponseTime.scheduled)))
    near, far = (contractor(place=north_of_flensburg(km), availability=both) for km in (0, 30))
    world, posted = World(near, far), job()
    state = post(world, posted)
    stop = HoldJob(job_id=posted.job_id, reason="access")
    state = world.apply(posted.job_id, assignment.hold(state, stop, world))
    amended = replace(posted, response_time=ResponseTime.scheduled)
    state = world.apply(posted.job_id, amend(state, amended, world, EXPIRY))
    assigned, comes_out_the_same = _by_hand(world, state, far)
    assert assigned.others == []
    assert comes_out_the_same


def test_equal_candidates_are_ordered_by_id() -> None:
    alike = [contractor() for _ in range(12)]
    posted = job()
    able, _ = rank([case_of(posted, p, NOBODY) for p in alike], {p.partner_id: 2400 for p in alike})
    assert [r.case.contractor.partner_id for r in able] == sorted(p.partner_id for p in alike)
