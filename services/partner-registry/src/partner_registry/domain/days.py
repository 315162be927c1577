"""Days in Germany: agreements, insurances and certificates hold to the last second of a Europe/Berlin day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def day_of(moment: datetime) -> date:
    """The day it is in Germany at this moment."""
    return moment.astimezone(BERLIN).date()


def end_of(day: date) -> datetime:
    """The moment at which this day is over in Germany, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), BERLIN).astimezone(UTC)
