"""When a reader asks for its next batch, and what is in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from toy_service.world import World

from chassis import consume
from chassis.errors import Kind
from chassis.items import RawRecord
from chassis.pace import LONGEST_REST_SECONDS, Pace
from chassis.testing.network import until


def test_it_rests_half_as_long_as_it_has_worked_and_never_long() -> None:
    pace = Pace(500)
    assert pace.rest(100.0) == 0
    pace.worked(began=100.0, ended=100.04, records=3)
    assert pace.rest(100.04) == pytest.approx(0.02)
    assert pace.rest(100.05) == pytest.approx(0.01)
    assert pace.rest(103.0) == 0, "what comes to one at rest goes through at once"
    pace.worked(began=103.0, ended=109.0, records=3)
    assert pace.rest(109.0) == pytest.approx(LONGEST_REST_SECONDS)


def test_with_a_backlog_it_does_not_rest() -> None:
    pace = Pace(500)
    pace.worked(began=100.0, ended=101.0, records=500)
    assert pace.rest(101.0) == 0


async def test_what_came_while_a_batch_was_worked_on_is_all_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = await world.start(poll_seconds=1)
    path, sizes, go_on = toy.paths[0], list[int](), asyncio.Event()
    take = path.take

    async def held_up(records: Sequence[RawRecord], *, failure: str | None = None, keep: bool = True) -> None:
        sizes.append(len(records))
        if len(sizes) == 1:
            await go_on.wait()
        await take(records, failure=failure, keep=keep)

    monkeypatch.setattr(path, "take", held_up)
    monkeypatch.setattr(consume, "LATER_ONES_MS", 30_000)  # the broker has other work as well
    job = await world.send_cancel()
    await until(lambda: sizes == [1])
    kafka = toy.consumers[0]._kafka
    assert kafka is not None
    await world.send_cancel(job)
    await until(lambda: bool(kafka._fetcher._records))  # fetched ahead, as aiokafka does once
    began = time.monotonic()
    # by itself aiokafka asks after 0.1 s for the other partitions, and that request would have to end first
    await until(lambda: time.monotonic() - began > 0.3)
    for _ in range(3):
        await world.send_cancel(job)
    go_on.set()
    await world.until_at_rest()
    assert sizes == [1, 4]


async def test_partitions_that_move_while_it_looks_have_no_record_twice_in_a_batch(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = toy.toy.consumers[0]
    kafka = consumer._kafka
    assert kafka is not None
    getmany = kafka.getmany
    moved: list[int] = []

    async def moving(**options: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        found: dict[TopicPartition, list[ConsumerRecord]] = await getmany(**options)
        if found and not moved:
            moved.append(len(found))
            # away and back: what was not handed on comes again
            for partition, records in found.items():
                kafka.seek(partition, records[0].offset)
            await consumer.on_partitions_assigned(kafka.assignment())
        return found

    monkeypatch.setattr(kafka, "getmany", moving)
    for _ in range(5):
        await toy.send_cancel()
    await until(lambda: bool(moved))
    books = await toy.until_at_rest()
    assert (books.done, books.duplicate, books.holes) == (5, 0, 0)
    assert sum(toy.failures(kind.value) for kind in Kind) == 0
