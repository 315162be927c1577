"""billing.payables.v1: the contractor's leg. Nobody but the distributor reads both legs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, PartnerId
from contracts.messages import Event, OpenEnum
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
from contracts.wire import Day, Flag


class BuildingTax(OpenEnum):
    """Whether the distributor keeps building withholding tax back, §§ 48-48b EStG."""

    none = "none"
    """No building work, or a job of before this was looked at."""
    exempt = "exempt"
    """Building work; a certificate of § 48b EStG holds."""
    withheld = "withheld"
    undecided = "undecided"
    """No certificate, and nobody has classified this kind of work: not to be paid out before."""
    unknown = "unknown"


class PayableEvent(Event):
    """Something about what one job earns the contractor."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber


class SelfBilledInvoiceIssued(PayableEvent):
    """The contractor's self-billed invoice (type 389, § 14 (2) sentence 5 UStG). `vat_rate` is in percent."""

    TYPE: ClassVar[str] = "billing.SelfBilledInvoiceIssued.v1"

    document_number: DocumentNumber
    contractor_id: PartnerId
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
    """The reversed document in whose place this one stands, after a corrected statement."""
    building_tax: BuildingTax = BuildingTax.none
    withheld: Money | None = None
    """Goes to the tax office, not to him."""


class SelfBilledInvoiceReversed(PayableEvent):
    """It no longer counts (Korrektur der Gutschrift, type 389 with negative lines). Amounts are those taken back."""

    TYPE: ClassVar[str] = "billing.SelfBilledInvoiceReversed.v1"

    document_number: DocumentNumber
    reverses: DocumentNumber
    contractor_id: PartnerId
    net: Money
    vat: Money
    gross: Money
    issued_on: Day


class SelfBillingObjected(PayableEvent):
    """The contractor objected: the document has no effect as an invoice any more, the payable is stopped."""

    TYPE: ClassVar[str] = "billing.SelfBillingObjected.v1"

    document_number: DocumentNumber
    contractor_id: PartnerId
    received_on: Day
    paid_before: Flag


class OwnInvoiceBooked(PayableEvent):
    """The contractor's own invoice stands in place of a self-billed one."""

    TYPE: ClassVar[str] = "billing.OwnInvoiceBooked.v1"

    own_number: DocumentNumber
    contractor_id: PartnerId
    net: Money
    vat: Money
    gross: Money
    vat_category: VatCategory
    issued_on: Day
    booked_on: Day


class PayoutRecorded(PayableEvent):
    """The contractor has his money."""

    TYPE: ClassVar[str] = "billing.PayoutRecorded.v1"

    contractor_id: PartnerId
    amount: Money
    paid_on: Day


TOPIC = Topic(
    name="billing.payables.v1",
    owner="billing",
    readers=("contractor-gateway", "distributor"),
    key="job id",
    cleanup="delete",
    retention=None,
    data_class="money",
    messages=(
        SelfBilledInvoiceIssued,
        SelfBilledInvoiceReversed,
        SelfBillingObjected,
        OwnInvoiceBooked,
        PayoutRecorded,
    ),
    versioned=True,
)
