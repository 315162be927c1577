"""From posting to award and back: who is asked next, and where the capacity is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chassis.decisions import Rejected
from contracts.ids import uuid7
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    CandidatesRanked,
    JobAssigned,
    JobOffered,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
)
from contracts.matching_commands_v1 import (
    AcceptOffer,
    AssignByHand,
    ReleaseAssignment,
    ReleaseReason,
    ReportNoShow,
    Volunteer,
)
from contracts.values import OfferPolicy
from matching.domain import assignment
from matching.domain.contractors import remember
from matching.domain.explanation import replay, same
from matching.domain.model import Act, ActKind, Contractor, Phase, capacity_key
from matching.domain.policy import POLICY
from matching.domain.standing import DeedKind
from matching.testing import (
    EXPIRY,
    World,
    accept,
    contractor,
    decline,
    job,
    north_of_flensburg,
    offering,
    post,
    refused,
)


def three() -> tuple[Contractor, Contractor, Contractor]:
    near, middle, far = (contractor(place=north_of_flensburg(km)) for km in (0, 10, 30))
    return near, middle, far


def test_the_nearest_is_asked_and_gets_it() -> None:
    near, middle, far = three()
    world = World(far, near, middle)
    state = post(world, job())
    ranked, offered = world.told(CandidatesRanked)[0], world.told(JobOffered)[0]
    assert [c.contractor_id for c in ranked.candidates[:3]] == [p.partner_id for p in (near, middle, far)]
    assert offered.earnings.estimated_total.amount == Decimal("600.00")
    state = accept(world, state)
    assigned: Any = world.told(JobAssigned)[0]
    assert (state.phase, assigned.contractor_id, assigned.how) == (
        Phase.ASSIGNED,
        near.partner_id,
        "accepted",
    )
    assert assigned.distance_km == Decimal("0.0")
    assert {other.contractor_id for other in assigned.others} >= {middle.partner_id, far.partner_id}
    assert world.taken[capacity_key(near.partner_id, "2026-W48")].reserved_minutes == 480
    assert not world.timers
    assert world.reconciles()


def test_decline_expiry_and_then_nobody() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = decline(world, post(world, job()))
    assert state.contractor_id == middle.partner_id
    assert assignment.expire(state, world, EXPIRY) is None, "not yet"
    world.now = world.timers[(state.job.job_id, "offer-expires")]
    assert refused(lambda: accept(world, state)) == "offer-expired"
    state = world.apply(state.job.job_id, assignment.expire(state, world, EXPIRY))
    assert state.phase is Phase.UNFILLED
    assert len(world.told(OfferDeclined)) == len(world.told(OfferExpired)) == 1
    unfilled: Any = world.told(JobUnfilled)[0]
    assert unfilled.offers_made == 2
    assert {r.constraint: r.count for r in unfilled.removed} == {"lost-before": 2, "reach": 1}
    assert unfilled.cause == "nobody_left"


def test_a_strangers_answer_a_late_one_and_one_given_twice() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = post(world, job())
    assert state.offer is not None
    stranger = AcceptOffer(
        job_id=state.job.job_id, contractor_id=middle.partner_id, offer_id=state.offer.offer_id
    )
    assert refused(lambda: assignment.accept(state, stranger, world)) == "no-open-offer"
    other = AcceptOffer(job_id=state.job.job_id, contractor_id=near.partner_id, offer_id=uuid7())
    assert refused(lambda: assignment.accept(state, other, world)) == "no-open-offer"
    assert refused(lambda: assignment.accept(None, other, world)) == "unknown-job"
    again = AcceptOffer(job_id=state.job.job_id, contractor_id=near.partner_id, offer_id=state.offer.offer_id)
    taken = accept(world, state)
    assert refused(lambda: assignment.accept(taken, again, world)) == "no-open-offer"
    world.apply(taken.job.job_id, assignment.cancel(taken, world))
    assert refused(lambda: assignment.accept(world.states[taken.job.job_id], again, world)) == "no-open-offer"


def test_the_gate_is_asked_again_at_acceptance() -> None:
    near, _, _ = three()
    world = World(near)
    state = post(world, job())
    world.rows[near.partner_id] = replace(near, version=2, insurance=None)
    assert refused(lambda: accept(world, state)) == "gate-insurance"


def test_a_stale_memory_costs_a_candidate_and_never_the_rule() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    world.rows[near.partner_id] = replace(near, version=2, suspended=True)
    assert post(world, job()).contractor_id == middle.partner_id


def test_nobody_in_memory_is_asked_of_the_database_too() -> None:
    near, _, _ = three()
    world = World(replace(near, suspended=True))
    world.rows[near.partner_id] = replace(near, version=2)
    assert post(world, job()).contractor_id == near.partner_id


def test_a_database_that_lags_is_waited_for() -> None:
    near, _, _ = three()
    world = World(near)
    del world.rows[near.partner_id]
    state = post(world, job())
    assert (state.phase, "search") == (Phase.SEARCHING, next(iter(world.timers))[1])
    world.rows[near.partner_id] = near
    state = world.apply(state.job.job_id, assignment.search_again(state, world, EXPIRY))
    assert state.contractor_id == near.partner_id


def test_more_are_looked_at_when_the_nearest_have_no_time() -> None:
    busy = [contractor(availability=offering(weekly_minutes=60)) for _ in range(60)]
    free = contractor(place=north_of_flensburg(20))
    world = World(*busy, free)
    state = post(world, job())
    assert state.contractor_id == free.partner_id


def test_a_standing_offer_is_taken_at_once_where_the_client_wants_it() -> None:
    standing = contractor(availability=offering(standing_offer=True))
    world = World(standing)
    state = post(world, job(policy=OfferPolicy.direct))
    assert state.phase is Phase.AWARDING
    assert not world.told(JobOffered)
    state = world.apply(state.job.job_id, assignment.take_standing_offer(state, world, EXPIRY))
    assert world.told(JobAssigned)[0].how == "standing_offer"
    assert world.reconciles()


def test_release_and_no_show_lead_to_the_next_and_capacity_comes_back_once() -> None:
    near, middle, far = three()
    world = World(near, middle, far)
    state = accept(world, post(world, job()))
    back = ReleaseAssignment(
        job_id=state.job.job_id, contractor_id=near.partner_id, reason=ReleaseReason.illness
    )
    state = world.apply(state.job.job_id, assignment.release(state, back, world, EXPIRY))
    assert world.taken[capacity_key(near.partner_id, "2026-W48")].reserved_minutes == 0
    assert refused(lambda: assignment.release(state, back, world, EXPIRY)) == "not-your-job"
    state = accept(world, state)
    away = ReportNoShow(
        job_id=state.job.job_id, client_id=state.job.client_id, contractor_id=middle.partner_id
    )
    foreign = away.model_copy(update={"client_id": near.partner_id})
    assert refused(lambda: assignment.report_no_show(state, foreign, world, EXPIRY)) == "not-your-job"
    state = world.apply(state.job.job_id, assignment.report_no_show(state, away, world, EXPIRY))
    assert state.contractor_id == far.partner_id
    assert [e.reason for e in world.told(AssignmentReleased)] == ["released", "no_show"]
    assert world.reconciles()


@pytest.mark.parametrize(("minutes", "counts"), [(-1, False), (0, True)])
def test_who_was_not_due_yet_has_not_stayed_away(minutes: int, counts: bool) -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = accept(world, post(world, job()))
    assert state.job.starts_at is not None
    world.now = state.job.starts_at + timedelta(minutes=minutes)
    away = ReportNoShow(job_id=state.job.job_id, client_id=state.job.client_id, contractor_id=near.partner_id)
    state = world.apply(state.job.job_id, assignment.report_no_show(state, away, world, EXPIRY))
    assert state.contractor_id == middle.partner_id
    lost = [deed.kind for deed in world.record(state.job.job_id).deeds if deed.partner_id == near.partner_id]
    assert (DeedKind.LOST in lost) is counts


def test_nobody_gives_back_what_has_begun() -> None:
    world = World(contractor())
    state = accept(world, post(world, job()))
    assert state.contractor_id is not None
    state = world.apply(state.job.job_id, assignment.start(state, state.contractor_id, world))
    back = ReleaseAssignment(
        job_id=state.job.job_id, contractor_id=state.contractor_id or uuid7(), reason=ReleaseReason.other
    )
    assert refused(lambda: assignment.release(state, back, world, EXPIRY)) == "already-started"
    done = world.apply(state.job.job_id, assignment.complete(state, 480, world))
    assert (done.phase, done.reserved_minutes) == (Phase.COMPLETED, 480)


def test_who_is_there_although_released_a_moment_before_keeps_the_others_away() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = accept(world, post(world, job()))
    back = ReleaseAssignment(
        job_id=state.job.job_id, contractor_id=near.partner_id, reason=ReleaseReason.other
    )
    state = world.apply(state.job.job_id, assignment.release(state, back, world, EXPIRY))
    state = world.apply(state.job.job_id, assignment.start(state, near.partner_id, world))
    assert (state.phase, state.contractor_id) == (Phase.STARTED, near.partner_id)
    assert len(world.told(OfferWithdrawn)) == 1


def test_a_partner_who_lapses_loses_the_job_to_the_next() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = accept(world, post(world, job()))
    suspended = replace(near, version=2, suspended=True)
    decision = remember(near, suspended, world.engagements(near.partner_id), world.now)
    assert [wake.aggregate_id for wake in decision.wakes] == [str(state.job.job_id)]
    world.know(suspended)
    state = world.apply(state.job.job_id, assignment.recheck(state, world, EXPIRY))
    assert (state.phase, state.contractor_id) == (Phase.OFFERED, middle.partner_id)
    assert world.told(AssignmentReleased)[0].reason == "partner_lapsed"
    assert world.reconciles()


def test_his_own_reservation_does_not_count_against_him() -> None:
    full = contractor(availability=offering(weekly_minutes=480))
    world = World(full)
    state = accept(world, post(world, job()))
    assert assignment.recheck(state, world, EXPIRY) is None


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        pytest.param({"availability": offering(radius_km=0)}, True, id="a smaller radius"),
        pytest.param({"availability": offering(weekly_minutes=0)}, True, id="no hours"),
        pytest.param({"availability": offering(kinds_of_work=frozenset())}, True, id="other work"),
        pytest.param({"availability": None}, True, id="nothing offered any more"),
        pytest.param({"suspended": True}, False, id="suspended"),
        pytest.param({"insurance": None}, False, id="insurance revoked"),
    ],
)
def test_a_job_given_back_by_offering_less_counts_like_one_given_back(
    change: dict[str, Any], counts: bool
) -> None:
    near, far = contractor(place=north_of_flensburg(3)), contractor(place=north_of_flensburg(30))
    world = World(near, far)
    state = accept(world, post(world, job()))
    world.know(replace(near, version=2, **change))
    world.apply(state.job.job_id, assignment.recheck(state, world, EXPIRY))
    assert world.told(AssignmentReleased)[0].reason == "partner_lapsed"
    lost = [deed for deed in world.records[state.job.job_id].deeds if deed.kind is DeedKind.LOST]
    assert [deed.partner_id for deed in lost] == [near.partner_id] * counts


def test_an_offer_lapses_with_the_partner() -> None:
    near, middle, _ = three()
    world = World(near, middle)
    state = post(world, job())
    world.know(replace(near, version=2, insurance=None))
    state = world.apply(state.job.job_id, assignment.recheck(state, world, EXPIRY))
    assert state.contractor_id == middle.partner_id
    assert world.told(OfferWithdrawn)[0].reason == "partner_lapsed"


def test_a_change_that_no_gate_asks_for_wakes_nobody() -> None:
    world = World(contractor())
    state = accept(world, post(world, job()))
    row = world.rows[state.contractor_id or uuid7()]
    engagements = world.engagements(row.partner_id)
    assert not remember(row, replace(row, version=2), engagements, world.now).wakes
    assert remember(row, replace(row, version=1, suspended=True), engagements, world.now).state is row


def test_an_award_wakes_the_offers_that_no_longer_fit() -> None:
    one_slot = contractor(availability=offering(weekly_minutes=480))
    world = World(one_slot)
    first, second = post(world, job()), post(world, job())
    assert first.offer is not None
    command = AcceptOffer(
        job_id=first.job.job_id, contractor_id=one_slot.partner_id, offer_id=first.offer.offer_id
    )
    decision = assignment.accept(first, command, world)
    assert [wake.aggregate_id for wake in decision.wakes if wake.name == "recheck"] == [
        str(second.job.job_id)
    ]
    world.apply(first.job.job_id, decision)
    assert refused(lambda: accept(world, second)) == "gate-capacity"
    assert world.apply(second.job.job_id, assignment.recheck(second, world, EXPIRY)).phase is Phase.UNFILLED


def test_volunteers_are_ranked_a_little_higher_and_pass_the_gate() -> None:
    near, middle, far = three()
    world = World(near, middle, far)
    state = post(world, job())
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=far.partner_id)
    state = world.apply(state.job.job_id, assignment.volunteer(state, hand_up, world, EXPIRY))
    assert state.contractor_id == near.partner_id
    state = decline(world, state)
    assert state.contractor_id == far.partner_id
    lost = Volunteer(job_id=state.job.job_id, contractor_id=near.partner_id)
    assert refused(lambda: assignment.volunteer(state, lost, world, EXPIRY)) == "gate-lost-before"


def test_a_volunteer_for_a_job_that_nobody_took() -> None:
    world = World()
    state = post(world, job())
    assert state.phase is Phase.UNFILLED
    late = contractor()
    world.know(late)
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=late.partner_id)
    state = world.apply(state.job.job_id, assignment.volunteer(state, hand_up, world, EXPIRY))
    assert (state.phase, state.contractor_id) == (Phase.OFFERED, late.partner_id)


def test_a_volunteer_for_a_job_that_nobody_took_is_ranked_and_the_round_is_kept() -> None:
    world = World()
    state = post(world, job())
    late = contractor()
    world.know(late)
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=late.partner_id)
    decision = assignment.volunteer(state, hand_up, world, EXPIRY)
    state = world.apply(state.job.job_id, decision)
    assert world.told(CandidatesRanked)[-1].candidates[0].contractor_id == late.partner_id
    kept = world.record(state.job.job_id).rounds[-1]
    assert (kept.number, kept.volunteers, kept.asked) == (2, (late.partner_id,), (late.partner_id,))


def test_when_the_time_of_a_job_is_over_nobody_gets_it_any_more() -> None:
    world = World()
    state = post(world, job())
    late = contractor()
    world.know(late)
    world.now = state.job.ends_at
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=late.partner_id)
    assert refused(lambda: assignment.volunteer(state, hand_up, world, EXPIRY)) == "window-over"
    by_hand = AssignByHand(job_id=state.job.job_id, contractor_id=late.partner_id, reason="knows the site")
    assert refused(lambda: assignment.assign_by_hand(state, by_hand, world)) == "window-over"


@pytest.mark.parametrize("gone", ["lapsed", "window over"])
def test_a_standing_offer_is_judged_again_when_it_is_taken(gone: str) -> None:
    near = contractor(availability=offering(standing_offer=True))
    far = contractor(place=north_of_flensburg(30))
    world = World(near, far)
    state = post(world, job(policy=OfferPolicy.direct))
    assert (state.phase, state.contractor_id) == (Phase.AWARDING, near.partner_id)
    if gone == "lapsed":
        world.know(replace(near, version=near.version + 1, insurance=None))
    else:
        world.now = state.job.ends_at
    taken = assignment.take_standing_offer(state, world, EXPIRY)
    assert taken is not None
    state = world.apply(state.job.job_id, taken)
    assert world.told(JobAssigned) == []
    wanted = (Phase.OFFERED, far.partner_id) if gone == "lapsed" else (Phase.UNFILLED, None)
    assert (state.phase, state.contractor_id) == wanted


def test_a_dispatcher_chooses_among_those_who_pass() -> None:
    near, middle, _ = three()
    out = contractor(certifications=())
    world = World(near, middle, out)
    state = post(world, job())

    def by_hand(partner: Contractor) -> AssignByHand:
        return AssignByHand(
            job_id=state.job.job_id, contractor_id=partner.partner_id, reason="knows the site"
        )

    with pytest.raises(Rejected) as refusal:
        assignment.assign_by_hand(state, by_hand(out), world)
    assert refusal.value.code == "gate-certification"
    assert "certification: lacks Agfeo ES level 2" in refusal.value.message
    state = world.apply(state.job.job_id, assignment.assign_by_hand(state, by_hand(middle), world))
    assert state.contractor_id == middle.partner_id
    record = world.record(state.job.job_id)
    assert record.acts == (
        Act(ActKind.GIVEN_BY_HAND, world.now, world.actor, "knows the site", middle.partner_id),
    )
    kept = record.rounds[-1]
    assert (kept.number, kept.asked, len(kept.seen)) == (2, (middle.partner_id,), 1)
    known = {(row.partner_id, row.version): row for row in world.rows.values()}
    assert same(kept, replay(kept, state.job, known, POLICY))
    assert world.told(OfferWithdrawn)[0].reason == "assigned_otherwise"
    assert refused(lambda: assignment.assign_by_hand(state, by_hand(near), world)) == "not-open"


def test_cancelling_withdraws_the_offer_or_the_assignment() -> None:
    world = World(contractor())
    offered, assigned = post(world, job()), accept(world, post(world, job()))
    world.apply(offered.job.job_id, assignment.cancel(offered, world))
    state = world.apply(assigned.job.job_id, assignment.cancel(assigned, world))
    assert assignment.cancel(state, world).events == ()
    assert world.told(OfferWithdrawn)[0].reason == "cancelled"
    assert world.told(AssignmentReleased)[0].reason == "cancelled"
    assert world.reconciles()


def test_a_job_whose_time_has_passed_is_offered_to_nobody() -> None:
    world = World(contractor(), now=job().ends_at + timedelta(seconds=1))
    assert post(world, job()).phase is Phase.UNFILLED
