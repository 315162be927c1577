"""A real process gets SIGTERM: it ends in time, whatever it is at, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from annotated_types import Le
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from toy_service.world import World

from chassis import consume, health, service
from chassis.settings import ServiceSettings
from chassis.testing.network import until

HERE = Path(__file__).parent
WITHIN_SECONDS = 20
LONGEST_BATCH = next(
    rule.le for rule in ServiceSettings.model_fields["stop_seconds"].metadata if isinstance(rule, Le)
)
STUCK = """
import threading
import toy_service.service
from chassis import service

class Endless(Exception):
    def __init__(self, *_):
        print("stuck", flush=True)
        threading.Event().wait()

toy_service.service.BROKEN["all"] = Endless
service.STOP_SECONDS = 1.0
import toy_service.__main__
"""
"""The toy, in whose decision the event loop comes to a halt."""


def test_the_steps_of_a_stop_add_up_to_less_than_it_may_take() -> None:
    batch = float(LONGEST_BATCH) + 2 * consume.GIVE_BACK_SECONDS  # type: ignore[arg-type]
    closing = service.TASKS_SECONDS + 2 * service.CLOSE_SECONDS + service.HTTP_SECONDS + 0.2
    assert batch + closing <= service.STOP_SECONDS < WITHIN_SECONDS
    assert consume.REVOKED_WAITS_SECONDS + 2 * consume.GIVE_BACK_SECONDS <= 10


@asynccontextmanager
async def process(world: World, *program: str, **settings: Any) -> AsyncIterator[tuple[Process, str]]:
    """The toy in a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PYTHONPATH": str(HERE),
        "TOY_DATABASE_URL": world.database_url,
        "TOY_KAFKA_BOOTSTRAP_SERVERS": world.outside.bootstrap,
        "TOY_DEVELOPMENT": "true",
        "TOY_HTTP_PORT": str(port),
    } | {f"TOY_{name.upper()}": str(value) for name, value in settings.items()}
    running = await asyncio.create_subprocess_exec(
        sys.executable, *program, "run", "--prepare", env=os.environ | environment, stdout=PIPE
    )
    try:
        yield running, f"http://127.0.0.1:{port}"
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def read(url: str) -> str:
    """What an address answers; nothing while it does not."""

    def answer() -> str:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read(), "utf-8")

    try:
        return await asyncio.to_thread(answer)
    except OSError:
        return ""


async def test_a_process_whose_batch_does_not_end_is_gone_in_time_and_loses_nothing(world: World) -> None:
    async with process(world, "-m", "toy_service", stop_seconds=LONGEST_BATCH) as (toy, url):

        async def is_ready() -> bool:
            # asked before anybody has asked /health/ready
            return "\nservicenetz_ready 1.0\n" in await read(f"{url}/metrics")

        await until(is_ready, seconds=60)
        engine = create_async_engine(world.database_url)
        looking = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as db, looking.connect() as beside:
            # the batch cannot load its rows: every attempt ends with lock_timeout and is made again
            await db.execute(text("LOCK TABLE accounts"))
            jobs = [await world.send_cancel() for _ in range(50)]

            async def waits() -> bool:
                rows = await beside.execute(
                    text("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                )
                return bool(rows.all())

            await until(waits)
            toy.terminate()
            code = await asyncio.wait_for(toy.wait(), WITHIN_SECONDS)
        await engine.dispose()
    assert code == 0
    await world.start()
    for job in jobs:
        await world.until_seen(job, "cancel done_otherwise", "timer remind")
    books = await world.until_at_rest()
    assert (books.done, books.dead, books.holes) == (50, 0, 0)


async def test_a_process_whose_event_loop_is_stuck_is_ended(world: World) -> None:
    async with process(world, "-c", STUCK) as (toy, _):
        assert toy.stdout is not None
        await world.send_cancel()
        while b"stuck" not in (line := await asyncio.wait_for(toy.stdout.readline(), 60)):
            assert line, "it ended by itself"
        toy.terminate()
        assert await asyncio.wait_for(toy.wait(), WITHIN_SECONDS) == health.EXIT_STUCK
