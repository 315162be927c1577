"""What a decision may look at beside its own state: plain values, all of them loaded before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from contracts.values import ResponseTime
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Capacity, Contractor, Engagement, Job, Record
from matching.domain.policy import Policy
from matching.domain.ranking import Look
from matching.domain.service_hours import ServiceHours
from matching.domain.standing import Sums


class View(Protocol):
    """Rows, and the partners in memory. What is not loaded yet is asked for unseen; the decision runs again.

    actor: who sent the command, as contracts name him; empty for events and timers.
    policy: the one in force.
    look: the best partners that pass all but capacity, from memory; never the last word.
    near: the nearest in whose reach a job lies, may they or not, from memory: good for explanations only.
    remembered: the version that memory has of a partner; 0 for none.
    standing: a partner's sums, from memory.
    contractors: as the database has them. held: the same under lock. capacity: under lock.
    reserved_minutes: of these partners in this week, unlocked: good for an order, not for an award.
    in_reach: id and version of everybody the database has in reach of a postcode.
    record: what this transaction adds to a job's record so far.
    """

    now: datetime
    actor: str
    policy: Policy

    def new_id(self) -> UUID: ...
    def look(self, state: Assignment, client: ClientSide, most: int) -> Look: ...
    def near(self, job: Job, most: int) -> Sequence[Contractor]: ...
    def remembered(self, partner_id: UUID) -> int: ...
    def standing(self, partner_id: UUID) -> Sums: ...
    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]: ...
    def held(self, partner_id: UUID) -> Contractor | None: ...
    def capacity(self, partner_id: UUID, week: str) -> Capacity: ...
    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]: ...
    def in_reach(self, postcode: str) -> Sequence[tuple[UUID, int]]: ...
    def engagements(self, partner_id: UUID) -> Sequence[Engagement]: ...
    def record(self, job_id: UUID) -> Record: ...


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long a candidate may think, by the response time the job asks for.

    hours: the time is counted in service hours of the job's state; None: by the clock on the wall.
    """

    four_hours: timedelta
    next_business_day: timedelta
    scheduled: timedelta
    hours: ServiceHours | None = None

    def of(self, response_time: ResponseTime) -> timedelta:
        match response_time:
            case ResponseTime.four_hours:
                return self.four_hours
            case ResponseTime.next_business_day:
                return self.next_business_day
            case _:
                return self.scheduled

    def ends_at(self, job: Job, now: datetime) -> datetime:
        """When an offer made now expires; never after the job's window.

        A job that begins before the service hours allow an answer is offered by the clock on the wall: it cannot wait.
        """
        thinking = self.of(job.response_time)
        if self.hours is not None:
            in_hours = self.hours.after(now, thinking, job.postcode)
            if job.starts_at is None or in_hours < job.starts_at:
                return min(in_hours, job.ends_at)
        return min(now + thinking, job.ends_at)
