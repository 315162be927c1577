"""What a decision sees, over the rows it was given and the partners in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.decisions import Decision, More, Outcome, Row
from chassis.routes import Given
from matching.candidates import PartnerIndex
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Capacity, Contractor, Engagement, Job, Record, capacity_key
from matching.domain.policy import Policy
from matching.domain.ranking import Look
from matching.domain.standing import Sums
from matching.standings import Standings
from matching.store import CAPACITY, CONTRACTORS, ENGAGEMENTS, HELD, LOADS, REACH, RECORDS


class Unseen(Exception):
    """A decision looked at rows that are not loaded yet: they are fetched, and it runs again."""

    def __init__(self, wants: Collection[Row]) -> None:
        super().__init__(len(wants))
        self.wants = wants


@dataclass(frozen=True, slots=True)
class Memory:
    """What a replica holds in memory, and the policy in force."""

    index: PartnerIndex
    standings: Standings
    policy: Policy

    def __post_init__(self) -> None:
        self.index.rank_by(self.policy, self.standings)


class Sight:
    """Implements domain.view.View. What is held under lock is newer than what was only read."""

    def __init__(self, given: Given, memory: Memory) -> None:
        self._given = given
        self._memory = memory
        self.now: datetime = given.now
        self.actor = "" if given.actor is None else str(given.actor)
        self.policy: Policy = memory.policy

    def new_id(self) -> UUID:
        return self._given.new_id()

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look:
        return self._memory.index.look(state, client, most)

    def near(self, job: Job, most: int) -> Sequence[Contractor]:
        return self._memory.index.near(job, most)

    def remembered(self, partner_id: UUID) -> int:
        return self._memory.index.version_of(partner_id)

    def standing(self, partner_id: UUID) -> Sums:
        return self._memory.standings.of(partner_id)

    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]:
        given = self._given
        sources = {each: HELD if given.has(HELD, each) else CONTRACTORS for each in partner_ids}
        missing = [CONTRACTORS.row(each) for each, rows in sources.items() if not given.has(rows, each)]
        if missing:
            raise Unseen(missing)
        return {each: given.one(rows, each) for each, rows in sources.items()}

    def held(self, partner_id: UUID) -> Contractor | None:
        if not self._given.has(HELD, partner_id):
            raise Unseen([HELD.locked(partner_id)])
        return self._given.one(HELD, partner_id)

    def capacity(self, partner_id: UUID, week: str) -> Capacity:
        key = capacity_key(partner_id, week)
        if not self._given.has(CAPACITY, key):
            raise Unseen([CAPACITY.locked(partner_id, week)])
        return self._given.one(CAPACITY, key) or Capacity.unused(partner_id, week)

    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]:
        held, loads = self._given.rows.get(CAPACITY.name, {}), self._given.rows.get(LOADS.name, {})
        reserved: dict[UUID, int] = {}
        missing: list[Row] = []
        for each in partner_ids:
            key = capacity_key(each, week)
            if key in held:
                row = held[key]
            elif key in loads:
                row = loads[key]
            else:
                missing.append(LOADS.row(each, week))
                continue
            reserved[each] = row.reserved_minutes if row is not None else 0
        if missing:
            raise Unseen(missing)
        return reserved

    def in_reach(self, postcode: str) -> Sequence[tuple[UUID, int]]:
        if not self._given.has(REACH, postcode):
            raise Unseen([REACH.row(postcode)])
        return self._given.one(REACH, postcode) or ()

    def engagements(self, partner_id: UUID) -> Sequence[Engagement]:
        if not self._given.has(ENGAGEMENTS, partner_id):
            raise Unseen([ENGAGEMENTS.row(partner_id)])
        return self._given.one(ENGAGEMENTS, partner_id) or ()

    def record(self, job_id: UUID) -> Record:
        return self._given.one(RECORDS, job_id) or Record(job_id)


Decide = Callable[[Any, Any, Given], Outcome[Any]]


def seeing(memory: Memory, decide: Callable[[Any, Any, Sight], Decision[Any] | None]) -> Decide:
    """Let a decision look around; None from it means that nothing changes."""

    def asked(state: Any, message: Any, given: Given) -> Outcome[Any]:
        try:
            return decide(state, message, Sight(given, memory)) or Decision(state)
        except Unseen as unseen:
            return More(unseen.wants)

    return asked
