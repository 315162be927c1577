"""XML and PDF per second on one core, from frozen documents. Filled in with the e-invoices."""

from __future__ import annotations


def measure() -> dict[str, float | None]:
    """`xml_per_s` and `pdf_per_s`; None where there is nothing to measure yet."""
    return {"xml_per_s": None, "pdf_per_s": None}
