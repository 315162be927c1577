"""What a decision may look at beside its own state: plain values, all of them loaded before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from contracts.values import ResponseTime
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Capacity, Contractor, Engagement
from matching.domain.ranking import Look, Policy


class View(Protocol):
    """Rows, and the partners in memory. What is not loaded yet is asked for unseen; the decision runs again.

    policy: the weights in force.
    look: the nearest partners that pass all but capacity, from memory; never the last word.
    remembered: the version that memory has of a partner; 0 for none.
    contractors: as the database has them. held: the same under lock. capacity: under lock.
    reserved_minutes: of these partners in this week, unlocked: good for an order, not for an award.
    in_reach: id and version of everybody the database has in reach of a postcode.
    """

    now: datetime
    policy: Policy

    def new_id(self) -> UUID: ...
    def look(self, state: Assignment, client: ClientSide, most: int) -> Look: ...
    def remembered(self, partner_id: UUID) -> int: ...
    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]: ...
    def held(self, partner_id: UUID) -> Contractor | None: ...
    def capacity(self, partner_id: UUID, week: str) -> Capacity: ...
    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]: ...
    def in_reach(self, postcode: str) -> Sequence[tuple[UUID, int]]: ...
    def engagements(self, partner_id: UUID) -> Sequence[Engagement]: ...


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long a candidate may think, by the response time the job asks for."""

    four_hours: timedelta
    next_business_day: timedelta
    scheduled: timedelta

    def of(self, response_time: ResponseTime) -> timedelta:
        match response_time:
            case ResponseTime.four_hours:
                return self.four_hours
            case ResponseTime.next_business_day:
                return self.next_business_day
            case _:
                return self.scheduled
