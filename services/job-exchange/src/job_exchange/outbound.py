"""Event → topic and key, and older majors while they are served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import job_exchange_jobs_v1, job_exchange_work_orders_v1
from contracts.job_exchange_jobs_v1 import (
    JobAmended,
    JobCancelled,
    JobCompleted,
    JobDisputed,
    JobPosted,
    JobStarted,
    JobStated,
    StatementCorrected,
    WorkOrderReleased,
    WorkOrderTakenBack,
)
from contracts.job_exchange_work_orders_v1 import WorkOrder

Event = (
    JobPosted
    | JobAmended
    | JobCancelled
    | JobStarted
    | JobStated
    | JobDisputed
    | JobCompleted
    | StatementCorrected
    | WorkOrderReleased
    | WorkOrderTakenBack
    | WorkOrder
)
"""All that job-exchange tells."""


def route(event: object) -> Iterable[Outgoing]:
    """Where an event goes: the blind stream, or the restricted one. All are keyed by the job's id."""
    told = cast("Event", event)
    match told:
        case JobPosted() | JobAmended() | JobCancelled() | JobStarted() | JobStated() | JobDisputed():
            yield Outgoing(job_exchange_jobs_v1.TOPIC, told.subject, told)
        case JobCompleted() | StatementCorrected():
            yield Outgoing(job_exchange_jobs_v1.TOPIC, told.subject, told)
        case WorkOrder():
            yield Outgoing(job_exchange_work_orders_v1.TOPIC, told.subject, told)
        case WorkOrderReleased():
            yield Outgoing(job_exchange_jobs_v1.TOPIC, told.subject, told)
        case WorkOrderTakenBack():
            # the paper goes before its notice: who hears of it finds it gone
            yield Outgoing(job_exchange_work_orders_v1.TOPIC, told.subject, None)
            yield Outgoing(job_exchange_jobs_v1.TOPIC, told.subject, told)
        case _:
            assert_never(told)
