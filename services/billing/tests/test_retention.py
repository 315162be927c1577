"""Documents 8 years, books 10, each from the end of its calendar year."""

from __future__ import annotations

from datetime import date

import pytest

from billing.domain.retention import books_kept_until, document_kept_until


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 12, 31)])
def test_the_period_begins_when_the_calendar_year_ends(day: date) -> None:
    assert document_kept_until(day) == date(2034, 12, 31)
    assert books_kept_until(day) == date(2036, 12, 31)
