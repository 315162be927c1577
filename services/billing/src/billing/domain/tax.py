"""How one leg is taxed on the day of performance: a decision table. What it cannot decide is held, never guessed.

The first row whose conditions all hold decides; a condition that is not named does not matter. No row: held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from contracts.billing_commands_v1 import TaxTreatment
from contracts.billing_settlements_v1 import Hold
from contracts.values import Language, VatCategory

REPAIR_LIMIT: Final = Decimal("500.00")
"""Euros net; UStAE 13b.2 (7) no. 15."""
STANDARD: Final = Decimal("19.00")
_NO_TAX: Final = Decimal("0.00")
_EU: Final = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
        *("IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)


class Region(StrEnum):
    """Where a company has its seat, as far as the tax law asks."""

    domestic = "domestic"
    eu = "eu"
    switzerland = "switzerland"
    elsewhere = "elsewhere"


def region_of(country: str) -> Region:
    """The region of an ISO 3166 country."""
    if country == "DE":
        return Region.domestic
    if country == "CH":
        return Region.switzerland
    return Region.eu if country in _EU else Region.elsewhere


class Supply(StrEnum):
    """What is billed; travel follows the main service (UStAE 3.10 (5))."""

    work = "work"
    fee_remuneration = "fee_remuneration"
    fee_damages = "fee_damages"
    fee_unclassified = "fee_unclassified"


@dataclass(frozen=True, slots=True)
class Case:
    """The facts of one leg, on the day of performance. None: nobody has said.

    recipient_certified: the recipient of this leg holds USt 1 TG. small_repair: repair of at most 500 euros net.
    """

    supplier: Region
    recipient: Region
    supply: Supply
    supplier_vat_id: bool
    recipient_vat_id: bool
    small_business: bool
    building_work: bool | None
    small_repair: bool
    recipient_certified: bool
    property_connected: bool | None


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a document is taxed: category and rate (EN 16931), and the reason where there is no tax.

    note: what § 14a (5) or § 34a UStDV wants to be said, with the paragraph.
    """

    category: VatCategory
    rate: Decimal
    reason: Mapping[Language, str] = field(default_factory=dict)
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `then` is a treatment, or the name of a hold. source: where the law says so."""

    name: str
    source: str
    then: Treatment | Hold
    when: Mapping[str, object] = field(default_factory=dict)
    valid_from: date = date(2021, 1, 1)
    valid_until: date | None = None

    def decides(self, case: Case, day: date) -> bool:
        """Whether this row is the one for this case on this day."""
        if day < self.valid_from or (self.valid_until is not None and day > self.valid_until):
            return False
        return all(_meets(getattr(case, name), wanted) for name, wanted in self.when.items())


def _meets(fact: object, wanted: object) -> bool:
    return fact in wanted if isinstance(wanted, frozenset) else fact is wanted or fact == wanted


@dataclass(frozen=True, slots=True)
class Decided:
    """A treatment, and the row it comes from."""

    treatment: Treatment
    rule: str
    source: str


def _texts(german: str, english: str) -> Mapping[Language, str]:
    return MappingProxyType({"de": german, "en": english})


_WORK: Final = frozenset({Supply.work, Supply.fee_remuneration})
_ABROAD: Final = frozenset({Region.eu, Region.switzerland})

STANDARD_RATE: Final = Treatment(VatCategory.S, STANDARD)
REVERSE_CHARGE: Final = Treatment(
    VatCategory.AE,
    _NO_TAX,
    _texts(
        "Steuerschuldnerschaft des Leistungsempfängers (§ 13b UStG)",
        "Reverse charge (Steuerschuldnerschaft des Leistungsempfängers, § 13b UStG)",
    ),
    "VATEX-EU-AE",
)
REVERSE_CHARGE_ABROAD: Final = Treatment(
    VatCategory.AE,
    _NO_TAX,
    _texts(
        "Steuerschuldnerschaft des Leistungsempfängers (Art. 196 MwStSystRL)",
        "Reverse charge (Steuerschuldnerschaft des Leistungsempfängers, Art. 196 Directive 2006/112/EC)",
    ),
    "VATEX-EU-AE",
)
SMALL_BUSINESS: Final = Treatment(
    VatCategory.E,
    _NO_TAX,
    _texts(
        "Steuerbefreiung für Kleinunternehmer (§ 19 UStG)",
        "Exempt: small business (Steuerbefreiung für Kleinunternehmer, § 19 UStG)",
    ),
)
DAMAGES: Final = Treatment(
    VatCategory.O,
    _NO_TAX,
    _texts("Nicht steuerbar: Schadensersatz", "Not taxable: damages (nicht steuerbarer Schadensersatz)"),
    "VATEX-EU-O",
)
OUTSIDE: Final = Treatment(
    VatCategory.O,
    _NO_TAX,
    _texts(
        "Nicht steuerbar: Leistungsort im Ausland (§ 3a Abs. 2 UStG)",
        "Not taxable in Germany (nicht steuerbar, § 3a Abs. 2 UStG)",
    ),
    "VATEX-EU-O",
)

TABLE: Final[tuple[Row, ...]] = (
    # -- fees: remuneration is taxed like the work, damages are not, and the contract alone does not say which
    Row(
        "fee-unclassified",
        "§ 1 (1) no. 1 UStG, UStAE 1.3: remuneration or damages",
        Hold.fee_not_classified,
        {"supply": Supply.fee_unclassified},
    ),
    Row("fee-damages", "§ 1 (1) no. 1 UStG, UStAE 1.3 (1)", DAMAGES, {"supply": Supply.fee_damages}),
    # -- who supplies without tax
    Row(
        "small-business",
        "§ 19 (1) UStG as of 2025, § 34a UStDV",
        SMALL_BUSINESS,
        {"supplier": Region.domestic, "small_business": True},
        date(2025, 1, 1),
    ),
    Row(
        "small-business-before-2025",
        "§ 19 (1) UStG as of 2020",
        SMALL_BUSINESS,
        {"supplier": Region.domestic, "small_business": True},
        valid_until=date(2024, 12, 31),
    ),
    Row(
        "small-business-abroad",
        "§ 19a UStG: special procedure",
        Hold.tax_undecided,
        {"supplier": _ABROAD, "small_business": True},
    ),
    # -- suppliers abroad, recipient here
    Row(
        "supplier-eu",
        "§ 13b (1), (5) sentence 1 UStG; § 3a (2) UStG",
        REVERSE_CHARGE,
        {"supplier": Region.eu, "recipient": Region.domestic, "supplier_vat_id": True},
    ),
    Row(
        "supplier-eu-without-vat-id",
        "§ 14a (1) UStG",
        Hold.missing_party_data,
        {"supplier": Region.eu, "recipient": Region.domestic},
    ),
    Row(
        "supplier-switzerland",
        "§ 13b (2) no. 1, (5) sentence 1 UStG",
        REVERSE_CHARGE,
        {"supplier": Region.switzerland, "recipient": Region.domestic},
    ),
    # -- building work, recipient with USt 1 TG; wherever he has his seat, the place is here (§ 3a (3) no. 1)
    Row(
        "building-work-unclassified",
        "§ 13b (2) no. 4 UStG: building work or not",
        Hold.work_not_classified,
        {"supplier": Region.domestic, "recipient_certified": True, "building_work": None},
    ),
    Row(
        "building-work-small-repair",
        "UStAE 13b.2 (7) no. 15; § 12 (1) UStG",
        STANDARD_RATE,
        {
            "supplier": Region.domestic,
            "recipient_certified": True,
            "building_work": True,
            "small_repair": True,
        },
    ),
    Row(
        "building-work",
        "§ 13b (2) no. 4, (5) sentence 2 UStG",
        REVERSE_CHARGE,
        {"supplier": Region.domestic, "recipient_certified": True, "building_work": True},
    ),
    # -- recipients here
    Row(
        "domestic-standard",
        "§ 12 (1) UStG",
        STANDARD_RATE,
        {"supplier": Region.domestic, "recipient": Region.domestic, "supply": _WORK},
    ),
    # -- recipients abroad
    Row(
        "recipient-abroad-property-unclassified",
        "§ 3a (3) no. 1 UStG: connected with property or not",
        Hold.work_not_classified,
        {"supplier": Region.domestic, "recipient": _ABROAD, "property_connected": None},
    ),
    Row(
        "recipient-abroad-property-here",
        "§ 3a (3) no. 1, § 12 (1) UStG",
        STANDARD_RATE,
        {"supplier": Region.domestic, "recipient": _ABROAD, "property_connected": True},
    ),
    Row(
        "recipient-eu",
        "§ 3a (2) UStG, Art. 44 and 196 Directive 2006/112/EC, § 14a (1) UStG",
        REVERSE_CHARGE_ABROAD,
        {
            "supplier": Region.domestic,
            "recipient": Region.eu,
            "property_connected": False,
            "recipient_vat_id": True,
        },
    ),
    Row(
        "recipient-eu-without-vat-id",
        "§ 3a (2) UStG: not shown to be a business",
        Hold.missing_party_data,
        {"supplier": Region.domestic, "recipient": Region.eu, "property_connected": False},
    ),
    Row(
        "recipient-switzerland",
        "§ 3a (2) UStG",
        OUTSIDE,
        {"supplier": Region.domestic, "recipient": Region.switzerland, "property_connected": False},
    ),
)

BY_CLERK: Final[Mapping[TaxTreatment, Treatment]] = MappingProxyType(
    {
        TaxTreatment.domestic_standard: STANDARD_RATE,
        TaxTreatment.reverse_charge: REVERSE_CHARGE,
        TaxTreatment.small_business: SMALL_BUSINESS,
        TaxTreatment.outside_scope: OUTSIDE,
    }
)
"""What a clerk may decide where the table does not."""


@lru_cache(maxsize=4096)
def decide(case: Case, day: date) -> Decided | Hold:
    """The treatment by the first row that fits, or the hold that it needs."""
    for row in TABLE:
        if row.decides(case, day):
            return row.then if isinstance(row.then, Hold) else Decided(row.then, row.name, row.source)
    return Hold.tax_undecided


def decided_by_clerk(treatment: TaxTreatment) -> Decided | None:
    """The clerk's decision as a treatment; None for a word that is not known here."""
    chosen = BY_CLERK.get(treatment)
    by_clerk = f"by-clerk-{treatment.value}"
    return None if chosen is None else Decided(chosen, by_clerk, "decided by a clerk, see the note")
