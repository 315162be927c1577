"""billing.payables.v1: the contractor's leg. Nobody but the distributor reads both legs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import DocumentLine, DocumentNumber, JobNumber, Money, OwnReference, Percent
from contracts.wire import Day


class SelfBilledInvoiceIssued(Event):
    """The contractor's self-billed invoice (type 389, § 14 (2) sentence 5 UStG). `vat_rate` is in percent."""

    TYPE: ClassVar[str] = "billing.SelfBilledInvoiceIssued.v1"
    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber
    document_number: DocumentNumber
    contractor_id: PartnerId
    net: Money
    vat: Money
    gross: Money
    vat_rate: Percent
    issued_on: Day
    due_on: Day
    own_reference: OwnReference
    lines: Annotated[list[DocumentLine], Field(min_length=1, max_length=200)]


TOPIC = Topic(
    name="billing.payables.v1",
    owner="billing",
    readers=("contractor-gateway", "distributor"),
    key="job id",
    cleanup="delete",
    retention=None,
    data_class="money",
    messages=(SelfBilledInvoiceIssued,),
    versioned=True,
)
