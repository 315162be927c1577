"""What must hold for any partners and any order of events."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.decisions import Rejected, Wake
from contracts.matching_commands_v1 import (
    AcceptOffer,
    AssignByHand,
    DeclineOffer,
    DeclineReason,
    HoldJob,
    RankAgain,
    ReleaseAssignment,
    ReleaseReason,
    ReportNoShow,
    Volunteer,
)
from contracts.values import Certification, CustomerStatus, KindOfWork, OfferPolicy
from matching.candidates import PartnerIndex
from matching.domain import amending, assignment
from matching.domain.gate import WITHOUT_CAPACITY, ClientSide, case_of, judge
from matching.domain.model import Assignment, Contractor, Insurance, Job, Phase
from matching.domain.ranking import look_over
from matching.testing import (
    EXPIRY,
    FIRST,
    LAST,
    World,
    contractor,
    job,
    north_of_flensburg,
    offering,
)

NOBODY = ClientSide(frozenset(), frozenset())
days = st.sampled_from([FIRST, LAST, LAST + timedelta(days=1), date(2027, 12, 31), date(2026, 11, 23)])


PLACES = [north_of_flensburg(km) for km in (0, 0, 3, 24.96, 25.04, 49.94, 50.06, 80)]
INSURANCES = [None, *(Insurance(300_000_000, FIRST, day) for day in (FIRST, LAST, LAST))]


@st.composite
def partners(draw: st.DrawFn) -> Contractor:
    """Most of them fit, each may lack something."""
    return contractor(
        place=draw(st.sampled_from([None, *PLACES])),
        customer_status=draw(st.sampled_from([CustomerStatus.active] * 5 + [CustomerStatus.blocked])),
        suspended=draw(st.sampled_from([False] * 5 + [True])),
        insurance=draw(st.sampled_from(INSURANCES)),
        certifications=tuple(
            Certification(manufacturer="Agfeo", product_line="ES", level=level, valid_until=day)
            for level, day in draw(st.lists(st.tuples(st.integers(1, 5), days), max_size=3))
        ),
        availability=draw(st.sampled_from([None, *(
            offering(
                radius_km=radius, nationwide=nationwide, weekly_minutes=minutes,
                kinds_of_work=frozenset({kind}),
            )
            for radius, nationwide, kind, minutes in (
                (25, False, KindOfWork.installation, 2400), (50, False, KindOfWork.installation, 480),
                (50, False, KindOfWork.installation, 2400), (0, True, KindOfWork.installation, 2400),
                (None, True, KindOfWork.service, 2400), (None, False, KindOfWork.installation, 2400),
            )
        )])),
    )  # fmt: skip


def looked(index: PartnerIndex, state: Assignment, most: int = 10_000) -> Any:
    return index.look(state, NOBODY, most)


@given(st.lists(partners(), max_size=40))
def test_memory_proposes_exactly_those_a_full_scan_finds(network: list[Contractor]) -> None:
    index = PartnerIndex(room=4)
    for partner in network:
        index.remember(partner)
    state = Assignment(job())
    found = looked(index, state)
    brute = look_over(state.job, NOBODY, (), network)
    assert {c.contractor.partner_id for c in found.passed} == {c.contractor.partner_id for c in brute.passed}
    assert +Counter(found.removed) == +Counter(brute.removed)
    assert found.looked_at == len(network)
    assert [c.distance_km for c in found.passed] == sorted(c.distance_km or 0.0 for c in brute.passed)


@given(st.lists(partners(), max_size=30), st.integers(0, 1_000))
def test_the_order_of_arrival_and_of_repeated_versions_does_not_matter(
    network: list[Contractor], seed: int
) -> None:
    state = Assignment(job())
    one, other = PartnerIndex(), PartnerIndex()
    for partner in network:
        one.remember(partner)
    shuffled = [*network, *(replace(partner, suspended=not partner.suspended) for partner in network)]
    for partner in shuffled[len(network) :]:
        other.remember(replace(partner, version=1))
    mixed = list(network)
    Random(seed).shuffle(mixed)
    for partner in mixed:
        other.remember(replace(partner, version=2))
    ids = [[c.contractor.partner_id for c in looked(index, state, 7).passed] for index in (one, other)]
    assert ids[0] == ids[1]


@given(st.lists(partners(), max_size=25), partners())
def test_a_partner_who_may_not_changes_nothing(network: list[Contractor], added: Contractor) -> None:
    posted = job()
    if judge(case_of(posted, added, NOBODY), WITHOUT_CAPACITY) is None:
        added = replace(added, suspended=True)
    world, larger = World(*network), World(*network, added)
    for each in (world, larger):
        each.client(posted)
        each.apply(posted.job_id, assignment.post(None, posted, each, EXPIRY))

    def in_order(seen_by: World) -> list[tuple[UUID, int | None]]:
        (first,) = seen_by.record(posted.job_id).rounds
        return [(one.partner_id, one.score) for one in first.seen if one.constraint is None]

    assert in_order(world) == in_order(larger)
    assert world.states[posted.job_id].contractor_id == larger.states[posted.job_id].contractor_id


DEEDS = ("accept", "stranger", "decline", "expire", "release", "no_show", "cancel", "volunteer", "by_hand",
         "start", "complete", "lapse", "reinstate", "award", "search", "amend", "hold", "rank_again")  # fmt: skip
AMENDMENTS: tuple[dict[str, Any], ...] = (
    {"first_day": FIRST + timedelta(days=7), "last_day": LAST + timedelta(days=7)},
    {"hours": Decimal("12.00")},
    {"insurance_cents": 10**10},
)
"""To another week, to more of the week than two jobs have room in, to what nobody may."""


class Story:
    """A few jobs, few partners with little time, and anything that can happen."""

    def __init__(self, policy: OfferPolicy) -> None:
        self.partners = [
            contractor(
                place=north_of_flensburg(km),
                availability=offering(weekly_minutes=960, standing_offer=km == 0),
            )
            for km in (0, 5, 9)
        ]
        self.world = World(*self.partners)
        self.jobs = [job(policy=policy) for _ in range(6)]
        for posted in self.jobs:
            self.world.client(posted)
            self.world.apply(posted.job_id, assignment.post(None, posted, self.world, EXPIRY))

    def do(self, deed: str, number: int, who: int) -> None:
        world, posted = self.world, self.jobs[number]
        state = world.states[posted.job_id]
        partner = self.partners[who]
        if deed in ("lapse", "reinstate"):
            row = world.rows[partner.partner_id]
            world.know(replace(row, version=row.version + 1, suspended=deed == "lapse"))
            for posted in self.jobs:
                again = assignment.recheck(world.states[posted.job_id], world, EXPIRY)
                world.apply(posted.job_id, again)
            return
        try:
            decision = self._decision(
                deed, state, state.contractor_id or partner.partner_id, partner.partner_id
            )
        except Rejected:
            return
        world.apply(posted.job_id, decision)
        for wake in decision.wakes if decision is not None else ():
            assert isinstance(wake, Wake)
            if wake.name == "count":
                continue
            woken = UUID(wake.aggregate_id)
            world.apply(woken, assignment.recheck(world.states[woken], world, EXPIRY))

    def _posted(self, job_id: UUID) -> Job:
        return next(one for one in self.jobs if one.job_id == job_id)

    def _decision(self, deed: str, state: Assignment, his: UUID, anybody: UUID) -> Any:
        world, job_id = self.world, state.job.job_id
        offer_id = state.offer.offer_id if state.offer else job_id
        match deed:
            case "accept" | "stranger":
                contractor_id = his if deed == "accept" else anybody
                command = AcceptOffer(job_id=job_id, contractor_id=contractor_id, offer_id=offer_id)
                return assignment.accept(state, command, world)
            case "decline":
                declined = DeclineOffer(
                    job_id=job_id, contractor_id=his, offer_id=offer_id, reason=DeclineReason.other
                )
                return assignment.decline(state, declined, world, EXPIRY)
            case "expire":
                world.now = max(world.now, state.offer.expires_at) if state.offer else world.now
                return assignment.expire(state, world, EXPIRY)
            case "release":
                back = ReleaseAssignment(job_id=job_id, contractor_id=his, reason=ReleaseReason.illness)
                return assignment.release(state, back, world, EXPIRY)
            case "no_show":
                away = ReportNoShow(job_id=job_id, client_id=state.job.client_id, contractor_id=his)
                return assignment.report_no_show(state, away, world, EXPIRY)
            case "cancel":
                return assignment.cancel(state, world)
            case "volunteer":
                hand_up = Volunteer(job_id=job_id, contractor_id=anybody)
                return assignment.volunteer(state, hand_up, world, EXPIRY)
            case "by_hand" | "hold" | "rank_again":
                return self._dispatchers_command(deed, state, anybody)
            case "start":
                return assignment.start(state, his, world)
            case "complete":
                return assignment.complete(state, 480, world)
            case _:
                return self._nobodys_command(deed, state, anybody)

    def _dispatchers_command(self, deed: str, state: Assignment, anybody: UUID) -> Any:
        world, job_id = self.world, state.job.job_id
        if deed == "hold":
            return assignment.hold(state, HoldJob(job_id=job_id, reason="waits for parts"), world)
        if deed == "rank_again":
            return assignment.rank_again(state, RankAgain(job_id=job_id, reason="go on"), world, EXPIRY)
        by_hand = AssignByHand(job_id=job_id, contractor_id=anybody, reason="asked by phone")
        return assignment.assign_by_hand(state, by_hand, world)

    def _nobodys_command(self, deed: str, state: Assignment, anybody: UUID) -> Any:
        if deed == "amend":
            changes = AMENDMENTS[[each.partner_id for each in self.partners].index(anybody)]
            changed = replace(self._posted(state.job.job_id), **changes)
            return amending.amend(state, changed, self.world, EXPIRY)
        if deed == "award":
            return assignment.take_standing_offer(state, self.world, EXPIRY)
        return assignment.search_again(state, self.world, EXPIRY)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from([OfferPolicy.direct, OfferPolicy.sequential, OfferPolicy.broadcast]),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 5), st.integers(0, 2)), max_size=40),
)
def test_any_order_of_events_reconciles(policy: OfferPolicy, deeds: list[tuple[str, int, int]]) -> None:
    story = Story(policy)
    for deed in deeds:
        story.do(*deed)
        assert story.world.reconciles(), deed
        for state in story.world.states.values():
            assert (state.phase is Phase.ASSIGNED) <= (state.reserved_minutes == state.job.minutes)
            assert (state.phase is Phase.OFFERED) == (state.offer is not None)
    held: dict[UUID, int] = {}
    for event in story.world.events:
        name = type(event).__name__
        if name == "JobAssigned":
            held[event.job_id] = held.get(event.job_id, 0) + 1  # type: ignore[attr-defined]
        elif name == "AssignmentReleased":
            held[event.job_id] -= 1  # type: ignore[attr-defined]
        assert all(count in (0, 1) for count in held.values()), "assigned twice, or released twice"
