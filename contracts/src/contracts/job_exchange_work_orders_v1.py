"""job-exchange.work-orders.v1: the paper with the end customer on it, sealed to the contractor."""

from __future__ import annotations

from typing import ClassVar

from contracts.ids import JobId, PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import JobNumber, KeyName, KindOfWork, Sealed, Window


class WorkOrder(Event):
    """Go there, in the client's name. A tombstone takes it back."""

    TYPE: ClassVar[str] = "job-exchange.WorkOrder.v1"
    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber
    client_id: PartnerId
    contractor_id: PartnerId
    window: Window
    kind_of_work: KindOfWork
    sealed_for: KeyName
    """The kid of the contractor's key that opens it."""
    end_customer: Sealed


TOPIC = Topic(
    name="job-exchange.work-orders.v1",
    owner="job-exchange",
    readers=("contractor-gateway",),
    key="job id",
    cleanup="compact",
    retention=None,
    data_class="sealed",
    messages=(WorkOrder,),
    tombstones=True,
    versioned=True,
)
