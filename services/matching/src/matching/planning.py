"""Proposals for jobs that wait together, as rows that are worked out: beside the path, never within a transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import Session, transaction
from chassis.decisions import Row
from matching.domain.gate import ClientSide
from matching.domain.gathering import LOOKED_AT, Proposal, first_choice, problem_of, proposals
from matching.domain.model import Assignment, Contractor, Job, capacity_key
from matching.domain.ranking import Look
from matching.domain.standing import Sums
from matching.optimiser import plan_apart
from matching.sight import Memory, Sight
from matching.store import ASSIGNMENTS, CONTRACTORS, LOADS

log = structlog.get_logger()

KEPT_SECONDS = 30.0
MOST_JOBS = 1_000


class Rush:
    """Who was whose first choice a moment ago. Memory of one replica: a hint when to gather, and no more."""

    def __init__(self, wait: timedelta) -> None:
        self._wait = wait
        self._chosen: dict[tuple[UUID, str], datetime] = {}
        self._said: dict[UUID, tuple[datetime, bool]] = {}

    def contested(self, job_id: UUID, choice: UUID, week: str, now: datetime) -> bool:
        """Whether another job had the same first choice a moment ago. The same answer for the same job."""
        self._chosen = {key: at for key, at in self._chosen.items() if now - at < self._wait}
        self._said = {key: said for key, said in self._said.items() if now - said[0] < self._wait}
        if job_id not in self._said:
            self._said[job_id] = (now, (choice, week) in self._chosen)
            self._chosen[(choice, week)] = now
        return self._said[job_id][1]


class Proposals:
    """By job. What is not planned yet is not there, and being planned from then on: ask again."""

    name = "proposal"

    def __init__(self, memory: Memory, seconds: float) -> None:
        self._memory = memory
        self._seconds = seconds
        self._made: dict[str, tuple[float, Proposal]] = {}
        self._task: asyncio.Task[None] | None = None

    def row(self, job_id: object) -> Row:
        return Row(self.name, str(job_id))

    async def load(
        self,
        db: Session,
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, Proposal]:
        now = time.monotonic()
        self._made = {key: made for key, made in self._made.items() if now - made[0] < KEPT_SECONDS}
        if self._task is None or self._task.done():
            missing = [each for each in sorted(ids) if each not in self._made][:MOST_JOBS]
            if missing:
                self._task = asyncio.create_task(self._plan(db.engine, missing))
        return {each: self._made[each][1] for each in ids if each in self._made}

    async def save(self, _: Session, values: Mapping[str, Proposal]) -> None:
        raise TypeError(f"{self.name} is worked out: {sorted(values)} are not written")

    async def _plan(self, engine: AsyncEngine, ids: Collection[str]) -> None:
        """Whatever goes wrong, the jobs' timer `search` is set already."""
        try:
            async with transaction(engine, keep=False) as db:
                states = list((await ASSIGNMENTS.load(db, ids, lock=False)).values())
                clients = await CONTRACTORS.load(db, {str(each.job.client_id) for each in states}, lock=False)
                glance = _Glance(self._memory, clients)
                for state in states:
                    glance.look_ahead(state)
                    await asyncio.sleep(0)  # the path goes on between two looks
                await glance.load_reserved(db)
            problem = problem_of(states, glance)
            made = await asyncio.to_thread(plan_apart, problem, self._seconds)
        except Exception:
            log.exception("no plan", jobs=len(ids))
            return
        now = time.monotonic()
        self._made |= {str(key): (now, each) for key, each in proposals(problem, made).items()}
        if made is None:
            log.warning("the optimiser gave no answer", jobs=len(states))
        else:
            log.info(
                "planned", jobs=len(states), filled=made.value.filled, greedy=made.greedy.filled, gap=made.gap
            )


class Gathering:
    """When jobs are gathered, for how long, and what is proposed for them."""

    def __init__(self, memory: Memory, wait: timedelta, plan_seconds: float) -> None:
        self.wait = wait
        self.proposals = Proposals(memory, plan_seconds)
        self._rush = Rush(wait)

    def wanted(self, job: Job, sight: Sight) -> bool:
        """Whether this job competes with another for the best it could get."""
        choice = first_choice(job, sight)
        return choice is not None and self._rush.contested(job.job_id, choice, job.week, sight.now)


class _Glance:
    """Implements domain.gathering.Glance on memory and what was loaded for it."""

    def __init__(self, memory: Memory, clients: Mapping[str, Contractor]) -> None:
        self.policy = memory.policy
        self._memory = memory
        self._clients = clients
        self._looks: dict[UUID, Look] = {}
        self._asked: set[str] = set()
        self._reserved: dict[str, int] = {}

    def look_ahead(self, state: Assignment) -> None:
        client = ClientSide.of(state.job, self._clients.get(str(state.job.client_id)))
        look = self._memory.index.look(state, client, LOOKED_AT)
        self._looks[state.job.job_id] = look
        self._asked |= {capacity_key(case.contractor.partner_id, state.job.week) for case in look.passed}

    async def load_reserved(self, db: Session) -> None:
        found = await LOADS.load(db, self._asked, lock=False)
        self._reserved = {key: row.reserved_minutes for key, row in found.items()}

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look:  # noqa: ARG002
        return self._looks[state.job.job_id]

    def standing(self, partner_id: UUID) -> Sums:
        return self._memory.standings.of(partner_id)

    def contractors(self, partner_ids: Collection[UUID]) -> Mapping[UUID, Contractor | None]:
        return {each: self._clients.get(str(each)) for each in partner_ids}

    def reserved_minutes(self, partner_ids: Collection[UUID], week: str) -> Mapping[UUID, int]:
        return {each: self._reserved.get(capacity_key(each, week), 0) for each in partner_ids}
