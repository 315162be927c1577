"""How long the law keeps what is issued and booked. Until then nothing of it is erased, whoever asks.

Art. 17 (3) (b) GDPR: erasure ends where a legal obligation to keep begins.
"""

from __future__ import annotations

from datetime import date
from typing import Final

DOCUMENT_YEARS: Final = 8
"""Invoices and what they are made of: § 147 (3) AO, § 257 (4) HGB, § 14b (1) UStG, each as of 2025."""
BOOKS_YEARS: Final = 10
"""Entries and postings: § 147 (3), (1) no. 1 AO, § 257 (4) HGB."""


def document_kept_until(issued_on: date) -> date:
    """The last day on which a document and its files must be there."""
    return _end_of_year(issued_on, DOCUMENT_YEARS)


def books_kept_until(booked_on: date) -> date:
    """The last day on which an entry must be there."""
    return _end_of_year(booked_on, BOOKS_YEARS)


def _end_of_year(day: date, years: int) -> date:
    """The period begins when the calendar year ends, § 147 (4) AO."""
    return date(day.year + years, 12, 31)
