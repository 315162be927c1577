"""A job's state. What a client asks for may be amended until the work begins; where, what and at which prices not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.decisions import Rejected
from contracts.job_exchange_jobs_v1 import Approver
from contracts.values import (
    KindOfWork,
    Material,
    Money,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
    WorkedTime,
)


class Status(StrEnum):
    """Where a job is in its life. Offers are matching's affair: here a job on offer is `posted`."""

    posted = "posted"
    unfilled = "unfilled"
    assigned = "assigned"
    started = "started"
    stated = "stated"
    disputed = "disputed"
    completed = "completed"
    settled = "settled"
    cancelled = "cancelled"


class WorkOrderState(StrEnum):
    """Whether the contractor can read his work order.

    missing_sealing_key: neither he nor the platform has a key it could be sealed to.
    """

    none = "none"
    released = "released"
    missing_sealing_key = "missing_sealing_key"


class StatementState(StrEnum):
    """What became of a statement.

    dropped: its contractor lost the job before it was approved. replaced: approved, and corrected later.
    """

    pending = "pending"
    disputed = "disputed"
    approved = "approved"
    dropped = "dropped"
    replaced = "replaced"


ON_THE_BOARD = frozenset({Status.posted, Status.unfilled})
WITH_A_CONTRACTOR = frozenset({Status.assigned, Status.started, Status.stated, Status.disputed})
"""The contractor has the job and may still lose it."""
DONE = frozenset({Status.completed, Status.settled})


@dataclass(frozen=True, slots=True)
class Posting:
    """What the client asked for when the job was posted, or last amended.

    approves_itself_up_to_hours: a statement of at most so many hours needs no approval (by the
    client's agreement of the day of posting; a later agreement changes nothing for this job).
    """

    client_id: UUID
    postcode: str
    kind_of_work: KindOfWork
    required_certifications: tuple[RequiredCertification, ...]
    window: Window
    estimated_hours: Decimal
    approves_itself_up_to_hours: Decimal
    response_time: ResponseTime
    insurance_sum: Money | None
    highest_zone: int
    offer_policy: OfferPolicy
    rate_card_id: UUID
    rate_card_version: int
    own_reference: OwnReference
    summary: str
    posted_at: datetime
    rework_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who has the job, and the travel zone that was fixed when he got it."""

    contractor_id: UUID
    travel_zone: int


@dataclass(frozen=True, slots=True)
class StatementRecord:
    """A statement as it was sent in. `hours` are the contractor's, `approved_hours` what was agreed."""

    version: int
    statement_id: UUID
    contractor_id: UUID
    hours: Decimal
    travel_km: int
    performed_from: date
    performed_to: date
    materials: tuple[Material, ...]
    proof_sha256: str | None
    state: StatementState
    approved_hours: Decimal | None = None
    approved_by: Approver | None = None
    worked: tuple[WorkedTime, ...] = ()
    nobody_there: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job and all statements about it, the newest last."""

    job_id: UUID
    job_number: str
    posting: Posting
    status: Status = Status.posted
    assignment: Assignment | None = None
    work_order: WorkOrderState = WorkOrderState.none
    statements: tuple[StatementRecord, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def client_id(self) -> UUID:
        """Who posted it."""
        return self.posting.client_id

    @property
    def contractor_id(self) -> UUID | None:
        """Who has it, if anybody."""
        return self.assignment.contractor_id if self.assignment else None

    def with_last_statement(self, statement: StatementRecord) -> tuple[StatementRecord, ...]:
        """All statements, with the newest one in this state."""
        return (*self.statements[:-1], statement)

    def without_contractor(self) -> Job:
        """The contractor is out: back on the board, and what he stated no longer counts."""
        statements = self.statements
        if self.status in (Status.stated, Status.disputed):
            statements = self.with_last_statement(replace(statements[-1], state=StatementState.dropped))
        return replace(
            self,
            status=Status.posted,
            assignment=None,
            work_order=WorkOrderState.none,
            statements=statements,
            started_at=None,
        )


def known(job: Job | None) -> Job:
    """The job that a command is about. Raises Rejected."""
    if job is None:
        raise Rejected("unknown-job", "There is no such job.", "job_id")
    return job


def of_client(job: Job | None, client_id: UUID) -> Job:
    """The job, if it is this client's. Raises Rejected."""
    job = known(job)
    if job.client_id != client_id:
        raise Rejected("not-your-job", "This job was posted by somebody else.", "client_id")
    return job


def of_contractor(job: Job | None, contractor_id: UUID) -> tuple[Job, Assignment]:
    """The job and its assignment, if it is this contractor's. Raises Rejected."""
    job = known(job)
    if job.assignment is None or job.contractor_id != contractor_id:
        raise Rejected("not-your-job", "This job is not assigned to you.", "contractor_id")
    return job, job.assignment
