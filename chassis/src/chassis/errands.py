"""Work outside the database, sent by a task of its own: at least once, with a stable id, never holding up events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.errors import leaked, said
from chassis.metrics import Registered

log = structlog.get_logger()

Do = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Does one errand, given its stable id and payload; raises when it is not done."""

AT_ONCE = 20
IDLE_SECONDS = 1.0
RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 1, 900
ONE_MAY_TAKE_SECONDS = 30.0
CLAIMED_FOR_SECONDS = 60
"""Who claims an errand is alone with it for so long; longer than one may take, so that no two do it at once."""

_claim = text(
    "UPDATE errands SET attempts = attempts + 1, due_at = now() + make_interval(secs => :claimed) "
    "WHERE id IN (SELECT id FROM errands WHERE due_at <= now() AND kind = ANY(CAST(:kinds AS text[])) "
    "ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
    "RETURNING id, kind, payload"
)
_later = text(
    "UPDATE errands SET due_at = now() "
    "+ make_interval(secs => least(:first * power(2, least(attempts, 20) - 1), :most)) "
    "WHERE id = ANY(CAST(:ids AS text[]))"
)
_done = text("DELETE FROM errands WHERE id = ANY(CAST(:ids AS text[]))")


class Errands:
    """Claims errands that are due and does them. A crash in between repeats one: its id tells the receiver."""

    def __init__(self, engine: AsyncEngine, doers: Mapping[str, Do], metrics: Registered) -> None:
        # one statement at a time, each whole by itself
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._doers = doers
        self._metrics = metrics
        self.touched = time.monotonic()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self.touched = time.monotonic()
            try:
                number = await self.once()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and not leaked(error):
                    raise
                log.warning("errands wait", error=said(error))
                number = 0
            if number < AT_ONCE:
                await asyncio.sleep(IDLE_SECONDS)

    async def once(self) -> int:
        """Do what is due now; returns how many were tried."""
        if not self._doers:
            return 0
        # a kind that only a newer version of this service knows is left to it
        mine = {"kinds": list(self._doers), "claimed": CLAIMED_FOR_SECONDS, "limit": AT_ONCE}
        async with self._engine.connect() as db:
            claimed = (await db.execute(_claim, mine)).all()
        if not claimed:
            return 0
        outcomes = await asyncio.gather(*[self._do(row) for row in claimed])
        done = [row.id for row, well in zip(claimed, outcomes, strict=True) if well]
        later = [row.id for row, well in zip(claimed, outcomes, strict=True) if not well]
        async with self._engine.connect() as db:
            if done:
                await db.execute(_done, {"ids": done})
            if later:
                pace = {"first": RETRY_FIRST_SECONDS, "most": RETRY_MOST_SECONDS}
                await db.execute(_later, pace | {"ids": later})
        return len(claimed)

    async def _do(self, row: Any) -> bool:
        try:
            async with asyncio.timeout(ONE_MAY_TAKE_SECONDS):
                await self._doers[row.kind](row.id, row.payload)
        except Exception as error:  # noqa: BLE001  # whatever fails is tried again; nothing waits for it
            self._metrics.errands_failed.labels(row.kind).inc()
            log.warning("errand failed; it will be tried again", kind=row.kind, id=row.id, error=said(error))
            return False
        return True
