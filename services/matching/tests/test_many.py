"""Many jobs at once: never worse than greedy, never more than anybody has time for, and how far from the best."""

from __future__ import annotations

from itertools import permutations, product
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.domain.many import Choice, Plan, Problem, Room, Value, Wish, plan
from matching.optimiser import plan_apart, solve

WEEK = "2026-W48"
unhurried = settings(deadline=None, max_examples=60)
"""The solver is imported by whoever needs it first."""


def room(number: int, free: int, offered: int = 2400, week: str = WEEK) -> Room:
    return Room(UUID(int=number), week, offered, free)


def wish(number: int, minutes: int, *choices: tuple[int, int, int]) -> Wish:
    return Wish(UUID(int=1_000_000 + number), minutes, tuple(Choice(*each) for each in choices))


@st.composite
def problems(draw: st.DrawFn, most_wishes: int = 12, most_rooms: int = 6) -> Problem:
    """Rooms of several partners and weeks, jobs of one to eight hours, some that nobody may do."""
    rooms = [
        room(
            draw(st.integers(0, most_rooms)),
            draw(st.integers(-60, 16)) * 60,
            week=draw(st.sampled_from([WEEK, "2026-W49"])),
        )
        for _ in range(draw(st.integers(1, most_rooms)))
    ]
    load = draw(st.sampled_from([0, 500, 4000]))
    wishes = [
        wish(
            number,
            draw(st.sampled_from([60, 120, 240, 480])),
            *[
                (each, draw(st.integers(0, 6000)), load)
                for each in draw(st.lists(st.integers(0, len(rooms) - 1), unique=True, max_size=4))
            ],
        )
        for number in range(draw(st.integers(0, most_wishes)))
    ]
    return Problem(rooms, wishes)


def value_of(problem: Problem, order: tuple[int, ...], rooms: tuple[int | None, ...]) -> Value | None:
    """What a plan is worth when it is carried out in this order; None if somebody has not the time."""
    free = [each.free_minutes for each in problem.rooms]
    filled = score = 0
    for number in order:
        taken, asked = rooms[number], problem.wishes[number].minutes
        if taken is None:
            continue
        choice = next((each for each in problem.wishes[number].choices if each.room == taken), None)
        if choice is None or free[taken] < asked:
            return None
        score += choice.fixed + choice.load * free[taken] // problem.rooms[taken].offered_minutes
        filled += 1
        free[taken] -= asked
    return Value(filled, score)


def best_of_all(problem: Problem) -> Value:
    """Every plan in every order."""
    options = [[None, *(choice.room for choice in each.choices)] for each in problem.wishes]
    orders = list(permutations(range(len(problem.wishes))))
    values = (value_of(problem, order, rooms) for rooms in product(*options) for order in orders)
    return max(value for value in values if value is not None)


@unhurried
@given(problems())
def test_a_plan_is_never_worse_than_greedy_and_never_better_than_its_bound(problem: Problem) -> None:
    made = plan(problem, solve)
    assert made.greedy <= made.value
    assert made.bound is not None
    assert made.value <= made.bound
    assert made.greedy == plan(problem, solve, in_time=lambda: False).value


@unhurried
@given(problems())
def test_only_those_who_may_are_planned_and_nobody_beyond_his_time(problem: Problem) -> None:
    made = plan(problem, solve)
    taken = [0] * len(problem.rooms)
    for each, chosen in zip(problem.wishes, made.rooms, strict=True):
        if chosen is not None:
            assert chosen in [choice.room for choice in each.choices]
            taken[chosen] += each.minutes
    for minutes, each_room in zip(taken, problem.rooms, strict=True):
        assert minutes <= max(0, each_room.free_minutes)
    assert sum(chosen is not None for chosen in made.rooms) == made.value.filled


@unhurried
@given(problems(most_wishes=4, most_rooms=3))
def test_the_bound_is_one_and_a_plan_without_gap_is_the_best_there_is(problem: Problem) -> None:
    made, best = plan(problem, solve), best_of_all(problem)
    assert made.bound is not None
    assert made.value <= best <= made.bound
    if made.gap == 0.0:
        assert made.value == best


@unhurried
@given(problems(most_wishes=4, most_rooms=4))
def test_where_everybody_has_time_for_one_job_the_plan_is_the_best_there_is(problem: Problem) -> None:
    rooms = [room(number, 480, offered=480) for number in range(len(problem.rooms))]
    wishes = [Wish(each.job_id, 480, each.choices) for each in problem.wishes]
    single = Problem(rooms, wishes)
    made = plan(single, solve)
    assert made.value == best_of_all(single)
    assert made.gap == 0.0


def competing(jobs: int) -> Problem:
    """Each partner is the best for all, every second job has nobody else: greedy wastes the only one."""
    rooms = [room(number, 480) for number in range(jobs)]
    wishes = [
        wish(number, 480, (number, 6000, 0), (number + 1, 5000, 0))
        if number % 2 == 0
        else wish(number, 480, (number - 1, 4000, 0))
        for number in range(jobs)
    ]
    return Problem(rooms, wishes)


def test_whom_only_one_can_serve_is_not_robbed_of_him() -> None:
    made = plan(competing(40), solve)
    assert made.greedy.filled == 20
    assert made.value == Value(40, 20 * 5000 + 20 * 4000)
    assert made.gap == 0.0


def test_work_for_one_partner_is_kept_together_when_he_is_the_best_for_all_of_it() -> None:
    problem = Problem(
        [room(1, 2400), room(2, 2400)], [wish(n, 480, (0, 6000, 400), (1, 100, 400)) for n in range(5)]
    )
    made = plan(problem, solve)
    assert made.rooms == (0, 0, 0, 0, 0)
    assert made.rounds == 5


def test_nothing_to_do_and_nobody_to_do_it() -> None:
    assert plan(Problem([], []), solve) == Plan((), Value(), Value(), Value(), 0)
    made = plan(Problem([room(1, 480)], [wish(1, 60)]), solve)
    assert (made.rooms, made.bound, made.gap) == ((None,), Value(), 0.0)


def test_large_costs_are_solved_rightly() -> None:
    """Known of another solver: wrong without a word once costs are large."""
    lots = Random(5)
    big = 10**9
    scores = [[lots.randrange(big) for _ in range(5)] for _ in range(5)]
    problem = Problem(
        [room(number, 480, offered=480) for number in range(5)],
        [wish(n, 480, *((r, scores[n][r], 0) for r in range(5))) for n in range(5)],
    )
    best = max(sum(scores[n][order[n]] for n in range(5)) for order in permutations(range(5)))
    assert plan(problem, solve).value == Value(5, best)


def test_the_process_apart_makes_the_same_plan() -> None:
    problem = competing(30)
    assert plan_apart(problem, seconds=30.0) == plan(problem, solve)
