"""Indexes in memory: complete before the first batch, and told and mended when they do not follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import PostgresDsn
from toy_service.cable import Cable
from toy_service.service import Settings, build
from toy_service.world import World

from chassis import reference
from chassis.reference import IndexReader
from chassis.service import Running
from chassis.testing.network import until
from contracts import partner_registry_partners_v1 as partners
from contracts.ids import uuid7


class Versions:
    """An index of versions. `bug` is raised by it, as long as a test wants it."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.bug: type[BaseException] | None = None

    def put(self, subject: str, version: int, _: Any) -> None:
        if self.bug is not None:
            raise self.bug("a bug of ours")
        self.known[subject] = max(version, self.known.get(subject, 0))

    def remove(self, subject: str) -> None:
        self.known.pop(subject, None)


class Consumers(list[AIOKafkaConsumer]):
    """Every consumer that a reader has made, so that a test can see what becomes of it."""

    def __call__(self, **options: Any) -> AIOKafkaConsumer:
        self.append(AIOKafkaConsumer(**options))
        return self[-1]

    @property
    def left_open(self) -> int:
        return sum(not consumer._closed for consumer in self)


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> Consumers:
    made = Consumers()
    monkeypatch.setattr(reference, "AIOKafkaConsumer", made)
    return made


@pytest.fixture(autouse=True)
def hurried(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "RETRY_FIRST_SECONDS", 0.05)
    monkeypatch.setattr(reference, "RETRY_MOST_SECONDS", 0.1)


def settings_of(world: World) -> Settings:
    return Settings(
        database_url=PostgresDsn(world.database_url),
        kafka_bootstrap_servers=world.outside.bootstrap,
        development=True,
        timer_poll_seconds=0.05,
    )


@asynccontextmanager
async def starting(world: World, index: Versions) -> AsyncIterator[tuple[Running, asyncio.Task[None]]]:
    """The toy with an index in memory, and its start, which a test may see hold."""
    settings = settings_of(world)
    service = replace(build(settings), indexes=[IndexReader(partners.TOPIC, index)])
    running = Running(service, settings, prepare=True)
    start = asyncio.create_task(running.start())
    try:
        yield running, start
    finally:
        start.cancel()
        await asyncio.wait({start})
        await running.stop()


async def said(running: Running, check: str = "indexes") -> str:
    return (await running.checks[check]()).said


def tells(running: Running, expected: str) -> Callable[[], Any]:
    async def so() -> bool:
        return (await said(running)).startswith(expected)

    return so


async def known(world: World, version: int = 1) -> UUID:
    partner = uuid7()
    await world.introduce(partner, version)
    return partner


async def test_a_failing_index_holds_the_start_is_told_and_goes_on_when_mended(
    world: World, consumers: Consumers
) -> None:
    index = Versions()
    index.bug = RuntimeError
    partner = await known(world)
    async with starting(world, index) as (running, start):
        await until(tells(running, f"{partners.TOPIC.name}: RuntimeError at test_indexes.py"))
        await until(lambda: len(consumers) > 2)
        assert not start.done()
        assert await said(running, "progress") == "starting"
        assert consumers.left_open <= 1
        index.bug = None
        await start
        assert index.known[str(partner)] == 1
        assert await said(running) == "ok"


@pytest.mark.parametrize("bug", [KeyError, asyncio.CancelledError])
async def test_an_index_that_fails_later_makes_it_unready_until_it_follows_again(
    world: World, bug: type[BaseException]
) -> None:
    index = Versions()
    async with starting(world, index) as (running, start):
        await start
        index.bug = bug
        partner = await known(world)
        await until(tells(running, f"{partners.TOPIC.name}: {bug.__name__}"))
        index.bug = None
        await until(lambda: str(partner) in index.known)
        await until(tells(running, "ok"))


async def test_a_broker_that_is_away_is_waited_for_and_no_consumer_is_left_open(
    world: World, consumers: Consumers, cable: Cable
) -> None:
    index = Versions()
    port = int(world.outside.bootstrap.rsplit(":", 1)[1])
    with cable.plugged_in():
        reader = IndexReader(partners.TOPIC, index)
        cable.cut(port)
        task = asyncio.create_task(reader.run(settings_of(world)))
    at_first = reader.touched
    await until(lambda: len(consumers) > 3)
    assert consumers.left_open <= 1
    assert "KafkaConnectionError" in str(reader.behind)
    assert reader.touched > at_first
    cable.mend()
    await asyncio.wait_for(reader.caught_up.wait(), 20)
    assert reader.behind is None
    task.cancel()
    await asyncio.wait({task})
    assert consumers.left_open == 0


async def test_an_index_is_watched_from_before_it_is_complete(world: World) -> None:
    index = Versions()
    index.bug = RuntimeError
    await known(world)
    async with starting(world, index) as (running, _):
        await until(tells(running, f"{partners.TOPIC.name}: RuntimeError"))
        reader = running.service.indexes[0]
        assert running.watchdog._parts == {f"index {partners.TOPIC.name}": reader}


async def test_a_consumer_that_stands_still_is_replaced(
    world: World, consumers: Consumers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "LOOK_SECONDS", 1.0)
    monkeypatch.setattr(reference, "POLL_MS", 50)
    index = Versions()
    async with starting(world, index) as (running, start):
        await start

        stalled = asyncio.Event()

        async def nothing(*, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[object]]:
            stalled.set()
            await asyncio.sleep(timeout_ms / 1000)
            return {}

        before = len(consumers)
        monkeypatch.setattr(consumers[-1], "getmany", nothing)
        await asyncio.wait_for(stalled.wait(), 20)
        partner = await known(world)
        await until(lambda: str(partner) in index.known)
        assert len(consumers) > before
        await until(tells(running, "ok"))
