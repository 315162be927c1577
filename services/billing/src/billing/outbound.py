"""Event → topic and key, and older majors while they are served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import (
    billing_payables_v1,
    billing_rate_cards_v1,
    billing_receivables_v1,
    billing_settlements_v1,
)
from contracts.billing_payables_v1 import (
    OwnInvoiceBooked,
    PayoutRecorded,
    SelfBilledInvoiceIssued,
    SelfBilledInvoiceReversed,
    SelfBillingObjected,
)
from contracts.billing_rate_cards_v1 import RateCard
from contracts.billing_receivables_v1 import InvoiceIssued, InvoiceReversed
from contracts.billing_settlements_v1 import (
    JobSettled,
    SettlementCorrected,
    SettlementHeld,
    SettlementPaid,
)

Settled = JobSettled | SettlementHeld | SettlementCorrected | SettlementPaid
Receivable = InvoiceIssued | InvoiceReversed
Payable = (
    SelfBilledInvoiceIssued
    | SelfBilledInvoiceReversed
    | SelfBillingObjected
    | OwnInvoiceBooked
    | PayoutRecorded
)
Event = RateCard | Settled | Receivable | Payable
"""All that billing tells. Client and contractor each have a stream; only the distributor reads both."""


def route(event: object) -> Iterable[Outgoing]:
    """Where an event goes. All streams are keyed by the event's own subject."""
    told = cast("Event", event)
    match told:
        case RateCard():
            yield Outgoing(billing_rate_cards_v1.TOPIC, told.subject, told)
        case JobSettled() | SettlementHeld() | SettlementCorrected() | SettlementPaid():
            yield Outgoing(billing_settlements_v1.TOPIC, told.subject, told)
        case InvoiceIssued() | InvoiceReversed():
            yield Outgoing(billing_receivables_v1.TOPIC, told.subject, told)
        case (
            SelfBilledInvoiceIssued()
            | SelfBilledInvoiceReversed()
            | SelfBillingObjected()
            | OwnInvoiceBooked()
            | PayoutRecorded()
        ):
            yield Outgoing(billing_payables_v1.TOPIC, told.subject, told)
        case _:
            assert_never(told)
