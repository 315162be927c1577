"""Coverage as rows that are worked out: in a thread, never within the transaction that asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from datetime import date

from chassis.database import Session
from chassis.decisions import Row
from matching.candidates import PartnerIndex
from matching.coverage import Coverage, measure
from matching.domain.coverage import Measured

FRESH_SECONDS = 60.0


class Measuring:
    """By day. What is not measured yet is not there, and being measured from then on: ask again."""

    name = "measured-coverage"

    def __init__(self, index: PartnerIndex) -> None:
        self._index = index
        self._made: asyncio.Task[Coverage] | None = None
        self._done_at = 0.0

    def row(self, day: date) -> Row:
        return Row(self.name, str(day))

    async def load(
        self,
        db: Session,  # noqa: ARG002
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, Measured]:
        found = {}
        for day in map(date.fromisoformat, ids):
            made = self._made
            if made is not None and not made.done():
                continue
            if made is not None and time.monotonic() - self._done_at < FRESH_SECONDS:
                if made.result().day == day:
                    found[str(day)] = made.result().measured
                self._made = None
            else:
                self._made = asyncio.create_task(self._measure(day))
        return found

    async def _measure(self, day: date) -> Coverage:
        try:
            return await asyncio.to_thread(measure, self._index.partners, day)
        finally:
            self._done_at = time.monotonic()

    async def save(self, _: Session, values: Mapping[str, Measured]) -> None:
        raise TypeError(f"{self.name} is worked out: {sorted(values)} are not written")
