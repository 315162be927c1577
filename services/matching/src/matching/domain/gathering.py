"""Jobs that wait together, as one problem for `many`: who may do them by memory, and who has how much time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from matching.domain.gate import Case, ClientSide
from matching.domain.many import Choice, Problem, Room, Wish
from matching.domain.model import Assignment
from matching.domain.policy import Policy
from matching.domain.ranking import score
from matching.domain.standing import Sums
from matching.domain.view import View

LOOKED_AT = 40
"""So many of the nearest who may are compared for each job: more than for a single one, since many share them."""


def problem_of(states: Sequence[Assignment], view: View) -> Problem:
    """Memory and unlocked rows only: what comes of it is a proposal, and passes the gate again."""
    cases: list[tuple[Assignment, Sequence[Case]]] = []
    asked: dict[str, set[UUID]] = defaultdict(set)
    for state in states:
        client = ClientSide.of(state.job, view.contractors([state.job.client_id])[state.job.client_id])
        passed = view.look(state, client, LOOKED_AT).passed
        cases.append((state, passed))
        asked[state.job.week].update(case.contractor.partner_id for case in passed)
    reserved = {week: view.reserved_minutes(partner_ids, week) for week, partner_ids in asked.items()}
    rooms: dict[tuple[UUID, str], int] = {}
    made: list[Room] = []
    wishes = []
    for state, passed in cases:
        week = state.job.week
        choices = []
        for case in passed:
            offered = case.contractor.weekly_minutes
            key = (case.contractor.partner_id, week)
            if offered < state.job.minutes:
                continue
            if key not in rooms:
                rooms[key] = len(made)
                made.append(Room(*key, offered, offered - reserved[week][key[0]]))
            choices.append(_choice(case, rooms[key], offered, view.policy, view.standing(key[0])))
        wishes.append(Wish(state.job.job_id, state.job.minutes, tuple(choices)))
    return Problem(made, wishes)


def _choice(case: Case, room: int, offered: int, policy: Policy, sums: Sums) -> Choice:
    """His score is a straight line in his free minutes: two points of it are enough."""
    case.free_minutes = 0
    least = score(case, policy, sums).score
    case.free_minutes = offered
    return Choice(room, least, score(case, policy, sums).score - least)
