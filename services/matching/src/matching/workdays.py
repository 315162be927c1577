"""Public holidays by postcode. Data: the package `holidays` (MIT)."""

from __future__ import annotations

from datetime import date
from functools import cache

from holidays import HolidayBase, country_holidays

from matching.states import states_of


@cache
def _in_state(state: str | None) -> HolidayBase:
    return country_holidays("DE", subdiv=state)


@cache
def is_holiday(day: date, postcode: str) -> bool:
    """Whether nobody is expected to work there: in any of the states that the postcode may be in.

    Holidays of single towns (Augsburg, the Catholic parts of Bavaria) are working days here.
    """
    return any(day in _in_state(state) for state in states_of(postcode) or (None,))
