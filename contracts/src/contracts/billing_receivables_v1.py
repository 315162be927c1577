"""billing.receivables.v1: the client's leg. Nobody but the distributor reads both legs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import (
    DocumentLine,
    DocumentNumber,
    JobNumber,
    Money,
    OwnReference,
    Percent,
    VatCategory,
    Version,
)
from contracts.wire import Day


class InvoiceIssued(Event):
    """The client's invoice (type 380). `vat_rate` is in percent: 19.00."""

    TYPE: ClassVar[str] = "billing.InvoiceIssued.v1"
    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber
    document_number: DocumentNumber
    client_id: PartnerId
    net: Money
    vat: Money
    gross: Money
    vat_rate: Percent
    vat_category: VatCategory = VatCategory.S
    issued_on: Day
    due_on: Day
    own_reference: OwnReference
    lines: Annotated[list[DocumentLine], Field(min_length=1, max_length=200)]
    statement_version: Version = 1
    replaces: DocumentNumber | None = None
    """The reversed invoice in whose place this one stands, after a corrected statement."""


class InvoiceReversed(Event):
    """The client's invoice no longer counts (Rechnungskorrektur, type 384). Amounts are those taken back."""

    TYPE: ClassVar[str] = "billing.InvoiceReversed.v1"
    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber
    document_number: DocumentNumber
    reverses: DocumentNumber
    client_id: PartnerId
    net: Money
    vat: Money
    gross: Money
    issued_on: Day


TOPIC = Topic(
    name="billing.receivables.v1",
    owner="billing",
    readers=("client-gateway", "distributor"),
    key="job id",
    cleanup="delete",
    retention=None,
    data_class="money",
    messages=(InvoiceIssued, InvoiceReversed),
    versioned=True,
)
