"""When a reader asks for its next batch, and what is in it."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from toy_service.world import World

from chassis import looks
from chassis.items import RawRecord
from chassis.pace import LONGEST_REST_SECONDS, Pace
from chassis.service import Running
from chassis.testing.network import until


class HeldUp:
    """What a reader takes, batch by batch. The first waits until `go_on` is set."""

    def __init__(self, toy: Running) -> None:
        self.batches: list[Sequence[RawRecord]] = []
        self.go_on = asyncio.Event()
        self.job: UUID | None = None
        self.consumer = toy.consumers[0]
        self._take = toy.paths[0].take

    @property
    def kafka(self) -> AIOKafkaConsumer:
        assert self.consumer._kafka is not None
        return self.consumer._kafka

    async def take(
        self, records: Sequence[RawRecord], *, failure: str | None = None, keep: bool = True
    ) -> None:
        self.batches.append(records)
        if len(self.batches) == 1:
            await self.go_on.wait()
        await self._take(records, failure=failure, keep=keep)


def test_it_rests_half_as_long_as_it_has_worked_and_never_long() -> None:
    pace = Pace()
    assert pace.rest(100.0) == 0
    pace.worked(began=100.0, ended=100.04, more=False)
    assert pace.rest(100.04) == pytest.approx(0.02)
    assert pace.rest(100.05) == pytest.approx(0.01)
    assert pace.rest(103.0) == 0, "what comes to one at rest goes through at once"
    pace.worked(began=103.0, ended=109.0, more=False)
    assert pace.rest(109.0) == pytest.approx(LONGEST_REST_SECONDS)


def test_with_a_backlog_it_does_not_rest() -> None:
    pace = Pace()
    pace.worked(began=100.0, ended=101.0, more=True)
    assert pace.rest(101.0) == 0


@pytest.fixture
async def held_up(world: World, monkeypatch: pytest.MonkeyPatch) -> HeldUp:
    """A reader whose first batch, of one record, waits; behind it a second record is fetched ahead."""
    toy = await world.start(poll_seconds=1)
    held_up = HeldUp(toy)
    monkeypatch.setattr(toy.paths[0], "take", held_up.take)
    held_up.job = await world.send_cancel()
    await until(lambda: len(held_up.batches) == 1)
    await world.send_cancel(held_up.job)
    await until(lambda: bool(held_up.kafka._fetcher._records))
    return held_up


async def test_what_came_while_a_batch_was_worked_on_is_all_in_the_next(
    world: World, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LATER_ONES_MS", 30_000)  # the broker has other work as well
    began = time.monotonic()
    # by itself aiokafka asks after 0.1 s for the other partitions, and that request would have to end first
    await until(lambda: time.monotonic() - began > 0.3)
    assert not held_up.kafka._fetcher._in_flight
    for _ in range(3):
        await world.send_cancel(held_up.job)
    held_up.go_on.set()
    await world.until_at_rest()
    assert [len(batch) for batch in held_up.batches] == [1, 4]


async def test_partitions_that_move_while_it_looks_have_no_record_twice_in_a_batch(
    world: World, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LATER_ONES_MS", 30_000)
    kafka, getmany = held_up.kafka, held_up.kafka.getmany
    moved: list[int] = []

    async def moving(
        *partitions: TopicPartition, **options: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        found: dict[TopicPartition, list[ConsumerRecord]] = await getmany(*partitions, **options)
        if found and not moved:
            moved.append(len(found))
            # away and back: what was not handed on comes again
            for partition, records in found.items():
                kafka.seek(partition, records[0].offset)
            await held_up.consumer.on_partitions_assigned(kafka.assignment())
        return found

    monkeypatch.setattr(kafka, "getmany", moving)
    held_up.go_on.set()
    books = await world.until_at_rest()
    assert moved == [1]
    for batch in held_up.batches:
        places = [(record.topic, record.partition, record.offset) for record in batch]
        assert len(set(places)) == len(places)
    assert (books.done, books.duplicate, books.holes) == (2, 0, 0)


async def test_what_is_found_while_partitions_go_is_left_to_the_next_owner(
    world: World, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def partitions_go() -> None:
        await held_up.consumer.on_partitions_revoked(held_up.kafka.assignment())

    # here it is its own next owner
    batches = await _batches_after(world, held_up, monkeypatch, partitions_go)
    assert batches == 1, "it was not worked on"


async def test_a_second_look_that_fails_takes_nothing_from_the_first(
    world: World, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka keeps the error of a topic that may no longer be read for the look after the others' records."""

    async def may_not_be_read() -> None:
        raise TopicAuthorizationFailedError("another")

    batches = await _batches_after(world, held_up, monkeypatch, may_not_be_read)
    assert batches == 2, "the first look's record was worked on at once"


async def _batches_after(
    world: World, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[None]]
) -> int:
    """Something happens in the first second look, which finds nothing; returns how many batches were taken by the
    look after it. In the end each record has been worked on once, in a batch of its own.
    """
    getmany, seen = held_up.kafka.getmany, list[int]()
    happened = False

    async def look(*partitions: TopicPartition, **options: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        nonlocal happened
        if happened:
            seen.append(len(held_up.batches))
        elif options["timeout_ms"] == looks.LATER_ONES_MS:
            happened = True
            await happens()
            return {}
        found: dict[TopicPartition, list[ConsumerRecord]] = await getmany(*partitions, **options)
        return found

    monkeypatch.setattr(held_up.kafka, "getmany", look)
    held_up.go_on.set()
    books = await world.until_at_rest()
    assert [len(batch) for batch in held_up.batches] == [1, 1]
    assert (books.done, books.duplicate, books.holes) == (2, 0, 0)
    return seen[0]


async def test_of_a_flood_in_one_partition_each_batch_has_a_share(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = await world.start(poll_seconds=1, batch_max_records_of_partition=3)
    held_up = HeldUp(toy)
    monkeypatch.setattr(toy.paths[0], "take", held_up.take)
    flood = await world.send_cancel()
    await until(lambda: len(held_up.batches) == 1)
    for _ in range(20):
        await world.send_cancel(flood)
    held_up.go_on.set()
    books = await world.until_at_rest()
    assert (books.done, books.duplicate, books.holes) == (21, 0, 0)
    assert max(map(len, held_up.batches)) <= 6, "three in each look"
    offsets = [record.offset for batch in held_up.batches for record in batch]
    assert offsets == sorted(set(offsets)), "in order, and each once"


async def test_what_a_batch_begins_and_leaves_does_not_keep_its_records(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are gone without the collector, which comes seldom (`cli.py`).

    asyncpg sets a timer for each statement it prepares, and a timer keeps the context that it was set in; FastStream's
    message keeps what it was decoded to.
    """
    path, taken = toy.toy.paths[0], list[weakref.ref[RawRecord]]()
    timers, take = list[asyncio.TimerHandle](), path.take

    async def take_and_leave(records: Sequence[RawRecord], **options: Any) -> None:
        taken.extend(weakref.ref(record) for record in records)
        timers.append(asyncio.get_running_loop().call_later(300, int))
        await take(records, **options)

    monkeypatch.setattr(path, "take", take_and_leave)
    gc.disable()
    try:
        await toy.send_cancel()
        await toy.until_at_rest()
        assert taken
        await until(lambda: not any(record() for record in taken))
    finally:
        gc.enable()
        for timer in timers:
            timer.cancel()
