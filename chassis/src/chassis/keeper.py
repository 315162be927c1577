"""What has to happen without a message: due timers, parked records, messages a crash left unsent, old inbox rows.

The keeper locks nothing. It finds what is due and puts it on the same path as any record; with many replicas each
finds the same things, and the path lets one of them act.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import journal, outbox, parked
from chassis.clock import Clock
from chassis.errors import Alike, Kind, classify, leaked, said
from chassis.items import INBOX_KEEPS
from chassis.path import Path
from chassis.publish import Publisher
from chassis.settings import ServiceSettings
from chassis.trouble import Trouble

log = structlog.get_logger()

T = TypeVar("T")

AT_ONCE = 200
"""Timers or parked aggregates per transaction."""
UNSENT = timedelta(seconds=5)
"""A message unsent for so long was left by a crash: the sweeper sends it."""
PRUNE_EVERY_SECONDS = 600.0
REPUBLISH_EVERY_SECONDS = 300.0
REPUBLISH_AT_ONCE = 500
"""Ten thousand partners are written again in under two hours."""
REST_MOST_SECONDS = 10.0
PUT_OFF = timedelta(seconds=30)
"""How long a timer or a parked record that fails in our own code is left alone."""


class Keeper:
    """One for each service; `touched` tells the watchdog when it last went round (monotonic)."""

    def __init__(
        self,
        engine: AsyncEngine,
        paths: Collection[Path],
        publisher: Publisher,
        settings: ServiceSettings,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        # looking needs no transaction
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock
        self._paths = list(paths)
        self._settings = settings
        self._pruned_at = self._republished_at = time.monotonic()
        self._republished = ("", "")
        self._alike = Alike()
        self.trouble = Trouble()
        self.touched = time.monotonic()

    async def run(self) -> None:
        """Go round until cancelled. A failure is logged and slows it down; it never ends it."""
        failures = 0
        while True:
            self.touched = time.monotonic()
            try:
                busy = await self.once()
                failures = 0
                self.trouble.over()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and not leaked(error):
                    raise
                failures += 1
                self.trouble.failed(error)
                busy = False
                log.warning(
                    "keeper failed", kind=classify(error).value, error=type(error).__name__, times=failures
                )
            rest = 0.0 if busy else self._settings.timer_poll_seconds * random.uniform(0.8, 1.2)
            await asyncio.sleep(min(rest * 2.0 ** min(failures, 6), REST_MOST_SECONDS))

    async def once(self) -> bool:
        """One round; True when there may be more to do at once. At rest it is one statement for all readers."""
        async with self._looking.connect() as db:
            seen = await parked.glance(db)
        busy = False
        for path in self._paths:
            if seen.timer_due_at is not None and seen.timer_due_at <= self._clock.now(seen.now):
                busy |= await self._timers(path)
            if seen.some_parked:
                busy |= await self._parked(path)
        if seen.oldest_unsent_at is not None and seen.now - seen.oldest_unsent_at > UNSENT:
            await self._unsent()
        await self._publisher.rewrite_owed()
        await self._republish()
        await self._prune()
        return busy

    async def _timers(self, path: Path) -> bool:
        due = await path.due_timers(AT_ONCE)
        for timer, error in await _alone_if_one_fails(path.fire, due):
            log.error("a timer fails; put off", reader=path.reader.name, timer=timer.name, error=said(error))
            await path.put_off(timer, PUT_OFF)
        return len(due) == AT_ONCE

    async def _parked(self, path: Path) -> bool:
        due = await path.due_parked(AT_ONCE)
        failed = await _alone_if_one_fails(path.look_again, due)
        if len(failed) < len(due):
            self._alike.clear()
        for aggregate, error in failed:
            self._alike.add(error, aggregate)
        for aggregate, error in failed:
            if self._alike.too_many(error):
                log.error("parked records fail alike; put off", reader=path.reader.name, error=said(error))
                await path.put_off(aggregate, PUT_OFF)
            else:
                await self._condemn_first(path, aggregate)
        return len(due) == AT_ONCE and not failed

    async def _condemn_first(self, path: Path, aggregate: str) -> None:
        """Of an aggregate that fails: the first record alone, which becomes a dead letter when it is the culprit."""
        for _, error in await _alone_if_one_fails(partial(path.look_again, most=1), [aggregate]):
            log.error("dead letter, from what was parked", reader=path.reader.name, error=said(error))
            await path.look_again([aggregate], most=1, failure=said(error))

    async def _unsent(self) -> None:
        async with self._engine.connect() as db:
            aggregates = await outbox.stale_aggregates(db, UNSENT, AT_ONCE)
        if aggregates and self._paths:
            await self._paths[0].publish(aggregates, {})
            log.info("sent what a crash or an outage had left unsent", aggregates=len(aggregates))

    async def _republish(self) -> None:
        """Write the compacted messages again, a few at a time and round and round.

        Who sent an old one late and was killed before he could put it right was the only one to know.
        """
        if time.monotonic() - self._republished_at < REPUBLISH_EVERY_SECONDS:
            return
        self._republished_at = time.monotonic()
        async with self._looking.connect() as db:
            places = await outbox.compacted_after(db, self._republished, REPUBLISH_AT_ONCE)
        self._republished = places[-1] if places else ("", "")
        if places:
            await self._publisher.rewrite_compacted({subject for _, subject in places})

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at < PRUNE_EVERY_SECONDS:
            return
        self._pruned_at = time.monotonic()
        async with self._engine.begin() as db:
            await journal.prune_inbox(db, INBOX_KEEPS.days + 1)


async def _alone_if_one_fails(
    act: Callable[[list[T]], Awaitable[None]], due: list[T]
) -> list[tuple[T, Exception]]:
    """All at once; when that fails, one by one. Returns those that fail alone, raises what is no one's fault."""
    if not due:
        return []
    try:
        await act(due)
    except Exception as error:
        if classify(error) is not Kind.DETERMINISTIC:
            raise
        if len(due) == 1:
            return [(due[0], error)]
    else:
        return []
    failed = []
    for one in due:
        failed += await _alone_if_one_fails(act, [one])
    return failed
