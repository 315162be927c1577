"""What this service has to know of a partner: may he post, and to which key is his work order sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis.decisions import Decision
from contracts.values import CustomerStatus, Jwk


@dataclass(frozen=True, slots=True)
class ClientAgreement:
    """A framework agreement of kind `client`. Both days belong to it.

    auto_approve_percent_over: a statement up to so many percent over the estimated hours approves itself.
    highest_travel_zone: the client pays no travel beyond this zone.
    """

    valid_from: date
    valid_until: date | None
    auto_approve_percent_over: int
    highest_travel_zone: int

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on this day in Germany."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Partner:
    """The registry's partner, as far as this service needs him."""

    partner_id: UUID
    customer_status: CustomerStatus
    suspended: bool
    group: str | None
    client_agreements: Sequence[ClientAgreement]
    sealing_key: Jwk | None

    def client_agreement_on(self, day: date) -> ClientAgreement | None:
        """The agreement that lets him post on this day; of several the one that began last."""
        holding = [agreement for agreement in self.client_agreements if agreement.holds_on(day)]
        return max(holding, key=lambda agreement: agreement.valid_from, default=None)


def keep(partner: Partner) -> Decision[Partner]:
    """The registry publishes partners whole: the newest replaces what was known."""
    return Decision(partner)
