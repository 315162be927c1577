"""Days in Germany: agreements hold and work is done on Europe/Berlin days."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def day_of(moment: datetime) -> date:
    """The day it is in Germany at this moment."""
    return moment.astimezone(BERLIN).date()
