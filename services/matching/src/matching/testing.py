"""Partners, jobs and a world in memory: the rules can be played on it without I/O. For tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.decisions import Decision, Rejected
from contracts.ids import job_number, uuid7
from contracts.matching_commands_v1 import AcceptOffer, DeclineOffer, DeclineReason
from contracts.values import (
    Certification,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    RequiredCertification,
    ResponseTime,
)
from matching.candidates import PartnerIndex
from matching.domain import assignment
from matching.domain.gate import NOWHERE, ClientSide, least_dot
from matching.domain.model import (
    Assignment,
    Availability,
    Capacity,
    Contractor,
    Engagement,
    Insurance,
    Job,
    Phase,
    Record,
    Term,
    TravelZone,
    capacity_key,
)
from matching.domain.places import Place, place_at
from matching.domain.policy import POLICY
from matching.domain.ranking import Look
from matching.domain.standing import NEWCOMER, Sums
from matching.domain.view import Expiry

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 24), date(2026, 11, 25)
FLENSBURG = place_at(54.784, 9.430)
EXPIRY = Expiry(timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=4))
ZONES = (
    TravelZone(1, 25, Decimal("20.00")),
    TravelZone(2, 75, Decimal("45.00")),
    TravelZone(3, 200, Decimal("90.00")),
)
CERTIFICATION = Certification(
    manufacturer="Agfeo", product_line="ES", level=3, valid_until=date(2027, 12, 31)
)


def north_of_flensburg(km: float) -> Place:
    """A point so many kilometres to the north."""
    return place_at(54.784 + km / 111.195, 9.430)


def contractor(**changed: object) -> Contractor:
    """A partner who passes for `job()`."""
    fit = Contractor(
        partner_id=uuid7(),
        version=1,
        place=FLENSBURG,
        customer_status=CustomerStatus.active,
        group=None,
        suspended=False,
        agreements=(Term(date(2026, 1, 1), None),),
        insurance=Insurance(300_000_000, date(2026, 1, 1), date(2026, 12, 31)),
        certifications=(CERTIFICATION,),
        availability=Availability(
            50,
            nationwide=False,
            weekly_minutes=2400,
            kinds_of_work=frozenset({KindOfWork.installation}),
            response_times=frozenset({ResponseTime.next_business_day}),
            standing_offer=False,
        ),
        excluded=frozenset(),
    )
    return replace(fit, **changed)  # type: ignore[arg-type]


def offering(**changed: object) -> Availability:
    """The availability of `contractor()`, changed."""
    availability = contractor().availability
    if availability is None:
        raise ValueError("contractor() has an availability")
    return replace(availability, **changed)  # type: ignore[arg-type]


def job(**changed: object) -> Job:
    """Two days in Flensburg in ISO week 48 of 2026, eight hours, an Agfeo certification of level 2."""
    job_id = uuid7()
    posted = Job(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=uuid7(),
        client_group=None,
        postcode="24937",
        place=FLENSBURG,
        kind_of_work=KindOfWork.installation,
        response_time=ResponseTime.next_business_day,
        certifications=(RequiredCertification(manufacturer="Agfeo", product_line="ES", level=2),),
        first_day=FIRST,
        last_day=LAST,
        starts_at=datetime(2026, 11, 24, 7, 0, tzinfo=UTC),
        ends_at=datetime(2026, 11, 25, 16, 0, tzinfo=UTC),
        hours=Decimal("8.00"),
        insurance_cents=100_000_000,
        highest_zone=2,
        policy=OfferPolicy.sequential,
        per_hour=Decimal("72.50"),
        zones=ZONES,
    )
    return replace(posted, **changed)  # type: ignore[arg-type]


class World:
    """The database and the memory of one replica, without I/O. Implements domain.view.View."""

    def __init__(self, *partners: Contractor, now: datetime = NOW) -> None:
        self.actor = "distributor:test"
        self.index = PartnerIndex()
        self.standings: dict[UUID, Sums] = {}
        self.records: dict[UUID, Record] = {}
        self.policy = POLICY
        self.rows: dict[UUID, Contractor] = {}
        self.taken: dict[str, Capacity] = {}
        self.states: dict[UUID, Assignment] = {}
        self.timers: dict[tuple[UUID, str], datetime] = {}
        self.events: list[object] = []
        self.now = now
        self.policy = POLICY
        for partner in partners:
            self.know(partner)

    def know(self, partner: Contractor) -> None:
        """Everybody knows of this partner."""
        self.rows[partner.partner_id] = partner
        self.index.remember(partner)

    def client(self, posted: Job) -> Contractor:
        """Make the job's client known."""
        client = contractor(partner_id=posted.client_id, availability=None)
        self.know(client)
        return client

    def apply(self, job_id: UUID, decision: Decision[Assignment] | None) -> Assignment:
        """What the path does with a decision."""
        if decision is not None:
            self.states[job_id] = decision.state
            self.events.extend(decision.events)
            for change in decision.also:
                if isinstance(change.value, Record):
                    self.records[job_id] = change.value
                elif isinstance(change.value, Capacity):
                    self.taken[change.id] = replace(change.value, known=True)
                else:
                    raise TypeError("only capacity and record are changed beside the assignment")
            for name, due_at in decision.timers.items():
                self.timers.pop((job_id, name), None)
                if due_at is not None:
                    self.timers[(job_id, name)] = due_at
        return self.states[job_id]

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- the view ----------------------------------------------------------------------------------

    def new_id(self) -> UUID:
        return uuid7(self.now)

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look:
        return self.index.look(state, client, most)

    def near(self, job: Job, most: int) -> Sequence[Contractor]:
        return self.index.near(job, most)

    def standing(self, partner_id: UUID) -> Sums:
        return self.standings.get(partner_id, NEWCOMER)

    def record(self, job_id: UUID) -> Record:
        return self.records.get(job_id) or Record(job_id)

    def remembered(self, partner_id: UUID) -> int:
        return self.index.version_of(partner_id)

    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]:
        return {each: self.rows.get(each) for each in partner_ids}

    def held(self, partner_id: UUID) -> Contractor | None:
        return self.rows.get(partner_id)

    def capacity(self, partner_id: UUID, week: str) -> Capacity:
        return self.taken.get(capacity_key(partner_id, week), Capacity.unused(partner_id, week))

    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]:
        return {each: self.capacity(each, week).reserved_minutes for each in partner_ids}

    def in_reach(self, _: str) -> Sequence[tuple[UUID, int]]:
        return [(row.partner_id, row.version) for row in self.rows.values() if least_dot(row) < NOWHERE]

    def engagements(self, partner_id: UUID) -> Sequence[Engagement]:
        return [
            Engagement(
                state.job.job_id,
                state.phase,
                as_client=state.job.client_id == partner_id,
                week=state.job.week,
                minutes=state.job.minutes,
            )
            for state in self.states.values()
            if state.phase in (Phase.OFFERED, Phase.ASSIGNED)
            and (partner_id in (state.contractor_id, state.job.client_id) or state.offer_to(partner_id))
        ]

    # -- what must always be true ------------------------------------------------------------------

    def reconciles(self) -> bool:
        """Reserved minutes are what assignments say, and nobody has more than he offered."""
        sums: dict[str, int] = {}
        for state in self.states.values():
            if state.reserved_minutes:
                if state.contractor_id is None:
                    return False
                key = capacity_key(state.contractor_id, state.job.week)
                sums[key] = sums.get(key, 0) + state.reserved_minutes
        recorded = {key: row.reserved_minutes for key, row in self.taken.items() if row.reserved_minutes}
        within = all(row.reserved_minutes <= row.offered_minutes for row in self.taken.values())
        return sums == recorded and within


def post(world: World, posted: Job) -> Assignment:
    """The job's client is known, and it is posted."""
    world.client(posted)
    return world.apply(posted.job_id, assignment.post(None, posted, world, EXPIRY))


def accept(world: World, state: Assignment) -> Assignment:
    """Who is asked first takes it. Raises Rejected."""
    asked, offer_id = _asked_first(state)
    command = AcceptOffer(job_id=state.job.job_id, contractor_id=asked, offer_id=offer_id)
    return world.apply(state.job.job_id, assignment.accept(state, command, world))


def decline(world: World, state: Assignment) -> Assignment:
    """Who is asked first does not want it."""
    asked, offer_id = _asked_first(state)
    command = DeclineOffer(
        job_id=state.job.job_id, contractor_id=asked, offer_id=offer_id, reason=DeclineReason.too_far
    )
    return world.apply(state.job.job_id, assignment.decline(state, command, world, EXPIRY))


def _asked_first(state: Assignment) -> tuple[UUID, UUID]:
    if state.offer is None:
        raise ValueError("nobody is asked")
    return state.offer.contractor_id, state.offer.offer_id


def refused(decide: Callable[[], object]) -> str:
    """The code of the refusal."""
    try:
        decide()
    except Rejected as refusal:
        return refusal.code
    raise AssertionError("it was not refused")
