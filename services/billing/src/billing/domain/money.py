"""Euros and cents. Never floating point; half a cent goes up (kaufmännische Rundung)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
VAT_PERCENT = Decimal("19.00")
"""The standard rate, § 12 (1) UStG. The decision table for all other cases comes with the tax issue."""


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, half up: 0.125 becomes 0.13 (EN 16931 rounds amounts, never unit prices)."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def vat_on(net: Decimal) -> Decimal:
    """The tax on a document's net sum; once per document, not per line (EN 16931 BR-CO-17)."""
    return cents(net * VAT_PERCENT / 100)
