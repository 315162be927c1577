"""Euros and cents. Never floating point; half a cent goes up (kaufmännische Rundung)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, half up: 0.125 becomes 0.13 (EN 16931 rounds amounts, never unit prices)."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def share(amount: Decimal, percent: Decimal) -> Decimal:
    """So many percent of an amount, to the cent. VAT: once per document and rate, not per line (BR-CO-17)."""
    return cents(amount * percent / 100)
