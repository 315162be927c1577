"""The time of decisions. In production it is the database's, the same for all replicas."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time a decision is made at, given the database's time."""

    def now(self, database_now: datetime) -> datetime: ...


class DatabaseClock:
    """The database's own time."""

    def now(self, database_now: datetime) -> datetime:
        return database_now


class ShiftedClock:
    """An injected clock: the database's time plus `shift`, which a test may move. With it a year runs in minutes."""

    def __init__(self, shift: timedelta = timedelta(0)) -> None:
        self.shift = shift

    def now(self, database_now: datetime) -> datetime:
        return database_now + self.shift
