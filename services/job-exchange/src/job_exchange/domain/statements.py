"""The contractor arrives and says what he did; somebody approves it, once; billing settles it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from chassis.decisions import Decision, Rejected
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    DisputeStatement,
    RecordArrival,
    ResolveDispute,
    SubmitStatement,
)
from contracts.job_exchange_jobs_v1 import (
    Approver,
    JobCompleted,
    JobDisputed,
    JobStarted,
    JobStated,
    Statement,
)
from job_exchange.domain import job as jobs
from job_exchange.domain.days import day_of
from job_exchange.domain.job import DONE, Assignment, Job, StatementRecord, StatementState, Status

CLOCKS_DIFFER: Final = timedelta(minutes=5)


def record_arrival(job: Job | None, command: RecordArrival, now: datetime) -> Decision[Job]:
    """The contractor is at the end customer's."""
    job, assignment = jobs.of_contractor(job, command.contractor_id)
    if job.status is not Status.assigned:
        raise Rejected("already-started", "The arrival is recorded already.", "job_id")
    if command.arrived_at > now + CLOCKS_DIFFER:
        raise Rejected("arrival-in-future", "An arrival is recorded when it has happened.", "arrived_at")
    started = JobStarted(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=assignment.contractor_id,
        arrived_at=command.arrived_at,
    )
    return Decision(replace(job, status=Status.started, started_at=command.arrived_at), [started])


def submit(job: Job | None, command: SubmitStatement, now: datetime) -> Decision[Job]:
    """The contractor's statement. Within the limits agreed with the client it approves itself."""
    job, assignment = jobs.of_contractor(job, command.contractor_id)
    _check_turn(job, command.statement_id, now)
    _check_days(command, now)
    statement = StatementRecord(
        version=len(job.statements) + 1,
        statement_id=command.statement_id,
        contractor_id=assignment.contractor_id,
        hours=command.hours,
        travel_km=command.travel_km,
        performed_from=command.performed_from,
        performed_to=command.performed_to,
        materials=tuple(command.materials),
        proof_sha256=command.proof_sha256,
        state=StatementState.pending,
    )
    within_limits = statement.hours <= job.posting.approves_itself_up_to_hours
    stated = JobStated(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=assignment.contractor_id,
        statement_id=statement.statement_id,
        statement_version=statement.version,
        hours=statement.hours,
        within_limits=within_limits,
    )
    job = replace(job, status=Status.stated, statements=(*job.statements, statement))
    if not within_limits:
        return Decision(job, [stated])
    completed, event = _complete(job, assignment, statement.hours, "limits", now)
    return Decision(completed, [stated, event])


def _check_turn(job: Job, statement_id: UUID, now: datetime) -> None:
    if job.status is Status.stated or job.status in DONE:
        raise Rejected("second-statement", "There is a statement for this job already.", "statement_id")
    if any(statement.statement_id == statement_id for statement in job.statements):
        raise Rejected("second-statement", "A corrected statement needs an id of its own.", "statement_id")
    if job.status is Status.assigned and now < job.posting.window.starts_at:
        raise Rejected("not-started", "Record the arrival first, or wait for the time window.", "job_id")


def _check_days(command: SubmitStatement, now: datetime) -> None:
    if command.performed_to < command.performed_from:
        raise Rejected("days-not-in-order", "The last day lies before the first.", "performed_to")
    if command.performed_to > day_of(now):
        raise Rejected("performed-in-future", "Work is stated when it is done.", "performed_to")


def approve(job: Job | None, command: ApproveStatement, now: datetime) -> Decision[Job]:
    """The client agrees."""
    job = jobs.of_client(job, command.client_id)
    statement, assignment = _open(job, command.statement_id, Status.stated)
    completed, event = _complete(job, assignment, statement.hours, "client", now)
    return Decision(completed, [event])


def dispute(job: Job | None, command: DisputeStatement) -> Decision[Job]:
    """The client does not agree: the contractor may send a corrected one, or the distributor decides."""
    job = jobs.of_client(job, command.client_id)
    statement, assignment = _open(job, command.statement_id, Status.stated)
    disputed = JobDisputed(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=assignment.contractor_id,
        statement_id=statement.statement_id,
        reason=command.reason,
    )
    statements = job.with_last_statement(replace(statement, state=StatementState.disputed))
    return Decision(replace(job, status=Status.disputed, statements=statements), [disputed])


def resolve(job: Job | None, command: ResolveDispute, now: datetime) -> Decision[Job]:
    """The distributor decides how many hours it is."""
    job = jobs.known(job)
    _, assignment = _open(job, command.statement_id, Status.disputed)
    completed, event = _complete(job, assignment, command.hours, "distributor", now)
    return Decision(completed, [event])


def _open(job: Job, statement_id: UUID, status: Status) -> tuple[StatementRecord, Assignment]:
    """The newest statement, if it is the one meant and in this state. Raises Rejected."""
    if job.status is not status or job.assignment is None:
        wanted = "waits for approval" if status is Status.stated else "is disputed"
        raise Rejected("no-open-statement", f"No statement of this job {wanted}.", "statement_id")
    statement = job.statements[-1]
    if statement.statement_id != statement_id:
        raise Rejected("not-this-statement", "A newer statement has taken its place.", "statement_id")
    return statement, job.assignment


def _complete(
    job: Job, assignment: Assignment, hours: Decimal, approved_by: Approver, now: datetime
) -> tuple[Job, JobCompleted]:
    """The work is done and approved: the state after it, and all that billing needs for both legs."""
    approved = replace(
        job.statements[-1], state=StatementState.approved, approved_hours=hours, approved_by=approved_by
    )
    posting = job.posting
    event = JobCompleted(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=assignment.contractor_id,
        postcode=posting.postcode,
        kind_of_work=posting.kind_of_work,
        required_certifications=list(posting.required_certifications),
        statement=Statement(
            statement_id=approved.statement_id,
            version=approved.version,
            hours=hours,
            travel_km=approved.travel_km,
            performed_from=approved.performed_from,
            performed_to=approved.performed_to,
            materials=list(approved.materials),
        ),
        travel_zone=assignment.travel_zone,
        rate_card_id=posting.rate_card_id,
        rate_card_version=posting.rate_card_version,
        own_reference=posting.own_reference,
        approved_by=approved_by,
        completed_at=now,
    )
    completed = replace(
        job, status=Status.completed, statements=job.with_last_statement(approved), ended_at=now
    )
    return completed, event


def settle(job: Job | None) -> Decision[Job | None]:
    """Billing has made both documents."""
    if job is None or job.status is not Status.completed:
        return Decision(job)
    return Decision(replace(job, status=Status.settled))
