"""Service hours: working days of the place's federal state, by the clock in Germany."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from matching.domain.model import BERLIN

SATURDAY = 5
LONGEST_DAYS = 366
"""Nobody thinks longer; a calendar without any working day is an error of ours."""


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """From Monday to Friday between two hours, but on holidays.

    is_holiday: whether a day is one at a postcode.
    """

    opens: time
    closes: time
    is_holiday: Callable[[date, str], bool]

    def after(self, start: datetime, working: timedelta, postcode: str) -> datetime:
        """The moment at which so much service time has passed since `start`. In UTC.

        Hours are true hours: between two times on the day of a change of the clock lie 60 minutes more or less.
        Raises ValueError when a year of service hours is not enough.
        """
        day = start.astimezone(BERLIN).date()
        for _ in range(LONGEST_DAYS):
            if day.weekday() < SATURDAY and not self.is_holiday(day, postcode):
                opens = datetime.combine(day, self.opens, BERLIN).astimezone(UTC)
                closes = datetime.combine(day, self.closes, BERLIN).astimezone(UTC)
                begins = max(opens, start)
                if begins < closes:
                    if working <= closes - begins:
                        return (begins + working).astimezone(UTC)
                    working -= closes - begins
            day += timedelta(days=1)
        raise ValueError(f"more than {LONGEST_DAYS} days of service hours")
