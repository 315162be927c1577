"""The contractor arrives and says what he did; somebody approves it, once; billing settles it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from chassis.decisions import Decision, Rejected
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    CorrectStatement,
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
    StatementCorrected,
)
from contracts.values import WorkedTime
from job_exchange.domain import job as jobs
from job_exchange.domain.days import day_of
from job_exchange.domain.job import DONE, Assignment, Job, StatementRecord, StatementState, Status

CLOCKS_DIFFER: Final = timedelta(minutes=5)
QUARTER: Final = timedelta(minutes=15)


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
    _check_days(command.performed_from, command.performed_to, now)
    _check_times(command.worked, command.hours)
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
        worked=tuple(command.worked),
        nobody_there=command.nobody_there,
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


def _check_days(first: date, last: date, now: datetime) -> None:
    if last < first:
        raise Rejected("days-not-in-order", "The last day lies before the first.", "performed_to")
    if last > day_of(now):
        raise Rejected("performed-in-future", "Work is stated when it is done.", "performed_to")


def _check_times(worked: Sequence[WorkedTime], hours: Decimal) -> None:
    """Times are for surcharges: where they are given, they are in order and are the hours."""
    if not worked:
        return
    if any(later.starts_at < earlier.ends_at for earlier, later in pairwise(worked)):
        raise Rejected("times-not-in-order", "The times overlap, or are not in order.", "worked")
    quarters = sum(-(-(one.ends_at - one.starts_at) // QUARTER) for one in worked)
    if Decimal(quarters) / 4 != hours:
        raise Rejected("times-not-hours", f"The times add up to {Decimal(quarters) / 4} hours.", "worked")


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
    stated = job.statements[-1]
    approved = replace(
        stated,
        state=StatementState.approved,
        approved_hours=hours,
        approved_by=approved_by,
        # what was decided differently is no longer what the times say: no surcharge without times
        worked=stated.worked if hours == stated.hours else (),
    )
    completed = replace(
        job, status=Status.completed, statements=job.with_last_statement(approved), ended_at=now
    )
    return completed, JobCompleted(**_done(job, assignment, approved, approved_by, now))


def _done(
    job: Job, assignment: Assignment, approved: StatementRecord, approved_by: Approver, now: datetime
) -> dict[str, Any]:
    posting = job.posting
    return {
        "job_id": job.job_id,
        "job_number": job.job_number,
        "client_id": job.client_id,
        "contractor_id": assignment.contractor_id,
        "postcode": posting.postcode,
        "kind_of_work": posting.kind_of_work,
        "required_certifications": list(posting.required_certifications),
        "statement": Statement(
            statement_id=approved.statement_id,
            version=approved.version,
            hours=approved.approved_hours or approved.hours,
            travel_km=approved.travel_km,
            performed_from=approved.performed_from,
            performed_to=approved.performed_to,
            materials=list(approved.materials),
            worked=list(approved.worked),
            nobody_there=approved.nobody_there,
        ),
        "travel_zone": assignment.travel_zone,
        "rate_card_id": posting.rate_card_id,
        "rate_card_version": posting.rate_card_version,
        "own_reference": posting.own_reference,
        "approved_by": approved_by,
        "completed_at": now,
        "response_time": posting.response_time,
        "approves_itself_up_to_hours": posting.approves_itself_up_to_hours.quantize(Decimal("0.001")),
        "rework_of": posting.rework_of,
    }


def correct(job: Job | None, command: CorrectStatement, now: datetime) -> Decision[Job]:
    """An approved statement was wrong: a new version stands in its place, and billing reverses and bills anew."""
    job = jobs.known(job)
    if job.status not in DONE or job.assignment is None:
        raise Rejected("not-completed", "There is no approved statement to correct yet.", "job_id")
    wrong = job.statements[-1]
    if wrong.statement_id != command.statement_id:
        raise Rejected("not-this-statement", "A newer statement has taken its place.", "statement_id")
    if any(one.statement_id == command.new_statement_id for one in job.statements):
        raise Rejected(
            "second-statement", "A corrected statement needs an id of its own.", "new_statement_id"
        )
    _check_days(command.performed_from, command.performed_to, now)
    _check_times(command.worked, command.hours)
    right = replace(
        wrong,
        version=wrong.version + 1,
        statement_id=command.new_statement_id,
        hours=command.hours,
        performed_from=command.performed_from,
        performed_to=command.performed_to,
        worked=tuple(command.worked),
        state=StatementState.approved,
        approved_hours=command.hours,
        approved_by="distributor",
    )
    replaced = job.with_last_statement(replace(wrong, state=StatementState.replaced))
    event = StatementCorrected(**_done(job, job.assignment, right, "distributor", now))
    return Decision(replace(job, statements=(*replaced, right)), [event])


def settle(job: Job | None) -> Decision[Job | None]:
    """Billing has made both documents."""
    if job is None or job.status is not Status.completed:
        return Decision(job)
    return Decision(replace(job, status=Status.settled))
