"""Design rule 8, what may pass: waited for as long as it lasts, and nobody blamed who is not alone with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from toy_service.world import World

from chassis import consume, database, trouble
from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts.ids import uuid7

CANCELLED = ("cancel done_otherwise", "timer remind")
PARTITION = 7
LOCKED = "LockNotAvailableError 55P03"
TRIES = consume.ALONE_AFTER + consume.TRIES_ALONE


@pytest.fixture(autouse=True)
def hurried(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for and a pause made no longer than the test needs."""
    monkeypatch.setitem(database.SESSION, "lock_timeout", "100ms")
    monkeypatch.setattr(consume, "BACKOFF_MOST", 0.05)
    monkeypatch.setattr(trouble, "TOLD_AFTER_SECONDS", 0.5)


@asynccontextmanager
async def held(world: World, query: str, **values: object) -> AsyncIterator[None]:
    """Somebody else's transaction that locks something, and does not end."""
    engine = create_async_engine(world.database_url)
    async with engine.connect() as db:
        await db.execute(text(query), values)
        yield
    await engine.dispose()


async def send(world: World, job: UUID) -> None:
    """All on one partition, so that they come in one batch, in this order."""
    command = world.cancel(job, uuid7())
    await world.outside.send_raw(
        commands.TOPIC, str(job).encode(), world.envelope(command).to_headers(), command.write(),
        partition=PARTITION,
    )  # fmt: skip


async def test_what_fails_ten_times_alone_while_others_succeed_is_a_dead_letter(world: World) -> None:
    held_up, others = uuid7(), [uuid7() for _ in range(4)]
    for job in (others[0], held_up, *others[1:], held_up):
        await send(world, job)
    birth = "SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"
    async with held(world, birth, key=f"account/{held_up}"):
        await world.start()
        await world.until_parked(1, "failed")
        await world.until_parked(1, "behind")
        for job in others:
            await world.until_seen(job, *CANCELLED)
    rows = await world.sql("SELECT key, detail FROM parked WHERE reason = 'failed'")
    assert [(row.key, row.detail.split(" at ")[0]) for row in rows] == [(str(held_up).encode(), LOCKED)]
    assert world.failures("transient") == TRIES
    assert world.toy.consumers[0].ill is None
    await world.toy.paths[0].look_again([f"account/{held_up}"], redrive=True)
    await world.until_seen(held_up, CANCELLED[0], *CANCELLED)
    books = await world.until_at_rest()
    assert (books.done, books.dead, books.parked) == (6, 0, 0)


async def test_while_nothing_else_succeeds_nobody_is_blamed_and_ready_tells_of_it(world: World) -> None:
    await world.start()
    first = uuid7()
    await send(world, first)
    await world.until_seen(first, *CANCELLED)
    waiting = [uuid7() for _ in range(3)]
    async with held(world, "SELECT FROM progress WHERE partition = :number FOR UPDATE", number=PARTITION):
        for job in waiting:
            await send(world, job)
        await until(lambda: world.failures("transient") > 2 * TRIES)
        well, said = await world.toy.checks["progress"]()
    assert not well
    assert said.startswith("jobs: failing for ")
    assert LOCKED in said
    for job in waiting:
        await world.until_seen(job, *CANCELLED)
    books = await world.until_at_rest()
    assert (books.done, books.dead, books.parked) == (4, 0, 0)
    assert (await world.toy.checks["progress"]()).well
