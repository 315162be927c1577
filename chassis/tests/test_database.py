"""A batch's transaction on a real PostgreSQL: what is kept, and what becomes of a connection that breaks in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import PostgresDsn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database
from chassis.database import ERRORS, Session, transaction
from chassis.errors import Kind, classify
from chassis.settings import ServiceSettings
from chassis.testing.infrastructure import Infrastructure
from chassis.testing.network import until

pytestmark = pytest.mark.stack

NUMBERS = text("SELECT number FROM noted ORDER BY number")
NOTE = text("INSERT INTO noted (number) SELECT n FROM unnest(CAST(:numbers AS int[])) AS n")
LOCK = text("SELECT number FROM noted WHERE number = :number FOR UPDATE")
WHO = text("SELECT pg_backend_pid() AS pid")
END = text("SELECT pg_terminate_backend(pid) FROM unnest(CAST(:pids AS int[])) AS pid")
WAITING = text("SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.fixture
async def engine(infrastructure: Infrastructure) -> AsyncIterator[AsyncEngine]:
    settings = ServiceSettings(
        database_url=PostgresDsn(infrastructure.new_database("transactions")),
        kafka_bootstrap_servers="nobody:1",
        development=True,
        database_pool_size=3,
    )
    engine = database.connect(settings, "test")
    async with engine.begin() as db:
        await db.execute(text("CREATE TABLE noted (number int PRIMARY KEY)"))
    yield engine
    await engine.dispose()


async def _pid(db: Session) -> int:
    (row,) = await db.execute(WHO)
    pid: int = row.pid
    return pid


async def _numbers(engine: AsyncEngine) -> list[int]:
    async with transaction(engine, keep=False) as db:
        return [row.number for row in await db.execute(NUMBERS)]


async def test_it_is_kept_or_not_and_an_error_takes_all_of_it_back(engine: AsyncEngine) -> None:
    async with transaction(engine) as db:
        await db.execute(NOTE, {"numbers": [1, 2]})
    async with transaction(engine, keep=False) as db:
        await db.execute(NOTE, {"numbers": [3]})
        assert [row.number for row in await db.execute(NUMBERS)] == [1, 2, 3]

    async def makes_one_twice() -> None:
        async with transaction(engine) as db:
            await db.execute(NOTE, {"numbers": [4]})
            await db.execute(NOTE, {"numbers": [1]})

    async def is_wrong() -> None:
        async with transaction(engine) as db:
            await db.execute(NOTE, {"numbers": [5]})
            raise ValueError("ours")

    with pytest.raises(ERRORS) as refused:
        await makes_one_twice()
    assert classify(refused.value) is Kind.TRANSIENT  # a unique violation: another replica made it
    with pytest.raises(ValueError, match="ours"):
        await is_wrong()
    assert await _numbers(engine) == [1, 2]


async def test_a_connection_that_was_ended_is_not_given_out_again(engine: AsyncEngine) -> None:
    async with transaction(engine) as db:
        await _pid(db)

    async def ends_the_other() -> None:
        async with transaction(engine) as db, transaction(engine) as other:
            await db.execute(NOTE, {"numbers": [1]})
            await other.execute(END, {"pids": [await _pid(db)]})
            await db.execute(NOTE, {"numbers": [2]})

    with pytest.raises(ERRORS) as ended:
        await ends_the_other()
    assert classify(ended.value) is Kind.TRANSIENT
    assert await _numbers(engine) == []
    async with transaction(engine) as db, transaction(engine) as other:
        assert await _pid(db) != await _pid(other)


async def test_connections_that_ended_in_the_pool_are_no_failed_attempts(engine: AsyncEngine) -> None:
    async with transaction(engine) as one, transaction(engine) as two:
        pids = [await _pid(one), await _pid(two)]

    async def both_are_gone() -> bool:
        return all(each.driver_connection.is_closed() for each in held)

    async with engine.connect() as one, engine.connect() as two:
        held: list[Any] = [await each.get_raw_connection() for each in (one, two)]
        async with transaction(engine) as beside:
            await beside.execute(END, {"pids": pids})
        await until(both_are_gone)
    async with transaction(engine) as one, transaction(engine) as two:
        assert not {await _pid(one), await _pid(two)} & set(pids)


async def test_a_cancelled_statement_lets_go_of_its_locks(engine: AsyncEngine) -> None:
    async with transaction(engine) as db:
        await db.execute(NOTE, {"numbers": [1, 2]})

    async def takes_both() -> None:
        async with transaction(engine) as db:
            await db.execute(LOCK, {"number": 2})
            await db.execute(LOCK, {"number": 1})

    async with transaction(engine) as db:
        await db.execute(LOCK, {"number": 1})
        behind = asyncio.create_task(takes_both())

        async def waits() -> bool:
            async with transaction(
                engine
            ) as beside:  # what a transaction has seen of others, it sees to its end
                (row,) = await beside.execute(WAITING)
                return bool(row.waiting)

        await until(waits)
        behind.cancel()
        with pytest.raises(asyncio.CancelledError):
            await behind
        await db.execute(LOCK, {"number": 2})
    async with transaction(engine) as db, transaction(engine) as other:
        assert await _pid(db) != await _pid(other)
