"""Double-entry books. An entry's postings sum to zero; debit is positive, credit negative."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

REVENUE = "revenue"
COST_OF_SERVICES = "cost-of-services"
VAT_OUT = "vat-out"
"""Umsatzsteuer: what we owe the tax office for what we sold."""
VAT_IN = "vat-in"
"""Vorsteuer: what the tax office owes us for what we bought, § 15 UStG."""


def receivable(partner_id: UUID) -> str:
    """What this partner owes us. Kept apart from what we owe him: the two are not netted (§ 246 (2) HGB)."""
    return f"receivable/{partner_id}"


def payable(partner_id: UUID) -> str:
    """What we owe this partner."""
    return f"payable/{partner_id}"


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount in euros on an account."""

    account: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """What is booked together. `source`: the number of the document behind it."""

    source: str
    booked_on: date
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if sum((posting.amount for posting in self.postings), Decimal(0)) != 0:
            raise ValueError(f"the entry for {self.source} does not sum to zero")


def sale(number: str, booked_on: date, client_id: UUID, net: Decimal, vat: Decimal) -> Entry:
    """The client's leg."""
    return Entry(
        number,
        booked_on,
        (Posting(receivable(client_id), net + vat), Posting(REVENUE, -net), Posting(VAT_OUT, -vat)),
    )


def purchase(number: str, booked_on: date, contractor_id: UUID, net: Decimal, vat: Decimal) -> Entry:
    """The contractor's leg."""
    return Entry(
        number,
        booked_on,
        (Posting(COST_OF_SERVICES, net), Posting(VAT_IN, vat), Posting(payable(contractor_id), -(net + vat))),
    )
