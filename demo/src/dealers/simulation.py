"""A run: jobs are posted, people react to what the topics say, until every job has its end."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from contracts import (
    billing_payables_v1,
    billing_rate_cards_v1,
    billing_receivables_v1,
    billing_settlements_v1,
    job_exchange_jobs_v1,
    job_exchange_work_orders_v1,
    matching_assignments_v1,
    partner_registry_partners_v1,
)
from contracts.catalogue import replies_of
from contracts.job_exchange_commands_v1 import CancelJob, CancelReason
from contracts.job_exchange_jobs_v1 import JobCancelled, JobCompleted, JobPosted, JobStarted
from contracts.job_exchange_work_orders_v1 import WorkOrder
from contracts.matching_assignments_v1 import JobUnfilled
from contracts.messages import Message
from contracts.seal import SealError, unseal
from contracts.values import CustomerStatus, EndCustomer
from dealers.book import Book, Job
from dealers.community import Community, SettlingIn
from dealers.course import Course, Posting, draw
from dealers.habits import Act, Habits, Pace
from dealers.members import Member
from dealers.postings import post
from dealers.report import Report, report
from dealers.wire import Heard, Listener, Sender, everything

TOPICS = (
    job_exchange_jobs_v1.TOPIC,
    job_exchange_work_orders_v1.TOPIC,
    matching_assignments_v1.TOPIC,
    billing_settlements_v1.TOPIC,
    billing_receivables_v1.TOPIC,
    billing_payables_v1.TOPIC,
    billing_rate_cards_v1.TOPIC,
    partner_registry_partners_v1.TOPIC,
    *(replies_of(service) for service in ("job-exchange", "matching", "billing")),
)
POLL_S = 0.1
CALM_AFTER = 0.6
"""In this part of a run and later no job is posted that waits for its window to begin."""

WILLING = Course(accepts_percent=95)
"""How the jobs of strangers go."""

Progress = Callable[[Book], None]


@dataclass(order=True, slots=True)
class _Due:
    at: float
    turn: int
    act: Act = field(compare=False)
    job: Job = field(compare=False)


class Dealers:
    """The community at work on a running system. One run at a time; as many runs as wanted."""

    def __init__(
        self,
        bootstrap: str,
        sealing_key: dict[str, Any],
        members: Sequence[Member],
        *,
        seed: int = 1,
        pace: Pace | None = None,
    ) -> None:
        """`sealing_key`: the public JWK that end customers are sealed to."""
        self.community = Community(members)
        self.book = Book()
        self._bootstrap = bootstrap
        self._sealing_key = sealing_key
        self._lots = Random(seed)
        self._habits = Habits(self.community, pace or Pace(), Random(seed + 1))
        self.sender = Sender(bootstrap)
        self._listener = Listener(bootstrap, TOPICS)
        self._due: list[_Due] = []
        self._turns = itertools.count()
        self._opened = 0
        self._closed = 0

    async def __aenter__(self) -> Self:
        await self.sender.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sender.__aexit__(kind, error, trace)

    async def settle_in(
        self, *, within_s: float = 120.0, say: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Return when the registry knows everybody as he is. Raises NotSettled."""
        await SettlingIn(self._bootstrap, self.community, self.sender).run(within_s=within_s, say=say)

    async def tidy_up(self) -> int:
        """Cancel what an interrupted run of ours left unstarted: it would be offered on and on. Returns how many."""
        left: dict[UUID, UUID] = {}
        for message in await everything(self._bootstrap, JobPosted, JobStarted, JobCancelled, JobCompleted):
            if isinstance(message, JobPosted) and self.community.member(message.client_id) is not None:
                left[message.job_id] = message.client_id
            elif isinstance(message, JobStarted | JobCancelled | JobCompleted):
                left.pop(message.job_id, None)
        for message in await everything(self._bootstrap, JobUnfilled):
            if isinstance(message, JobUnfilled):
                left.pop(message.job_id, None)
        for job_id, client_id in left.items():
            cancel = CancelJob(job_id=job_id, client_id=client_id, reason=CancelReason.done_otherwise)
            self.sender.put(cancel, f"partner:{client_id}")
        await self.sender.flush()
        return len(left)

    async def trade(
        self,
        jobs: int,
        *,
        per_second: float = 15.0,
        patience_s: float = 60.0,
        courses: Sequence[Course] | None = None,
        progress: Progress = lambda _: None,
    ) -> Report:
        """Post so many jobs and see each of them to its end, or until nothing was heard for `patience_s`.

        `courses`: how the jobs go, used in turn; drawn if not given.
        """
        begun = time.monotonic()
        clients = self.community.present(_may_post)
        wrong_clients: dict[Posting, list[Member]] = {
            "no_agreement": self.community.present(_has_no_client_agreement),
            "blocked": self.community.present(_is_blocked),
        }
        posted = 0
        heard_at = begun
        async with Listener(self._bootstrap, TOPICS) as listener:
            while posted < jobs or self.book.open:
                now = time.monotonic()
                while posted < jobs and now >= begun + posted / per_second:
                    course = courses[posted % len(courses)] if courses else self._draw(posted / jobs)
                    posted += 1
                    poster = self._lots.choice(wrong_clients.get(course.posting) or clients)
                    self.post(poster, course)
                self._act(now)
                heard = await listener.next(self._wait_s(now))
                if heard:
                    heard_at = time.monotonic()
                    self._hear(heard)
                    progress(self.book)
                elif posted == jobs and not self._due and time.monotonic() > heard_at + patience_s:
                    break
        progress(self.book)
        await self.sender.flush()
        return report(
            self.book,
            seconds=time.monotonic() - begun,
            work_orders_opened=self._opened,
            work_orders_closed=self._closed,
        )

    async def attend(
        self, ready: Callable[[], None] = lambda: None, progress: Progress = lambda _: None
    ) -> None:
        """React to whatever jobs anybody posts, until cancelled; calls `ready` once it listens."""
        async with Listener(self._bootstrap, TOPICS) as listener:
            ready()
            while True:
                self._act(time.monotonic())
                heard = await listener.next(self._wait_s(time.monotonic()))
                for each in heard:
                    if isinstance(each.message, JobPosted) and each.message.job_id not in self.book.jobs:
                        self.book.enter(Job.of(each.message, WILLING, each.at))
                self._hear(heard)
                if heard:
                    progress(self.book)

    def post(self, client: Member, course: Course) -> Job:
        """A client posts a job."""
        client_id = self.community.id_of(client)
        zone = self.community.highest_zone(client)
        posting = post(client_id, zone, course, self._sealing_key, self._lots, datetime.now(UTC))
        job = Job.of(posting.command, course, time.monotonic())
        self.book.enter(job)
        actor = f"partner:{posting.command.client_id}"
        self._say(job, posting.command, actor)
        if course.posting == "posted_twice":
            changed = posting.command.model_copy(update={"summary": "Ein anderer Auftrag"})
            self._say(job, changed, actor)
        return job

    def _draw(self, progress: float) -> Course:
        return draw(self._lots, calm=progress > CALM_AFTER)

    def _say(self, job: Job, message: Message, actor: str, *, twice: bool = False) -> None:
        message_id = self.sender.put(message, actor)
        if twice:
            self.sender.put(message, actor, again=message_id)
            self.sender.put(message, actor)
        self.book.asked(message_id, job.job_id, type(message))

    def _act(self, now: float) -> None:
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            self._say(due.job, due.act.message, due.act.actor, twice=due.act.twice)

    def _wait_s(self, now: float) -> float:
        return POLL_S if not self._due else max(0.001, min(POLL_S, self._due[0].at - now))

    def _hear(self, heard: Sequence[Heard]) -> None:
        clock = datetime.now(UTC)
        for each in heard:
            message = each.message
            if message is None:
                continue
            self.community.hear(message)
            job = self.book.hear(message, each.at)
            if job is None:
                continue
            if isinstance(message, WorkOrder):
                self._read_work_order(message)
            for act in self._habits.react(job, message, clock):
                heapq.heappush(self._due, _Due(each.at + act.after_s, next(self._turns), act, job))

    def _read_work_order(self, order: WorkOrder) -> None:
        """The contractor opens it with his key."""
        member = self.community.member(order.contractor_id)
        if member is None:
            return
        try:
            EndCustomer.model_validate_json(unseal(order.end_customer, member.key, order.job_id))
            self._opened += 1
        except (SealError, ValueError):
            self._closed += 1


def _may_post(member: Member) -> bool:
    return (
        member.posts and not member.suspended and not member.cast and member.status is CustomerStatus.active
    )


def _has_no_client_agreement(member: Member) -> bool:
    return not member.posts and not member.suspended and member.status is CustomerStatus.active


def _is_blocked(member: Member) -> bool:
    return member.posts and member.status is CustomerStatus.blocked
