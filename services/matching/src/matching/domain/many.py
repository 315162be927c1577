"""Many jobs at once: who does which, so that as many as possible are done, and then as well as possible.

A round is a min-cost flow from jobs to partners. It sees all the room a partner has, but of what it gives him only
one new job is kept: the next round then counts with his real load. The plan is never worse than greedy, since both are
made and the better is kept; how far it may be from the best there is, is told by a flow that flatters everybody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

MOST_ROUNDS = 100
"""More new jobs than any partner has hours for in a week."""


class Choice(NamedTuple):
    """Somebody who may do a job: which room it would take, and what he scores, in ten-thousandths.

    fixed: with nothing free. load: what is added with all his week free, and in proportion between.
    """

    room: int
    fixed: int
    load: int


@dataclass(frozen=True, slots=True)
class Room:
    """The time of one partner in one week, in minutes."""

    partner_id: UUID
    week: str
    offered_minutes: int
    free_minutes: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A job that waits, with all who pass its gate, the best first."""

    job_id: UUID
    minutes: int
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Jobs in the order in which they were posted."""

    rooms: Sequence[Room]
    wishes: Sequence[Wish]


@dataclass(frozen=True, slots=True, order=True)
class Value:
    """What a plan is worth: first how many jobs are filled, then their scores summed."""

    filled: int = 0
    score: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which room each job takes, None for none, in the order of the wishes. bound: no plan is worth more."""

    rooms: Sequence[int | None]
    value: Value
    greedy: Value
    bound: Value | None = None
    rounds: int = 0

    @property
    def gap(self) -> float | None:
        """The share of the bound that is missing at most; None where no flow was solved in time."""
        if self.bound is None:
            return None
        if self.value.filled < self.bound.filled:
            return 1.0 - self.value.filled / self.bound.filled
        return 1.0 - self.value.score / self.bound.score if self.bound.score else 0.0


@dataclass(slots=True)
class Flow:
    """A network of unit arcs: source 0, then wishes, rooms, and the sink."""

    nodes: int
    most: int
    tails: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)

    def arc(self, tail: int, head: int, cost: int) -> None:
        self.tails.append(tail)
        self.heads.append(head)
        self.costs.append(cost)


Taken = Callable[[Sequence[int]], list[int]]
Pair = tuple[int, Choice]
"""A wish, by its place, and one of its choices."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One round: the network, the pairs its first arcs stand for, and by room what each further job loses."""

    flow: Flow
    pairs: Sequence[Pair]
    losses: Mapping[int, Sequence[int]]


Solve = Callable[[Flow], Sequence[int]]
"""0 or 1 for each arc: of all flows from node 0 to the last that carry most, one of least cost."""


def plan(problem: Problem, solve: Solve, in_time: Callable[[], bool] = lambda: True) -> Plan:
    """The better of greedy and rounds of flow. When time runs out, what is left is given away greedily."""
    greedy = _Table(problem)
    greedy.give_greedily()
    rounds = _Table(problem)
    bound = _bound(rounds, solve) if in_time() else None
    number = 0
    while number < MOST_ROUNDS and in_time():
        carried = _carried(rounds.step(_of_usual_size), solve)
        if not carried:
            break
        number += 1
        rounds.keep_one_each(carried)
    rounds.give_greedily()
    better = max(rounds, greedy, key=lambda table: table.value)
    return Plan(tuple(better.rooms), better.value, greedy.value, bound, number)


def _bound(empty: _Table, solve: Solve) -> Value:
    """What a flow is worth in which everybody is given his smallest jobs: no plan is worth more."""
    step = empty.step(_the_smallest)
    return empty.worth_of(_carried(step, solve), step)


def _carried(step: _Step, solve: Solve) -> list[Pair]:
    return [pair for pair, used in zip(step.pairs, solve(step.flow), strict=False) if used]


def _the_smallest(asked: Sequence[int]) -> list[int]:
    """Minutes taken before the first, second, … further job, at least."""
    return [0, *accumulate(sorted(asked))]


def _of_usual_size(asked: Sequence[int]) -> list[int]:
    """The same as is to be expected. The first job always fits: that was looked at."""
    usual = sum(asked) / len(asked)
    return [0, min(asked), *(round(usual * number) for number in range(2, len(asked) + 1))]


class _Table:
    """A plan in the making: who has what, and what is still free."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._free = [room.free_minutes for room in problem.rooms]
        self.rooms: list[int | None] = [None] * len(problem.wishes)
        self.value = Value()

    def _open(self, wish: int) -> list[Choice]:
        minutes = self._problem.wishes[wish].minutes
        return [each for each in self._problem.wishes[wish].choices if self._free[each.room] >= minutes]

    def _worth(self, choice: Choice) -> int:
        offered = self._problem.rooms[choice.room].offered_minutes
        return choice.fixed + choice.load * self._free[choice.room] // offered

    def _give(self, wish: int, choice: Choice) -> None:
        self.value = Value(self.value.filled + 1, self.value.score + self._worth(choice))
        self._free[choice.room] -= self._problem.wishes[wish].minutes
        self.rooms[wish] = choice.room

    def give_greedily(self) -> None:
        """One job after the other to the best who has the time: what happens without a plan."""
        for wish, room in enumerate(self.rooms):
            if room is None and (choices := self._open(wish)):
                self._give(wish, max(choices, key=self._worth))

    def keep_one_each(self, carried: Sequence[Pair]) -> None:
        """Of all jobs the flow brought to a partner he keeps the one he is best for."""
        best: dict[UUID, Pair] = {}
        for wish, choice in carried:
            partner_id = self._problem.rooms[choice.room].partner_id
            if partner_id not in best or self._worth(choice) > self._worth(best[partner_id][1]):
                best[partner_id] = (wish, choice)
        for wish, choice in best.values():
            self._give(wish, choice)

    def step(self, taken: Taken) -> _Step:
        """The network of what is still open."""
        pairs = [
            (wish, choice)
            for wish, room in enumerate(self.rooms)
            if room is None
            for choice in self._open(wish)
        ]
        first_room = 1 + len(self.rooms)
        sink = first_room + len(self._free)
        wishes = sorted({wish for wish, _ in pairs})
        flow = Flow(sink + 1, len(wishes))
        worths = [self._worth(choice) for _, choice in pairs]
        dearest = max(worths, default=0)
        for (wish, choice), worth in zip(pairs, worths, strict=True):
            flow.arc(1 + wish, first_room + choice.room, dearest - worth)
        for wish in wishes:
            flow.arc(0, 1 + wish, 0)
        losses = self._losses(pairs, taken)
        for room, each in losses.items():
            for loss in each:
                flow.arc(first_room + room, sink, loss)
        return _Step(flow, pairs, losses)

    def worth_of(self, carried: Sequence[Pair], step: _Step) -> Value:
        """What a flow is worth. Of the best one: nothing that respects everybody's minutes is worth more."""
        jobs = Counter(choice.room for _, choice in carried)
        lost = sum(sum(step.losses[room][:count]) for room, count in jobs.items())
        return Value(len(carried), sum(self._worth(choice) for _, choice in carried) - lost)

    def _losses(self, pairs: Sequence[Pair], taken: Taken) -> dict[int, list[int]]:
        """By room: what each further job scores less, as far as they fit."""
        by_room: dict[int, list[int]] = defaultdict(list)
        load: dict[int, int] = {}
        for wish, choice in pairs:
            by_room[choice.room].append(self._problem.wishes[wish].minutes)
            load[choice.room] = min(choice.load, load.get(choice.room, choice.load))
        losses = {}
        for room, asked in by_room.items():
            before = taken(asked)
            fit = sum(minutes <= self._free[room] for minutes in before[1:])
            offered = self._problem.rooms[room].offered_minutes
            losses[room] = [load[room] * minutes // offered for minutes in before[:fit]]
        return losses
