"""What billing keeps of a partner: who he is on paper, and whether he has agreed to self-billing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis.decisions import Decision, Wake
from contracts.values import Address, Language


@dataclass(frozen=True, slots=True)
class Party:
    """A name on a document, § 14 (4) no. 1 and 2 UStG."""

    name: str
    address: Address
    vat_id: str | None
    tax_number: str | None
    customer_number: str | None


@dataclass(frozen=True, slots=True)
class SelfBillingAgreement:
    """The days, both included, on which the contractor agrees to our billing, § 14 (2) sentence 5 UStG."""

    valid_from: date
    valid_until: date | None

    def covers(self, day: date) -> bool:
        """Whether it holds on this day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Partner:
    """A copy of what the registry publishes, as far as documents need it."""

    partner_id: UUID
    party: Party
    language: Language
    self_billing: tuple[SelfBillingAgreement, ...]

    def may_be_self_billed(self, *, performed_to: date, issued_on: date) -> bool:
        """Agreed when the work ended, or since: it must be there before the document, not before the work."""
        return any(
            agreement.covers(performed_to) or agreement.covers(issued_on) for agreement in self.self_billing
        )


def keep(partner: Partner, waiting: Sequence[Wake]) -> Decision[Partner]:
    """Take the registry's newest word over. `waiting`: settlements that lack something of this partner."""
    return Decision(partner, wakes=waiting)
