"""`/health/live`, `/health/ready`, `/health/parked` and `/metrics`, and the watchdog that ends a stuck process."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NamedTuple, Protocol

import structlog
from faststream.asgi import AsgiResponse, get
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database
from chassis.metrics import Registered

log = structlog.get_logger()

EXIT_STUCK = 70
CHECK_SECONDS = 2.0
ANSWER_SECONDS = 3.0

_outbox_age = text("SELECT extract(epoch FROM now() - min(created_at)) FROM outbox")
_errands = text("SELECT count(*) FROM errands")
_parked_now = text(
    "SELECT reason, count(*) AS number, extract(epoch FROM now() - min(since)) AS age FROM parked GROUP BY reason"
)
_held_up = text(
    "SELECT reader, aggregate, (array_agg(reason ORDER BY id))[1] AS reason, count(*) AS records, "
    "extract(epoch FROM now() - min(since))::bigint AS oldest_seconds FROM parked WHERE aggregate IS NOT NULL "
    "GROUP BY reader, aggregate ORDER BY oldest_seconds DESC, aggregate"
)
TOLD_MOST = 20
"""Aggregates that `/health/parked` names, the oldest first."""
REASONS = ("waiting", "gap", "behind", "failed", "unreadable")


class Answer(NamedTuple):
    """What a check found, in a few words; `ok` alone where there is nothing to add."""

    well: bool
    said: str = "ok"


def not_well(why: str) -> Answer:
    """An answer that makes the service unready."""
    return Answer(well=False, said=why)


Check = Callable[[], Awaitable[Answer]]
"""A raised exception is an answer too: not well."""


class Alive(Protocol):
    """Something that must show life: when it last did, monotonic."""

    touched: float


async def look_at_database(engine: AsyncEngine, metrics: Registered) -> Answer:
    """The database answers. Sets the gauges of what waits in it."""
    async with engine.connect() as db:
        errands = (await db.execute(_errands)).scalar_one()
        parked = {row.reason: row for row in await db.execute(_parked_now)}
        held_up = Counter(row.reason for row in await db.execute(_held_up)) if parked else Counter()
    metrics.errands_open.set(errands)
    metrics.parked_age.set(max((float(row.age) for row in parked.values()), default=0))
    for reason in REASONS:
        metrics.parked_now.labels(reason).set(parked[reason].number if reason in parked else 0)
        metrics.parked_reason_age.labels(reason).set(float(parked[reason].age) if reason in parked else 0)
        metrics.parked_aggregates.labels(reason).set(held_up[reason])
    return Answer(well=True)


async def look_at_outbox(engine: AsyncEngine, metrics: Registered, age_limit_seconds: float) -> Answer:
    """How old the oldest unsent message is, always told; too old is not well."""
    async with engine.connect() as db:
        age = float((await db.execute(_outbox_age)).scalar_one() or 0)
    metrics.outbox_age.set(age)
    old = f"the oldest unsent message is {age:.0f} s old"
    if age > age_limit_seconds:
        return not_well(f"{old}, more than {age_limit_seconds:.0f} s")
    return Answer(well=True, said=f"ok, {old}" if age else "ok, nothing is unsent (0 s)")


async def held_up(engine: AsyncEngine) -> dict[str, Any]:
    """The aggregates that wait, the oldest first: what `/health/parked` answers."""
    async with engine.connect() as db:
        rows = (await db.execute(_held_up)).mappings().all()
    return {"aggregates": len(rows), "oldest": [dict(row) for row in rows[:TOLD_MOST]]}


async def answers(checks: Mapping[str, Check]) -> dict[str, Answer]:
    """All checks at once, each bounded."""

    async def answer(check: Check) -> Answer:
        try:
            return await asyncio.wait_for(check(), ANSWER_SECONDS)
        except TimeoutError:
            return not_well(f"no answer within {ANSWER_SECONDS:.0f} s")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer; drivers raise their own kinds too
            return not_well(type(error).__name__)

    return dict(zip(checks, await asyncio.gather(*map(answer, checks.values())), strict=True))


def routes(
    checks: Mapping[str, Check], registry: CollectorRegistry, metrics: Registered, engine: AsyncEngine
) -> list[tuple[str, Any]]:
    """The HTTP routes. Ready answers 200 or 503, with what is wrong by name; parked, what waits and since when."""

    async def asked() -> tuple[bool, dict[str, Answer]]:
        found = await answers(checks)
        well = all(answer.well for answer in found.values())
        metrics.ready.set(well)
        return well, found

    @get
    async def live(_scope: Any) -> AsgiResponse:
        return AsgiResponse(b'{"live": true}', 200, {"content-type": "application/json"})

    @get
    async def ready(_scope: Any) -> AsgiResponse:
        well, found = await asked()
        body = json.dumps({"ready": well, "checks": {name: found[name].said for name in found}}).encode()
        return AsgiResponse(body, 200 if well else 503, {"content-type": "application/json"})

    @get
    async def parked(_scope: Any) -> AsgiResponse:
        try:
            found = await asyncio.wait_for(held_up(engine), ANSWER_SECONDS)
        except database.ERRORS as error:
            body = json.dumps({"error": type(error).__name__}).encode()
            return AsgiResponse(body, 503, {"content-type": "application/json"})
        return AsgiResponse(json.dumps(found).encode(), 200, {"content-type": "application/json"})

    @get
    async def measured(_scope: Any) -> AsgiResponse:
        await asked()
        return AsgiResponse(generate_latest(registry), 200, {"content-type": CONTENT_TYPE_LATEST})

    return [
        ("/health/live", live),
        ("/health/ready", ready),
        ("/health/parked", parked),
        ("/metrics", measured),
    ]


def end_within(seconds: float) -> threading.Timer:
    """The last word on how long a stop may take: a thread that ends the process, whatever its event loop does.

    Nothing is lost by it that a kill would not lose. Cancel it to go on living.
    """

    def end() -> None:
        log.critical("the stop took too long; ending this process", seconds=seconds)
        faulthandler.dump_traceback(sys.stderr)
        os._exit(EXIT_STUCK)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


class Watchdog:
    """Ends the process when the event loop, or a part that must show life, has not done so for `stuck_seconds`.

    A thread, since a blocked event loop cannot watch itself. Whoever supervises the process starts it again.
    """

    def __init__(self, stuck_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._loop_touched = time.monotonic()
        self._parts: dict[str, Alive] = {}
        self._stopped = threading.Event()

    def watch(self, parts: Mapping[str, Alive]) -> None:
        """Watch these from now on."""
        for part in parts.values():
            part.touched = time.monotonic()
        self._parts.update(parts)

    async def run(self) -> None:
        """The event loop's own sign of life; cancelled at the end."""
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                self._loop_touched = time.monotonic()
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_SECONDS):
            still = self.still()
            if still:
                log.critical("stuck; ending this process", parts=sorted(still), seconds=self._stuck_seconds)
                faulthandler.dump_traceback(sys.stderr)
                os._exit(EXIT_STUCK)

    def still(self) -> Collection[str]:
        """What has shown no life for too long."""
        since = time.monotonic() - self._stuck_seconds
        touched = {name: part.touched for name, part in self._parts.items()} | {
            "event loop": self._loop_touched
        }
        return [name for name, moment in touched.items() if moment < since]
