"""Matching without broker and database: its routes and timers, rows in dictionaries, one message at a time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from chassis.decisions import Decision
from chassis.routes import Decide, Given
from contracts.matching_standings_v1 import Standing as StandingTold
from contracts.messages import Message
from matching.candidates import PartnerIndex
from matching.domain import contractors
from matching.domain.model import Assignment, Capacity, Contractor, Engagement, Phase, Record
from matching.domain.policy import Policy
from matching.domain.service_hours import ServiceHours
from matching.domain.standing import NumberedDeed, Standing
from matching.domain.view import Expiry
from matching.inbound import readers
from matching.sight import Memory
from matching.simulation.scenario import RATE_CARD
from matching.standings import Standings
from matching.store import (
    ASSIGNMENTS,
    CAPACITY,
    CONTRACTORS,
    ENGAGEMENTS,
    FRESH_DEEDS,
    HELD,
    LOADS,
    RATE_CARDS,
    REACH,
    RECORDS,
    STANDINGS,
)
from matching.workdays import is_holiday

EXPIRY = Expiry(
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=4),
    ServiceHours(time(8), time(17), is_holiday),
)
"""As the settings have it where the operator says nothing else."""
ENGAGED = (Phase.OFFERED, Phase.ASSIGNED)

Act = Callable[[datetime], object]


class Calendar:
    """What happens when, in order; of two things at one time the one that was entered first."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, int, Act]] = []
        self._number = count()

    def enter(self, at: datetime, act: Act) -> None:
        heapq.heappush(self._due, (at, next(self._number), act))

    def until(self, ends: datetime) -> Iterator[datetime]:
        """Do one thing after the other, and say when it was."""
        while self._due and self._due[0][0] < ends:
            at, _, act = heapq.heappop(self._due)
            act(at)
            yield at


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


class Service:
    """One replica whose memory never lags. `hear` gets every event that is told."""

    def __init__(self, policy: Policy, calendar: Calendar, hear: Callable[[object, datetime], None]) -> None:
        self._memory = Memory(PartnerIndex(), Standings(), policy)
        self._calendar = calendar
        self._hear = hear
        self._timers: dict[tuple[str, str, str], datetime] = {}
        all_readers = readers(self._memory, EXPIRY)
        self._routes = {route.message: route for reader in all_readers for route in reader.routes}
        self._timer_routes = {key: route for reader in all_readers for key, route in reader.by_timer.items()}
        self._deeds = count(1)
        self._fresh: dict[str, list[NumberedDeed]] = defaultdict(list)
        self._engaged: dict[str, set[str]] = defaultdict(set)
        self.assignments: dict[str, Assignment] = {}
        self.partners: dict[str, Contractor] = {}
        self.capacity: dict[str, Capacity] = {}
        self._standings: dict[str, Standing] = {}
        self._states: dict[str, dict[str, Any]] = {
            ASSIGNMENTS.name: self.assignments,
            CONTRACTORS.name: self.partners,
            STANDINGS.name: self._standings,
        }
        self._versions: dict[UUID, int] = defaultdict(int)
        sources: dict[str, Callable[[str], Any]] = {
            ASSIGNMENTS.name: self.assignments.get,
            CONTRACTORS.name: self.partners.get,
            HELD.name: self.partners.get,
            CAPACITY.name: self.capacity.get,
            LOADS.name: self.capacity.get,
            ENGAGEMENTS.name: self._engagements,
            FRESH_DEEDS.name: lambda key: tuple(self._fresh[key]),
            RECORDS.name: lambda key: Record(UUID(key)),
            # the memory is never behind here: whom it does not find is not there
            REACH.name: _nobody,
            RATE_CARDS.name: lambda _: RATE_CARD,
        }
        self._rows = {name: _Rows(read) for name, read in sources.items()}

    def know(self, partner: Contractor, now: datetime) -> None:
        """A partner's newest version: in memory, in the database, and for the jobs that hang on him."""
        key = str(partner.partner_id)
        decision = contractors.remember(self.partners.get(key), partner, self._engagements(key), now)
        self.partners[key] = decision.state
        self._memory.index.remember(decision.state)
        for wake in decision.wakes:
            self._set_timer(wake.aggregate, wake.aggregate_id, wake.name, now)

    def tell(self, message: Message, now: datetime) -> None:
        """A message about a job. Raises Rejected."""
        self._decide(self._routes[type(message)].decide, ASSIGNMENTS.name, message.subject, message, now)

    def _decide(self, decide: Decide, kind: str, key: str, message: object, now: datetime) -> None:
        """What the path does, with all rows at hand: nothing has to be asked for."""
        state = self._states[kind].get(key)
        if state is None and kind == STANDINGS.name:
            state = Standing(UUID(key))
        outcome = decide(state, message, Given(now, None, 1, self._rows))
        if not isinstance(outcome, Decision):
            raise TypeError(f"a decision that wants to wait or to see more: {outcome}")
        if outcome.state is not None:
            if kind == ASSIGNMENTS.name:
                self._engage(key, self.assignments.get(key), outcome.state)
            self._states[kind][key] = outcome.state
        for change in outcome.also:
            self._change(change.rows, change.id, change.value)
        for name, due_at in outcome.timers.items():
            self._timers.pop((kind, key, name), None)
            if due_at is not None:
                self._set_timer(kind, key, name, max(due_at, now))
        for wake in outcome.wakes:
            self._set_timer(wake.aggregate, wake.aggregate_id, wake.name, max(wake.due_at or now, now))
        for event in outcome.events:
            if isinstance(event, StandingTold):
                self._versions[event.partner_id] += 1
                self._memory.standings.put(key, self._versions[event.partner_id], event)
            else:
                self._hear(event, now)

    def _change(self, rows: str, key: str, value: object) -> None:
        if isinstance(value, Capacity):
            self.capacity[key] = replace(value, before_minutes=value.reserved_minutes, known=True)
        elif isinstance(value, Record):
            for deed in value.deeds:
                self._fresh[str(deed.partner_id)].append(NumberedDeed(next(self._deeds), deed))
        elif rows == FRESH_DEEDS.name:
            self._fresh[key].clear()
        else:
            raise TypeError(f"the simulation does not know what a change of {rows} is")

    def _set_timer(self, kind: str, key: str, name: str, due_at: datetime) -> None:
        self._timers[(kind, key, name)] = due_at

        def fire(now: datetime) -> None:
            if self._timers.get((kind, key, name)) == due_at:
                del self._timers[(kind, key, name)]
                self._decide(self._timer_routes[(kind, name)].decide, kind, key, name, now)

        self._calendar.enter(due_at, fire)

    def _engage(self, key: str, before: Assignment | None, after: Assignment) -> None:
        for partner_id in _concerned(before):
            self._engaged[partner_id].discard(key)
        for partner_id in _concerned(after):
            self._engaged[partner_id].add(key)

    def _engagements(self, partner_id: str) -> tuple[Engagement, ...]:
        return tuple(
            Engagement(
                state.job.job_id,
                state.phase,
                as_client=str(state.job.client_id) == partner_id,
                week=state.job.week,
                minutes=state.job.minutes,
            )
            for state in (self.assignments[key] for key in sorted(self._engaged[partner_id]))
        )


def _concerned(state: Assignment | None) -> Iterable[str]:
    if state is None or state.phase not in ENGAGED:
        return ()
    asked = [offer.contractor_id for offer in state.offers]
    return {str(each) for each in (state.job.client_id, state.contractor_id, *asked)}


def _nobody(_: str) -> tuple[()]:
    return ()
