"""Mirrors chassis/src/chassis/keeper.py: due timers, parked records, and what a crash left unsent."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from simulated.database import Table
from simulated.path import DecisionFailed, Path
from simulated.scheduler import sleep

ROUND_TICKS = 40
UNSENT_TICKS = 100
"""keeper.UNSENT_SECONDS: 5 s."""


class Keeper:
    """One for each replica. Locks nothing; the path lets one of many act."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def run(self) -> None:
        """Keeper.run: a failure never ends it."""
        while True:
            with suppress(Exception):  # what is due stays due
                await self.once()
            await sleep(ROUND_TICKS)

    async def once(self) -> None:
        """Keeper.once"""
        now = self.path.database.now
        due = sorted(await self._look("timers", lambda _, due_at: due_at <= now))
        if due:
            await self.path.fire(due)
        parked = due_parked(await self._look("parked", lambda _, __: True), now)
        if parked:
            await self._parked(parked)
        await self._owed()
        unsent = await self._look("outbox", lambda _, row: now - row.created_at > UNSENT_TICKS)
        if unsent:
            await self.path.publish({row.aggregate for row in unsent.values()}, {})

    async def _owed(self) -> None:
        """What this replica may have sent late is put right, though it has nothing else to publish."""
        await self.path.publisher.rewrite_owed()

    async def _parked(self, aggregates: list[str]) -> None:
        """Keeper._parked and _condemn_first: what fails alone becomes a dead letter."""
        try:
            await self.path.look_again(aggregates)
        except DecisionFailed:
            for aggregate in aggregates:
                try:
                    await self.path.look_again([aggregate], most=1)
                except DecisionFailed:
                    await self.path.look_again([aggregate], most=1, failure=True)

    async def _look(self, table: str, where: Any) -> Table:
        with self.path.database.transaction(self.path.process) as db:
            return await db.select(table, where)


def due_parked(rows: Table, now: int) -> list[str]:
    """parked.due_parked: aggregates whose first parked record is to be looked at now."""
    heads: dict[str, Any] = {}
    for _, row in sorted(rows.items()):
        if row.aggregate is not None:
            heads.setdefault(row.aggregate, row)
    return sorted(
        aggregate
        for aggregate, row in heads.items()
        if (row.reason == "behind" and row.look_at is None)
        or (row.reason != "failed" and row.look_at is not None and row.look_at <= now)
    )
