"""One run: the service's own decisions, fed in virtual time, with rows in memory instead of a database."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from chassis.decisions import Decision, Rejected
from chassis.routes import Decide, Given
from contracts.job_exchange_commands_v1 import CancelReason
from contracts.job_exchange_jobs_v1 import JobCancelled, JobPosted, JobStarted
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    JobAssigned,
    JobOffered,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
)
from contracts.matching_commands_v1 import AcceptOffer, DeclineOffer, DeclineReason, ReportNoShow
from contracts.messages import Message
from matching.candidates import PartnerIndex
from matching.domain import contractors
from matching.domain.model import (
    Assignment,
    Capacity,
    Contractor,
    Engagement,
    Insurance,
    Phase,
    capacity_key,
    day_of,
    week_of,
)
from matching.domain.ranking import POLICY, Policy
from matching.domain.view import Expiry
from matching.inbound import readers
from matching.simulation.lots import Lots
from matching.simulation.outcome import Course, Outcome
from matching.simulation.people import People
from matching.simulation.scenario import RATE_CARD, Illness, Posting, World, midnight
from matching.store import ASSIGNMENTS, CAPACITY, CONTRACTORS, ENGAGEMENTS, HELD, LOADS, RATE_CARDS, REACH

EXPIRY = Expiry(timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=4))
ENGAGED = (Phase.OFFERED, Phase.ASSIGNED)
NO_SHOWS = 0.01
LATE = timedelta(hours=1)

Act = Callable[[datetime], object]


def _nobody(_: str) -> tuple[()]:
    return ()


class _Rows(Mapping[str, Any]):
    """All rows of one kind, those that are not there too: nothing is ever not loaded yet."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def __getitem__(self, key: str) -> Any:
        return self._read(key)

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        raise TypeError("rows are asked for one by one")

    def __len__(self) -> int:
        raise TypeError("rows are asked for one by one")


class Engine:
    """A network of one world under one policy."""

    def __init__(self, world: World, policy: Policy = POLICY) -> None:
        self._world = world
        self._lots = Lots(world.seed)
        self._people = People(self._lots)
        self._index = PartnerIndex()
        self._reader = readers(self._index, EXPIRY, policy)[0]
        self._routes = {route.message: route for route in self._reader.routes}
        self._timers: dict[tuple[str, str], datetime] = {}
        self._due: list[tuple[datetime, int, Act]] = []
        self._number = count()
        self._states: dict[str, Assignment] = {}
        self._partners: dict[str, Contractor] = {}
        self._capacity: dict[str, Capacity] = {}
        self._engaged: dict[str, set[str]] = defaultdict(set)
        self._posted: dict[str, set[str]] = defaultdict(set)
        sources: dict[str, Callable[[str], Any]] = {
            ASSIGNMENTS.name: self._states.get,
            CONTRACTORS.name: self._partners.get,
            HELD.name: self._partners.get,
            CAPACITY.name: self._capacity.get,
            LOADS.name: self._capacity.get,
            ENGAGEMENTS.name: self._engagements,
            # the memory is never behind here: whom it does not find is not there
            REACH.name: _nobody,
            RATE_CARDS.name: lambda _: RATE_CARD,
        }
        self._rows = {name: _Rows(read) for name, read in sources.items()}
        self._courses: dict[UUID, Course] = {}
        self._ill: set[UUID] = set()

    def run(self, say: Callable[[datetime, int], None] = lambda *_: None) -> Outcome:
        """Until all is settled that was posted. `say(virtual time, jobs so far)`, now and then."""
        for dealer in self._world.dealers:
            self._partners[str(dealer.contractor.partner_id)] = dealer.contractor
            self._index.remember(dealer.contractor)
            if dealer.renews_on is not None:
                self._at(midnight(dealer.renews_on), self._renews(dealer.contractor.partner_id))
        for illness in self._world.illnesses:
            self._at(illness.at, self._falls_ill(illness))
            self._at(illness.until, self._is_back(illness))
        for posting in self._world.postings:
            self._at(posting.at, self._posts(posting))
        ends = midnight(self._world.scenario.begins + timedelta(weeks=self._world.scenario.weeks + 6))
        steps = 0
        while self._due and self._due[0][0] < ends:
            at, _, act = heapq.heappop(self._due)
            act(at)
            steps += 1
            if steps % 500 == 0:
                say(at, len(self._courses))
        return Outcome(list(self._courses.values()), self._minutes_taken(), self._world)

    def _at(self, at: datetime, act: Act) -> None:
        heapq.heappush(self._due, (at, next(self._number), act))

    # -- the service ---------------------------------------------------------------------------------------

    def _decide(self, decide: Decide, job_id: str, message: object, now: datetime) -> None:
        """What the path does, with all rows at hand: nothing has to be asked for."""
        outcome = decide(self._states.get(job_id), message, Given(now, None, 1, self._rows))
        if not isinstance(outcome, Decision):
            raise TypeError(f"a decision that wants to wait or to see more: {outcome}")
        self._apply(job_id, outcome, now)

    def _apply(self, job_id: str, decision: Decision[Assignment], now: datetime) -> None:
        before, after = self._states.get(job_id), decision.state
        if before is not None and before.contractor_id is not None:
            self._engaged[str(before.contractor_id)].discard(job_id)
        if after is not None:
            self._states[job_id] = after
            if after.phase in ENGAGED:
                self._engaged[str(after.contractor_id)].add(job_id)
                self._posted[str(after.job.client_id)].add(job_id)
            else:
                self._posted[str(after.job.client_id)].discard(job_id)
        for change in decision.also:
            if not isinstance(change.value, Capacity):
                raise TypeError("only capacity is changed beside the assignment")
            kept = change.value.reserved_minutes
            self._capacity[change.id] = replace(change.value, before_minutes=kept, known=True)
        for name, due_at in decision.timers.items():
            self._timers.pop((job_id, name), None)
            if due_at is not None:
                self._set_timer(job_id, name, max(due_at, now))
        for wake in decision.wakes:
            self._set_timer(wake.aggregate_id, wake.name, now)
        for event in decision.events:
            self._hear(event, now)

    def _set_timer(self, job_id: str, name: str, due_at: datetime) -> None:
        self._timers[(job_id, name)] = due_at

        def fire(now: datetime) -> None:
            if self._timers.get((job_id, name)) == due_at:
                del self._timers[(job_id, name)]
                route = self._reader.by_timer[(ASSIGNMENTS.name, name)]
                self._decide(route.decide, job_id, name, now)

        self._at(due_at, fire)

    def _tell(self, job_id: UUID, message: Message, now: datetime) -> bool:
        """A message to the service; False if it was refused."""
        route = self._routes[type(message)]
        try:
            self._decide(route.decide, str(job_id), message, now)
        except Rejected as refusal:
            self._courses[job_id].refusals.append(refusal.code)
            return False
        return True

    def _engagements(self, partner_id: str) -> tuple[Engagement, ...]:
        own = [(job_id, False) for job_id in self._engaged[partner_id]]
        own += [(job_id, True) for job_id in self._posted[partner_id]]
        return tuple(
            Engagement(state.job.job_id, state.phase, as_client, state.job.week, state.job.minutes)
            for job_id, as_client in sorted(own)
            for state in (self._states[job_id],)
        )

    def _minutes_taken(self) -> dict[UUID, int]:
        taken: dict[UUID, int] = defaultdict(int)
        for key, row in self._capacity.items():
            taken[UUID(key.partition("/")[0])] += row.reserved_minutes
        return taken

    # -- what comes from outside -----------------------------------------------------------------------------

    def _posts(self, posting: Posting) -> Act:
        def act(now: datetime) -> None:
            job = posting.job
            self._courses[job.job_id] = Course(job, now)
            self._tell(job.job_id, job, now)
            if posting.withdrawn_at is not None:
                self._at(posting.withdrawn_at, self._withdraws(job))

        return act

    def _withdraws(self, job: JobPosted) -> Act:
        def act(now: datetime) -> None:
            course = self._courses[job.job_id]
            if course.done_by is None:
                course.withdrawn = True
                cancelled = JobCancelled(
                    job_id=job.job_id,
                    job_number=job.job_number,
                    client_id=job.client_id,
                    reason=CancelReason.customer_withdrew,
                )
                self._tell(job.job_id, cancelled, now)

        return act

    def _falls_ill(self, illness: Illness) -> Act:
        def act(now: datetime) -> None:
            self._ill.add(illness.partner_id)
            self._becomes(illness.partner_id, now, availability=None)

        return act

    def _is_back(self, illness: Illness) -> Act:
        def act(now: datetime) -> None:
            self._ill.discard(illness.partner_id)
            availability = self._world.by_id[illness.partner_id].contractor.availability
            self._becomes(illness.partner_id, now, availability=availability)

        return act

    def _renews(self, partner_id: UUID) -> Act:
        def act(now: datetime) -> None:
            held = self._partners[str(partner_id)].insurance
            if held is not None:
                until = max(held.valid_until, day_of(now)) + timedelta(days=365)
                self._becomes(partner_id, now, insurance=Insurance(held.sum_cents, held.valid_from, until))

        return act

    def _becomes(self, partner_id: UUID, now: datetime, **changed: Any) -> None:
        """A new version of a partner: memory, database, and the jobs that hang on him."""
        before = self._partners[str(partner_id)]
        after = replace(before, version=before.version + 1, **changed)
        decision = contractors.remember(before, after, self._engagements(str(partner_id)), now)
        self._partners[str(partner_id)] = decision.state
        self._index.remember(decision.state)
        for wake in decision.wakes:
            self._set_timer(wake.aggregate_id, wake.name, now)

    # -- what people do ----------------------------------------------------------------------------------------

    def _hear(self, event: object, now: datetime) -> None:
        match event:
            case JobOffered():
                self._offered(event, now)
            case JobAssigned():
                self._assigned(event, now)
            case OfferDeclined():
                self._courses[event.job_id].declined += 1
            case OfferExpired():
                self._courses[event.job_id].expired += 1
            case AssignmentReleased():
                self._courses[event.job_id].lost.append(event.reason.value)
            case JobUnfilled():
                self._courses[event.job_id].unfilled(event.removed)
            case _:
                return

    def _offered(self, offer: JobOffered, now: datetime) -> None:
        course = self._courses[offer.job_id]
        course.asked[offer.contractor_id] += 1
        dealer = self._world.by_id[offer.contractor_id]
        answer = self._people.answer(
            course.job, dealer, self._load(offer), course.asked[offer.contractor_id], now
        )
        if answer is None:
            return
        said: Message
        if answer.accepts:
            said = AcceptOffer(
                job_id=offer.job_id, contractor_id=offer.contractor_id, offer_id=offer.offer_id
            )
        else:
            said = DeclineOffer(
                job_id=offer.job_id,
                contractor_id=offer.contractor_id,
                offer_id=offer.offer_id,
                reason=DeclineReason.not_interested,
            )
        self._at(answer.at, lambda at: self._tell(offer.job_id, said, at))

    def _load(self, offer: JobOffered) -> float:
        """What of his week is taken already."""
        week = week_of(day_of(self._courses[offer.job_id].job.window.starts_at))
        row = self._capacity.get(capacity_key(offer.contractor_id, week))
        return row.reserved_minutes / row.offered_minutes if row and row.offered_minutes else 0.0

    def _assigned(self, event: JobAssigned, now: datetime) -> None:
        course = self._courses[event.job_id]
        course.first_assigned_at = course.first_assigned_at or now
        begins = max(course.job.window.starts_at, now + LATE)
        self._at(begins, lambda at: self._begins_work(event, at))

    def _begins_work(self, event: JobAssigned, now: datetime) -> None:
        state, course = self._states[str(event.job_id)], self._courses[event.job_id]
        if state.phase is not Phase.ASSIGNED or state.contractor_id != event.contractor_id:
            return
        if self._lots.share("no-show", event.job_id, event.contractor_id) < NO_SHOWS:
            report = ReportNoShow(
                job_id=event.job_id, client_id=event.client_id, contractor_id=event.contractor_id
            )
            self._tell(event.job_id, report, now)
            return
        course.done_by = event.contractor_id
        course.km = float(event.distance_km)
        started = JobStarted(
            job_id=event.job_id,
            job_number=event.job_number,
            client_id=event.client_id,
            contractor_id=event.contractor_id,
            arrived_at=now,
        )
        self._tell(event.job_id, started, now)
