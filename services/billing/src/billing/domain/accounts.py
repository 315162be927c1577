"""The chart of accounts, and where each stands in SKR03: data for the export, not for booking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

REVENUE: Final = "revenue"
COST_OF_SERVICES: Final = "cost-of-services"
VAT_OUT: Final = "vat-out"
"""Umsatzsteuer: what we owe the tax office for what we sold."""
VAT_IN: Final = "vat-in"
"""Vorsteuer: what the tax office owes us for what we bought, § 15 UStG."""
VAT_OUT_REVERSE: Final = "vat-out-reverse"
"""What we owe as recipient, § 13b (5) UStG …"""
VAT_IN_REVERSE: Final = "vat-in-reverse"
"""… and may deduct at once, § 15 (1) no. 4 UStG."""
WITHHELD_BUILDING_TAX: Final = "withheld-building-tax"
"""Kept back from contractors for the tax office, § 48a EStG."""
SUSPENSE: Final = "suspense"
"""Input VAT that hangs in the air: he objected, and his own invoice is not here."""
BANK: Final = "bank"

OWN: Final = (
    REVENUE,
    COST_OF_SERVICES,
    VAT_OUT,
    VAT_IN,
    VAT_OUT_REVERSE,
    VAT_IN_REVERSE,
    WITHHELD_BUILDING_TAX,
    SUSPENSE,
    BANK,
)


def receivable(partner_id: UUID) -> str:
    """What this partner owes us. Kept apart from what we owe him: the two are not netted (§ 246 (2) HGB)."""
    return f"receivable/{partner_id}"


def payable(partner_id: UUID) -> str:
    """What we owe this partner."""
    return f"payable/{partner_id}"


@dataclass(frozen=True, slots=True)
class Skr03:
    """An account of DATEV's SKR03."""

    number: int
    name: str


_ANY: Final = ""
_REVENUE_REVERSE: Final = Skr03(8337, "Erlöse aus Leistungen nach § 13b UStG")
_REVENUE_OUTSIDE: Final = Skr03(8338, "Erlöse aus im Drittland steuerbaren Leistungen")
_WITHOUT_INPUT_VAT: Final = Skr03(3109, "Fremdleistungen ohne Vorsteuer")
_SUPPLIER_ABROAD: Final = Skr03(3125, "Leistungen eines im Ausland ansässigen Unternehmers")
SKR03: Final[Mapping[tuple[str, str], Skr03]] = MappingProxyType(
    {
        (REVENUE, _ANY): Skr03(8400, "Erlöse 19 % USt"),
        (REVENUE, "building-work"): _REVENUE_REVERSE,
        (REVENUE, "by-clerk-reverse_charge"): _REVENUE_REVERSE,
        (REVENUE, "recipient-eu"): Skr03(8336, "Erlöse aus im anderen EU-Land steuerpflichtigen Leistungen"),
        (REVENUE, "recipient-switzerland"): _REVENUE_OUTSIDE,
        (REVENUE, "by-clerk-outside_scope"): _REVENUE_OUTSIDE,
        (REVENUE, "fee-damages"): Skr03(8600, "Sonstige Erlöse betrieblich und regelmäßig"),
        (COST_OF_SERVICES, _ANY): Skr03(3106, "Fremdleistungen 19 % Vorsteuer"),
        (COST_OF_SERVICES, "small-business"): _WITHOUT_INPUT_VAT,
        (COST_OF_SERVICES, "small-business-before-2025"): _WITHOUT_INPUT_VAT,
        (COST_OF_SERVICES, "by-clerk-small_business"): _WITHOUT_INPUT_VAT,
        (COST_OF_SERVICES, "by-clerk-outside_scope"): _WITHOUT_INPUT_VAT,
        (COST_OF_SERVICES, "fee-damages"): _WITHOUT_INPUT_VAT,
        (COST_OF_SERVICES, "building-work"): Skr03(
            3120, "Bauleistungen eines im Inland ansässigen Unternehmers"
        ),
        (COST_OF_SERVICES, "supplier-eu"): Skr03(3123, "Sonstige Leistungen eines EU-Unternehmers"),
        (COST_OF_SERVICES, "supplier-switzerland"): _SUPPLIER_ABROAD,
        (COST_OF_SERVICES, "by-clerk-reverse_charge"): _SUPPLIER_ABROAD,
        (VAT_OUT, _ANY): Skr03(1776, "Umsatzsteuer 19 %"),
        (VAT_IN, _ANY): Skr03(1576, "Abziehbare Vorsteuer 19 %"),
        (VAT_OUT_REVERSE, _ANY): Skr03(1787, "Umsatzsteuer nach § 13b UStG 19 %"),
        (VAT_IN_REVERSE, _ANY): Skr03(1577, "Abziehbare Vorsteuer nach § 13b UStG 19 %"),
        (WITHHELD_BUILDING_TAX, _ANY): Skr03(
            1749, "Verbindlichkeiten an das Finanzamt aus abzuführendem Bauabzugsbetrag"
        ),
        (SUSPENSE, _ANY): Skr03(1548, "Vorsteuer in Folgeperiode abziehbar"),
        (BANK, _ANY): Skr03(1200, "Bank"),
        ("receivable", _ANY): Skr03(1400, "Forderungen aus Lieferungen und Leistungen"),
        ("payable", _ANY): Skr03(1600, "Verbindlichkeiten aus Lieferungen und Leistungen"),
    }
)
"""By account and the row of the tax table; an account's line without a row is for all others.

Numbers and names as in DATEV's SKR03.
"""


def skr03(account: str, rule: str) -> Skr03:
    """Where an amount stands in SKR03. Raises KeyError for an account that is not in the chart."""
    kind = account.split("/", maxsplit=1)[0]
    return SKR03.get((kind, rule)) or SKR03[(kind, _ANY)]
