"""What billing keeps of a partner: who he is on paper, how he is taxed since when, what he has agreed to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from stdnum import iban as iban_form
from stdnum.eu import vat as eu_vat

from chassis.decisions import Decision, Wake
from contracts.values import Address, Language, Leg, PostalAddress

_DOMESTIC_VAT_ID: Final = re.compile("DE[0-9]{9}")
_SWISS_VAT_ID: Final = re.compile("CHE[0-9]{9}(MWST|TVA|IVA)?")


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask about a document (BT-41 to BT-43)."""

    name: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Party:
    """A name on a document, § 14 (4) no. 1 and 2 UStG.

    electronic_address: scheme of the EAS list and value (BT-34, BT-49). registration: BT-30, BT-47.
    """

    name: str
    address: Address | PostalAddress
    vat_id: str | None
    tax_number: str | None
    customer_number: str | None
    registration: str | None = None
    electronic_address: tuple[str, str] | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The days, both included, on which something holds."""

    valid_from: date
    valid_until: date | None = None

    def covers(self, day: date) -> bool:
        """Whether it holds on this day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


def any_covers(periods: Iterable[Period], day: date) -> bool:
    """Whether one of them holds on this day."""
    return any(period.covers(day) for period in periods)


@dataclass(frozen=True, slots=True)
class Partner:
    """A copy of what the registry publishes, as far as documents and taxes need it.

    self_billing: when the contractor agrees to our billing (§ 14 (2) sentence 5 UStG); small_business: § 19 UStG;
    client, contractor: when he has an agreement to post jobs, or to take them;
    building_certificates: USt 1 TG; building_tax_exemptions: § 48b EStG.
    """

    partner_id: UUID
    party: Party
    language: Language
    self_billing: tuple[Period, ...] = ()
    client: tuple[Period, ...] = ()
    contractor: tuple[Period, ...] = ()
    small_business: tuple[Period, ...] = ()
    building_certificates: tuple[Period, ...] = ()
    building_tax_exemptions: tuple[Period, ...] = ()
    iban: str | None = None
    leitweg_id: str | None = None

    def may_be_self_billed(self, *, performed_to: date, issued_on: date) -> bool:
        """Agreed when the work ended, or since: it must be there before the document, not before the work."""
        return any_covers(self.self_billing, performed_to) or any_covers(self.self_billing, issued_on)

    def may_be(self, side: Leg, day: date) -> bool:
        """Whether an agreement lets him be on this side of a job."""
        return any_covers(self.client if side is Leg.client else self.contractor, day)


def keep(partner: Partner, waiting: Sequence[Wake]) -> Decision[Partner]:
    """Take the registry's newest word over. `waiting`: settlements that lack something of this partner."""
    return Decision(partner, wakes=waiting)


def well_formed(vat_id: str | None, country: str) -> str | None:
    """The VAT id, if it has its country's form; check digits are asked of foreign ones only (a form, no proof)."""
    if vat_id is None:
        return None
    if country == "DE":
        return vat_id if _DOMESTIC_VAT_ID.fullmatch(vat_id) else None
    if country == "CH":
        return vat_id if _SWISS_VAT_ID.fullmatch(vat_id) else None
    prefix = "EL" if country == "GR" else country
    return vat_id if vat_id.startswith(prefix) and eu_vat.is_valid(vat_id) else None


def payable_to(iban: str | None) -> str | None:
    """The account, if its check digits are right; nobody pays to another."""
    return iban if iban is not None and iban_form.is_valid(iban) else None
