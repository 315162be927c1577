"""One run: a world, the service under one policy, and people who answer it, in virtual time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.decisions import Rejected
from contracts.job_exchange_commands_v1 import CancelReason
from contracts.job_exchange_jobs_v1 import JobCancelled, JobCompleted, JobPosted, JobStarted, Statement
from contracts.matching_assignments_v1 import AssignmentReleased, JobAssigned, JobOffered, JobUnfilled
from contracts.matching_commands_v1 import (
    AcceptOffer,
    DeclineOffer,
    DeclineReason,
    RateContractor,
    ReportNoShow,
)
from contracts.messages import Message
from matching.domain.model import Insurance, Phase, capacity_key, day_of, week_of
from matching.domain.policy import POLICY, Policy
from matching.simulation.lots import Lots
from matching.simulation.outcome import Course, Outcome
from matching.simulation.people import People
from matching.simulation.scenario import RATE_CARD, Illness, Posting, World, midnight
from matching.simulation.service import Act, Calendar, Service

LATE = timedelta(hours=1)
SETTLING_WEEKS = 6
"""So long after the last posting everything has come to its end."""
SAY_EVERY = 500


class Engine:
    """A network of one world under one policy."""

    def __init__(self, world: World, policy: Policy = POLICY) -> None:
        self._world = world
        self._people = People(Lots(world.seed))
        self._calendar = Calendar()
        self._service = Service(policy, self._calendar, self._hear)
        self._courses: dict[UUID, Course] = {}

    def run(self, say: Callable[[datetime, int], None] = lambda *_: None) -> Outcome:
        """Until all is settled that was posted. `say(virtual time, jobs so far)`, now and then."""
        world, enter = self._world, self._calendar.enter
        for dealer in world.dealers:
            self._service.know(dealer.contractor, midnight(world.scenario.begins))
            if dealer.renews_on is not None:
                enter(midnight(dealer.renews_on), self._renews(dealer.contractor.partner_id))
        for illness in world.illnesses:
            enter(illness.at, self._falls_ill(illness))
            enter(illness.until, self._is_back(illness))
        for posting in world.postings:
            enter(posting.at, self._posts(posting))
        ends = midnight(world.scenario.begins + timedelta(weeks=world.scenario.weeks + SETTLING_WEEKS))
        for step, at in enumerate(self._calendar.until(ends)):
            if step % SAY_EVERY == 0:
                say(at, len(self._courses))
        return Outcome(list(self._courses.values()), self._minutes_taken(), world)

    def _minutes_taken(self) -> dict[UUID, int]:
        taken: dict[UUID, int] = defaultdict(int)
        for row in self._service.capacity.values():
            taken[row.partner_id] += row.reserved_minutes
        return taken

    def _tell(self, job_id: UUID, message: Message, now: datetime) -> None:
        try:
            self._service.tell(message, now)
        except Rejected as refusal:
            self._courses[job_id].refusals.append(refusal.code)

    # -- what comes from outside -----------------------------------------------------------------------------

    def _posts(self, posting: Posting) -> Act:
        def act(now: datetime) -> None:
            job = posting.job
            self._courses[job.job_id] = Course(job, now)
            self._tell(job.job_id, job, now)
            if posting.withdrawn_at is not None:
                self._calendar.enter(posting.withdrawn_at, self._withdraws(job))

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
        return lambda now: self._becomes(illness.partner_id, now, availability=None)

    def _is_back(self, illness: Illness) -> Act:
        usual = self._world.by_id[illness.partner_id].contractor.availability
        return lambda now: self._becomes(illness.partner_id, now, availability=usual)

    def _renews(self, partner_id: UUID) -> Act:
        def act(now: datetime) -> None:
            held = self._service.partners[str(partner_id)].insurance
            if held is not None:
                until = max(held.valid_until, day_of(now)) + timedelta(days=365)
                renewed = Insurance(held.sum_cents, held.valid_from, until)
                self._becomes(partner_id, now, insurance=renewed)

        return act

    def _becomes(self, partner_id: UUID, now: datetime, **changed: Any) -> None:
        before = self._service.partners[str(partner_id)]
        self._service.know(replace(before, version=before.version + 1, **changed), now)

    # -- what people do ----------------------------------------------------------------------------------------

    def _hear(self, event: object, now: datetime) -> None:
        match event:
            case JobOffered():
                self._offered(event, now)
            case JobAssigned():
                self._assigned(event, now)
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
        times = course.asked[offer.contractor_id]
        answer = self._people.answer(course.job, dealer, self._load(offer), times, now)
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
        self._calendar.enter(answer.at, lambda at: self._tell(offer.job_id, said, at))

    def _load(self, offer: JobOffered) -> float:
        """What of his week is taken already."""
        week = week_of(day_of(self._courses[offer.job_id].job.window.starts_at))
        row = self._service.capacity.get(capacity_key(offer.contractor_id, week))
        return row.reserved_minutes / row.offered_minutes if row and row.offered_minutes else 0.0

    def _assigned(self, event: JobAssigned, now: datetime) -> None:
        course = self._courses[event.job_id]
        course.first_assigned_at = course.first_assigned_at or now
        begins = max(course.job.window.starts_at, now + LATE)
        self._calendar.enter(begins, lambda at: self._begins_work(event, at))

    def _begins_work(self, event: JobAssigned, now: datetime) -> None:
        state, course = self._service.assignments[str(event.job_id)], self._courses[event.job_id]
        if state.phase is not Phase.ASSIGNED or state.contractor_id != event.contractor_id:
            return
        if not self._people.comes(course.job, event.contractor_id):
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
        self._calendar.enter(course.job.window.ends_at + LATE, lambda at: self._ends_work(event, at))

    def _ends_work(self, event: JobAssigned, now: datetime) -> None:
        job = self._courses[event.job_id].job
        self._tell(event.job_id, _completed(job, event, now), now)
        stars = self._people.stars(job, self._world.by_id[event.contractor_id])
        if stars is not None:
            rating = RateContractor(
                job_id=job.job_id, client_id=job.client_id, contractor_id=event.contractor_id, stars=stars
            )
            self._tell(event.job_id, rating, now)


def _completed(job: JobPosted, event: JobAssigned, now: datetime) -> JobCompleted:
    """Done as estimated."""
    return JobCompleted(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=event.contractor_id,
        postcode=job.postcode,
        kind_of_work=job.kind_of_work,
        required_certifications=job.required_certifications,
        statement=Statement(
            statement_id=job.job_id,
            version=1,
            hours=job.estimated_hours,
            travel_km=round(event.distance_km * Decimal(2)),
            performed_from=day_of(job.window.starts_at),
            performed_to=day_of(job.window.ends_at),
            materials=[],
        ),
        travel_zone=event.travel_zone,
        rate_card_id=RATE_CARD.rate_card_id,
        rate_card_version=1,
        own_reference=job.own_reference,
        approved_by="limits",
        completed_at=now,
    )
