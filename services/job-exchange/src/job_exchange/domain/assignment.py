"""Who has the job, as matching decides it, and the work order that he gets and may lose again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from chassis.decisions import Decision, Outcome, Waiting
from contracts.job_exchange_jobs_v1 import WorkOrderReleased, WorkOrderTakenBack
from contracts.job_exchange_work_orders_v1 import WorkOrder
from job_exchange.domain.end_customers import SealedAnew
from job_exchange.domain.job import (
    ON_THE_BOARD,
    WITH_A_CONTRACTOR,
    Assignment,
    Job,
    Status,
    WorkOrderState,
)

RELEASE_WORK_ORDER: Final = "release-work-order"
"""The timer that looks again for a key of a contractor who had none."""
LOOK_AGAIN: Final = timedelta(minutes=1)
CONTRACTOR_PATIENCE: Final = timedelta(seconds=10)
"""Matching may know a partner before we do; after this he counts as one without a sealing key."""


def assign(
    job: Job | None, assignment: Assignment, contractor_known: bool, sealed: SealedAnew | None, now: datetime
) -> Outcome[Job | None]:
    """The job is his. Without a key to seal to, the work order waits by name and is tried every minute.

    Who was chosen before the client lowered the highest travel zone below his does not get it: matching, which hears
    of the amendment next, takes it from him.
    """
    if job is None or job.status not in ON_THE_BOARD or assignment.travel_zone > job.posting.highest_zone:
        return Decision(job)
    released = _release(replace(job, status=Status.assigned, assignment=assignment), sealed, now)
    if not contractor_known:
        return Waiting(f"partner/{assignment.contractor_id}", CONTRACTOR_PATIENCE, released)
    return released


def release_work_order(job: Job | None, sealed: SealedAnew | None, now: datetime) -> Decision[Job | None]:
    """Look again whether there is a key now. Who is done without the paper needs it no more."""
    waits = job is not None and job.work_order is WorkOrderState.missing_sealing_key
    if job is None or not waits or job.status not in WITH_A_CONTRACTOR:
        return Decision(job)
    return _release(job, sealed, now)


def replace_work_order(job: Job, sealed: SealedAnew | None, now: datetime) -> Decision[Job | None]:
    """The job was amended under its contractor. Without a key now, the paper of before is taken back meanwhile."""
    released = _release(job, sealed, now)
    if sealed is not None:
        return released
    return replace(released, events=[_taken_back(job)])


def _release(job: Job, sealed: SealedAnew | None, now: datetime) -> Decision[Job | None]:
    if job.assignment is None:
        raise ValueError("a work order is for a contractor")
    if sealed is None:
        waiting = replace(job, work_order=WorkOrderState.missing_sealing_key)
        return Decision(waiting, timers={RELEASE_WORK_ORDER: now + LOOK_AGAIN})
    contractor_id = job.assignment.contractor_id
    work_order = WorkOrder(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=contractor_id,
        window=job.posting.window,
        kind_of_work=job.posting.kind_of_work,
        sealed_for=sealed.kid,
        end_customer=sealed.ciphertext,
    )
    released = WorkOrderReleased(job_id=job.job_id, job_number=job.job_number, contractor_id=contractor_id)
    return Decision(
        replace(job, work_order=WorkOrderState.released),
        [work_order, released],
        timers={RELEASE_WORK_ORDER: None},
    )


def take_back(job: Job | None, contractor_id: UUID) -> Decision[Job | None]:
    """He no longer has the job: it is on the board again, without his work order and his open statement.

    After completion nothing is taken back: the work was done, and it is paid.
    """
    if job is None or job.status not in WITH_A_CONTRACTOR or job.contractor_id != contractor_id:
        return Decision(job)
    events = [_taken_back(job)] if job.work_order is WorkOrderState.released else []
    return Decision(job.without_contractor(), events, timers={RELEASE_WORK_ORDER: None})


def _taken_back(job: Job) -> WorkOrderTakenBack:
    if job.contractor_id is None:
        raise ValueError("a work order is with a contractor")
    return WorkOrderTakenBack(job_id=job.job_id, job_number=job.job_number, contractor_id=job.contractor_id)


def leave_unfilled(job: Job | None) -> Decision[Job | None]:
    """Nobody is left who may and can. A dispatcher may still find somebody."""
    if job is None or job.status is not Status.posted:
        return Decision(job)
    return Decision(replace(job, status=Status.unfilled))
