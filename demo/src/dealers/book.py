"""What the simulation knows of its jobs, from the topics alone, and which of them have ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Self
from uuid import UUID

from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import JobSettled, SettlementHeld
from contracts.job_exchange_commands_v1 import PostJob
from contracts.job_exchange_jobs_v1 import (
    JobCancelled,
    JobCompleted,
    JobDisputed,
    JobPosted,
    JobStarted,
    JobStated,
)
from contracts.matching_assignments_v1 import AssignmentReleased, JobAssigned, JobOffered, JobUnfilled
from contracts.messages import Message
from contracts.replies_v1 import Rejected
from contracts.values import Window
from dealers.course import Course


class State(StrEnum):
    """Where a job is; the last four are ends."""

    sent = "sent"
    posted = "posted"
    offered = "offered"
    assigned = "assigned"
    started = "started"
    stated = "stated"
    disputed = "disputed"
    completed = "completed"
    held = "held"
    settled = "settled"
    unfilled = "unfilled"
    cancelled = "cancelled"
    refused = "refused"


ENDS = frozenset({State.settled, State.unfilled, State.cancelled, State.refused})


@dataclass(slots=True)
class Job:
    """One job. Times are monotonic seconds."""

    job_id: UUID
    client_id: UUID
    postcode: str
    window: Window
    estimated_hours: Decimal
    course: Course
    sent_at: float
    state: State = State.sent
    job_number: str | None = None
    assigned_at: float | None = None
    contractor_id: UUID | None = None
    heard_at: float = 0.0
    refusal: str | None = None
    """Code of the refused posting."""
    unfilled_because: dict[str, int] = field(default_factory=dict)
    offers: int = 0
    no_shows: int = 0
    gave_back: int = 0
    statements: int = 0
    disputes: int = 0
    invoices: int = 0
    self_billed: int = 0

    @classmethod
    def of(cls, posting: PostJob | JobPosted, course: Course, sent_at: float) -> Self:
        """From our own posting, or from the board if somebody else posted it."""
        return cls(
            posting.job_id,
            posting.client_id,
            posting.postcode,
            posting.window,
            posting.estimated_hours,
            course,
            sent_at,
        )

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come. A settled job has its two documents."""
        if self.state is State.settled:
            return self.invoices > 0 and self.self_billed > 0
        return self.state in ENDS


class Book:
    """All jobs of a run."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.refused: Counter[tuple[str, str]] = Counter()
        """Refused commands, postings too: (command, code)."""
        self.commands = 0
        self.net_invoiced = Decimal(0)
        self.net_self_billed = Decimal(0)
        self._commands: dict[UUID, tuple[UUID, str]] = {}
        self._open = 0

    def enter(self, job: Job) -> None:
        """A job is about to be posted."""
        self.jobs[job.job_id] = job
        self._open += 1

    def asked(self, command_id: UUID, job_id: UUID, command: type[Message]) -> None:
        """A command about a job was sent."""
        self.commands += 1
        self._commands[command_id] = (job_id, command.__name__)

    @property
    def open(self) -> int:
        """How many jobs have not come to their end."""
        return self._open

    def unended(self) -> Iterator[Job]:
        """Those jobs."""
        return (job for job in self.jobs.values() if not job.ended)

    def states(self) -> Counter[State]:
        """How many jobs are where."""
        return Counter(job.state for job in self.jobs.values())

    def hear(self, message: Message, at: float) -> Job | None:
        """Take note; returns the job if the message is about one of ours."""
        if isinstance(message, Rejected):
            return self._refusal(message, at)
        job_id = getattr(message, "job_id", None)
        job = self.jobs.get(job_id) if isinstance(job_id, UUID) else None
        if job is None:
            return None
        ended = job.ended
        job.heard_at = at
        self._note(job, message, at)
        self._open += ended - job.ended
        return job

    def _refusal(self, message: Rejected, at: float) -> Job | None:
        known = self._commands.pop(message.command_id, None)
        if known is None:
            return None
        job = self.jobs[known[0]]
        job.heard_at = at
        self.refused[(known[1], message.code)] += 1
        if known[1] == PostJob.__name__ and job.state is State.sent:
            job.state = State.refused
            job.refusal = message.code
            self._open -= 1
        return job

    def _note(self, job: Job, message: Message, at: float) -> None:
        match message:
            case JobPosted():
                job.job_number = message.job_number
                if job.state is State.sent:
                    job.state = State.posted
            case JobOffered():
                job.offers += 1
                self._move(job, State.offered)
            case JobAssigned():
                job.contractor_id = message.contractor_id
                job.assigned_at = job.assigned_at or at
                self._move(job, State.assigned)
            case AssignmentReleased():
                job.contractor_id = None
                self._move(job, State.posted)
            case JobUnfilled():
                job.unfilled_because = {removed.constraint: removed.count for removed in message.removed}
                self._move(job, State.unfilled)
            case JobStarted():
                self._move(job, State.started)
            case JobStated():
                job.statements += 1
                self._move(job, State.stated)
            case JobDisputed():
                job.disputes += 1
                self._move(job, State.disputed)
            case JobCompleted():
                self._move(job, State.completed)
            case JobCancelled():
                job.state = State.cancelled
            case _:
                self._note_money(job, message)

    def _note_money(self, job: Job, message: Message) -> None:
        match message:
            case SettlementHeld():
                job.state = State.held
            case JobSettled():
                job.state = State.settled
            case InvoiceIssued():
                job.invoices += 1
                self.net_invoiced += message.net.amount
            case SelfBilledInvoiceIssued():
                job.self_billed += 1
                self.net_self_billed += message.net.amount
            case _:
                pass

    @staticmethod
    def _move(job: Job, state: State) -> None:
        """Topics are read side by side: what comes late from one does not undo what another said already."""
        over = {State.completed, State.held, *ENDS}
        done = {State.started, State.stated, State.disputed, *over}
        if job.state in over and not (job.state is State.unfilled and state is State.assigned):
            return
        if state in {State.offered, State.posted, State.assigned, State.unfilled} and job.state in done:
            return
        job.state = state
