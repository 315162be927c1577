"""Double-entry books. An entry's postings sum to zero; debit is positive, credit negative."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from billing.domain import accounts
from billing.domain.money import ZERO, share
from billing.domain.tax import STANDARD
from contracts.values import Leg, VatCategory


class Happened(StrEnum):
    """What an entry books. One of each per source and leg (unique in the database)."""

    issued = "issued"
    objected = "objected"
    withdrawn = "withdrawn"
    own_invoice = "own-invoice"
    building_tax = "building-tax"
    paid = "paid"


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount in euros on an account."""

    account: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """What is booked together. source: the number of the document behind it, or of what stands for one."""

    source: str
    happened: Happened
    leg: Leg
    job_id: UUID
    booked_on: date
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if sum((posting.amount for posting in self.postings), ZERO) != 0:
            raise ValueError(f"the entry for {self.source} does not sum to zero")

    @property
    def entry_id(self) -> str:
        return f"{self.source}/{self.happened}"


def sale(number: str, job_id: UUID, booked_on: date, client_id: UUID, net: Decimal, vat: Decimal) -> Entry:
    """The client's leg; a correction has negative amounts."""
    return Entry(
        number,
        Happened.issued,
        Leg.client,
        job_id,
        booked_on,
        _postings(
            (accounts.receivable(client_id), net + vat), (accounts.REVENUE, -net), (accounts.VAT_OUT, -vat)
        ),
    )


@dataclass(frozen=True, slots=True)
class Purchase:
    """The contractor's side in amounts. reverse: VAT that we owe as recipient; withheld: building tax."""

    contractor_id: UUID
    net: Decimal
    vat: Decimal
    reverse: Decimal = ZERO
    withheld: Decimal = ZERO

    def negated(self) -> Purchase:
        """The same, taken back."""
        return Purchase(self.contractor_id, -self.net, -self.vat, -self.reverse, -self.withheld)

    def postings(self) -> tuple[Posting, ...]:
        """Cost and input VAT against what he gets and what the tax office gets for him."""
        return _postings(
            (accounts.COST_OF_SERVICES, self.net),
            (accounts.VAT_IN, self.vat),
            (accounts.VAT_IN_REVERSE, self.reverse),
            (accounts.VAT_OUT_REVERSE, -self.reverse),
            (accounts.WITHHELD_BUILDING_TAX, -self.withheld),
            (accounts.payable(self.contractor_id), -(self.net + self.vat - self.withheld)),
        )


def reverse_charge(category: VatCategory, net: Decimal) -> Decimal:
    """The tax a recipient owes on a document without tax, § 13b (5) UStG."""
    return share(net, STANDARD) if category is VatCategory.AE else ZERO


def purchase(number: str, job_id: UUID, booked_on: date, of: Purchase) -> Entry:
    """The contractor's leg; a correction has negative amounts."""
    return Entry(number, Happened.issued, Leg.contractor, job_id, booked_on, of.postings())


def objected(number: str, job_id: UUID, booked_on: date, vat: Decimal) -> Entry | None:
    """Input VAT of a self-billed invoice goes in the period of the objection; nothing, where there was none."""
    if not vat:
        return None
    postings = _postings((accounts.VAT_IN, -vat), (accounts.SUSPENSE, vat))
    return Entry(number, Happened.objected, Leg.contractor, job_id, booked_on, postings)


def withdrawn(number: str, job_id: UUID, booked_on: date, of: Purchase, *, suspended: bool) -> Entry:
    """What was booked for a document without effect, or for an own invoice that is replaced, is taken back."""
    taken = of.negated().postings()
    if suspended:
        taken = tuple(
            Posting(accounts.SUSPENSE, one.amount) if one.account == accounts.VAT_IN else one for one in taken
        )
    return Entry(number, Happened.withdrawn, Leg.contractor, job_id, booked_on, taken)


def own_invoice(source: str, job_id: UUID, booked_on: date, of: Purchase, before: Purchase | None) -> Entry:
    """His own invoice. `before`: the objected document, whose cost is booked and whose VAT hangs in suspense."""
    amounts = {one.account: one.amount for one in of.postings()}
    for one in before.postings() if before else ():
        account = accounts.SUSPENSE if one.account == accounts.VAT_IN else one.account
        amounts[account] = amounts.get(account, ZERO) - one.amount
    return Entry(source, Happened.own_invoice, Leg.contractor, job_id, booked_on, _postings(*amounts.items()))


def building_tax(source: str, job_id: UUID, booked_on: date, contractor_id: UUID, amount: Decimal) -> Entry:
    """Building tax found due after the document was issued."""
    postings = _postings((accounts.payable(contractor_id), amount), (accounts.WITHHELD_BUILDING_TAX, -amount))
    return Entry(source, Happened.building_tax, Leg.contractor, job_id, booked_on, postings)


def paid(source: str, job_id: UUID, booked_on: date, contractor_id: UUID, amount: Decimal) -> Entry:
    """The contractor has his money."""
    postings = _postings((accounts.payable(contractor_id), amount), (accounts.BANK, -amount))
    return Entry(source, Happened.paid, Leg.contractor, job_id, booked_on, postings)


def _postings(*amounts: tuple[str, Decimal]) -> tuple[Posting, ...]:
    """Those that are not zero; one at least, so that an entry of nothing is seen in the books too."""
    kept = tuple(Posting(account, amount) for account, amount in amounts if amount)
    return kept or (Posting(amounts[0][0], ZERO),)


def balances(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """What the postings of these entries sum to, by account."""
    found: dict[str, Decimal] = {}
    for entry in entries:
        for posting in entry.postings:
            found[posting.account] = found.get(posting.account, ZERO) + posting.amount
    return found
