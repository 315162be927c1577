"""Jobs that compete for the same partner: gathered for a moment, planned together by `many`, proposed one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from chassis.decisions import Decision
from matching.domain.gate import Case, ClientSide
from matching.domain.many import Choice, Plan, Problem, Room, Wish
from matching.domain.model import Assignment, Contractor, Job, Phase
from matching.domain.policy import Policy
from matching.domain.ranking import Look, score
from matching.domain.search import search
from matching.domain.standing import Sums
from matching.domain.view import Expiry, View

LOOKED_AT = 40
"""So many of the nearest who may are compared for each job: more than for a single one, since many share them."""
ASK_AGAIN = timedelta(seconds=0.25)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
"""From here the windows are counted, each as long as jobs are gathered."""
AT_MOST = timedelta(seconds=10)
"""After so long without a plan each job is searched for by itself."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the plan has for a job; None: nobody, or no plan was made. jobs: how many were planned together."""

    contractor_id: UUID | None
    jobs: int


class Glance(Protocol):
    """What of a View the plan needs: memory, and rows that nobody holds."""

    policy: Policy

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look: ...
    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]: ...
    def standing(self, partner_id: UUID) -> Sums: ...
    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]: ...


# -- decisions -----------------------------------------------------------------------------------------


def gather(job: Job, now: datetime, wait: timedelta) -> Decision[Assignment]:
    """It waits for others of its kind. If no plan comes of it, the timer `search` looks for somebody."""
    ends_at = window_end(now, wait)
    return Decision(Assignment(job), timers={"plan": ends_at, "search": ends_at + AT_MOST})


def window_end(now: datetime, wait: timedelta) -> datetime:
    """The end of the window `now` is in: all jobs of one window are due, and so planned, at the same moment."""
    return EPOCH + ((now - EPOCH) // wait + 1) * wait


def propose(
    state: Assignment | None, proposal: Proposal | None, view: View, expiry: Expiry
) -> Decision[Assignment] | None:
    """Timer: the plan's choice is asked first, if he passes the gate now; else it is a search as any other."""
    if state is None or state.phase is not Phase.SEARCHING or state.round:
        return None
    if proposal is None:
        return Decision(state, timers={"plan": view.now + ASK_AGAIN})
    return search(state, view, expiry, proposed=proposal.contractor_id, planned_with=proposal.jobs)


# -- the problem ---------------------------------------------------------------------------------------


def first_choice(job: Job, glance: Glance) -> UUID | None:
    """Who would be the best for it if all of his week were free."""
    state = Assignment(job)
    passed = _passed(state, glance, few=True)
    for case in passed:
        case.free_minutes = case.contractor.weekly_minutes
    best = max(passed, key=lambda case: _score(case, glance), default=None)
    return best.contractor.partner_id if best is not None else None


def problem_of(states: Sequence[Assignment], glance: Glance) -> Problem:
    """What comes of it is a proposal and passes the gate again, on locked rows."""
    cases = [(state, _passed(state, glance)) for state in states]
    asked: dict[str, set[UUID]] = defaultdict(set)
    for state, passed in cases:
        asked[state.job.week].update(case.contractor.partner_id for case in passed)
    reserved = {week: glance.reserved_minutes(partner_ids, week) for week, partner_ids in asked.items()}
    places: dict[tuple[UUID, str], int] = {}
    rooms: list[Room] = []
    wishes = []
    for state, passed in cases:
        week = state.job.week
        choices = []
        for case in passed:
            offered = case.contractor.weekly_minutes
            key = (case.contractor.partner_id, week)
            if offered < state.job.minutes:
                continue
            if key not in places:
                places[key] = len(rooms)
                rooms.append(Room(*key, offered, offered - reserved[week][key[0]]))
            choices.append(_choice(case, places[key], offered, glance))
        wishes.append(Wish(state.job.job_id, state.job.minutes, tuple(choices)))
    return Problem(rooms, wishes)


def proposals(problem: Problem, plan: Plan | None) -> dict[UUID, Proposal]:
    """By job. Without a plan everybody is searched for as ever."""
    rooms = plan.rooms if plan is not None else [None] * len(problem.wishes)
    return {
        wish.job_id: Proposal(None if room is None else problem.rooms[room].partner_id, len(problem.wishes))
        for wish, room in zip(problem.wishes, rooms, strict=True)
    }


FEW = 16


def _passed(state: Assignment, glance: Glance, *, few: bool = False) -> Sequence[Case]:
    client = ClientSide.of(state.job, glance.contractors([state.job.client_id])[state.job.client_id])
    return glance.look(state, client, FEW if few else LOOKED_AT).passed


def _choice(case: Case, room: int, offered: int, glance: Glance) -> Choice:
    """His score is a straight line in his free minutes: two points of it are enough."""
    case.free_minutes = 0
    least = _score(case, glance)
    case.free_minutes = offered
    return Choice(room, least, _score(case, glance) - least)


def _score(case: Case, glance: Glance) -> int:
    return score(case, glance.policy, glance.standing(case.contractor.partner_id)).score
