"""What has to happen without a message: due timers, parked records, messages a crash left unsent, old inbox rows.

The keeper locks nothing. It finds what is due and puts it on the same path as any record; with many replicas each
finds the same things, and the path lets one of them act.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import journal
from chassis.clock import Clock
from chassis.errors import classify
from chassis.items import INBOX_KEEPS
from chassis.path import Path
from chassis.settings import ServiceSettings

log = structlog.get_logger()

T = TypeVar("T")

AT_ONCE = 200
"""Timers or parked aggregates per transaction."""
UNSENT_SECONDS = 5
"""A message unsent for so long was left by a crash: the sweeper sends it."""
PRUNE_EVERY_SECONDS = 600.0
REST_MOST_SECONDS = 10.0


class Keeper:
    """One for each service; `touched` tells the watchdog when it last went round (monotonic)."""

    def __init__(
        self, engine: AsyncEngine, paths: Collection[Path], clock: Clock, settings: ServiceSettings
    ) -> None:
        self._engine = engine
        self._paths = list(paths)
        self._clock = clock
        self._settings = settings
        self._pruned_at = time.monotonic()
        self.touched = time.monotonic()

    async def run(self) -> None:
        """Go round until cancelled. A failure is logged and slows it down; it never ends it."""
        failures = 0
        while True:
            self.touched = time.monotonic()
            try:
                busy = await self.once()
                failures = 0
            except Exception as error:
                failures += 1
                busy = False
                log.warning(
                    "keeper failed", kind=classify(error).value, error=type(error).__name__, times=failures
                )
            rest = 0.0 if busy else self._settings.timer_poll_seconds * random.uniform(0.8, 1.2)
            await asyncio.sleep(min(rest * 2.0 ** min(failures, 6), REST_MOST_SECONDS))

    async def once(self) -> bool:
        """One round; True when there may be more to do at once."""
        busy = False
        for path in self._paths:
            busy |= await self._timers(path)
            busy |= await self._parked(path)
        await self._unsent()
        await self._prune()
        return busy

    async def _timers(self, path: Path) -> bool:
        kinds = {aggregate for aggregate, _ in path.reader.by_timer}
        if not kinds:
            return False
        async with self._engine.connect() as db:
            now = self._clock.now(await journal.clock(db))
            due = await journal.due_timers(db, kinds, now, AT_ONCE)
        if due:
            await _each_alone_if_one_fails(path.fire, due)
        return len(due) == AT_ONCE

    async def _parked(self, path: Path) -> bool:
        async with self._engine.connect() as db:
            due = await journal.due_parked(db, path.reader.name, AT_ONCE)
        if due:
            await _each_alone_if_one_fails(path.look_again, due)
        return False

    async def _unsent(self) -> None:
        async with self._engine.connect() as db:
            aggregates = await journal.stale_aggregates(db, UNSENT_SECONDS, AT_ONCE)
        if aggregates and self._paths:
            await self._paths[0].publish(aggregates, {})
            log.info("sent what a crash or an outage had left unsent", aggregates=len(aggregates))

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at < PRUNE_EVERY_SECONDS:
            return
        self._pruned_at = time.monotonic()
        async with self._engine.begin() as db:
            await journal.prune_inbox(db, INBOX_KEEPS.days)


async def _each_alone_if_one_fails(act: Callable[[list[T]], Awaitable[None]], due: list[T]) -> None:
    """All at once; when that fails, one by one, so that one bad timer holds up no other. Raises the last failure."""
    try:
        await act(due)
    except Exception as failure:
        last = failure
        if len(due) == 1:
            raise
        for one in due:
            try:
                await act([one])
            except Exception as error:
                log.error(
                    "failed alone; it will be tried again", what=str(one)[:120], error=type(error).__name__
                )
                last = error
        raise last
