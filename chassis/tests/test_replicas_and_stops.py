"""Replicas that come and go, and a stop under load."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from toy_service.world import World

from chassis.testing.network import until
from contracts import job_exchange_jobs_v1 as jobs
from contracts.ids import uuid7

pytestmark = pytest.mark.usefixtures("impatient")


async def _load(world: World, number: int) -> list[UUID]:
    sent = []
    for count in range(number):
        job = uuid7()
        sent.append(job)
        await world.send(world.cancel(job, uuid7()))
        if count % 20 == 0:
            await asyncio.sleep(0.05)  # spread over the rebalance
    return sent


def _taken(world: World, replica: int) -> float:
    registry = world.replicas[replica].registry
    return registry.get_sample_value("servicenetz_batch_records_sum", {"reader": "jobs"}) or 0.0


async def test_a_second_replica_joins_under_load_and_both_work(world: World) -> None:
    await world.start()
    loading = asyncio.create_task(_load(world, 300))
    await world.start()
    await asyncio.gather(*[replica.consumers[0].has_joined.wait() for replica in world.replicas])
    sent = await loading
    await until(lambda: all(replica.consumers[0].assigned for replica in world.replicas))
    sent += await _load(world, 100)
    books = await world.until_at_rest()
    assert (books.done, books.duplicate, books.dead, books.holes) == (400, 0, 0, 0)
    assert all(_taken(world, replica) > 0 for replica in (0, 1))
    for job in sent:
        assert len(world.outside.messages(jobs.JobCancelled, job)) == 1
    totals = await world.sql("SELECT count(*) AS n FROM accounts WHERE seen->>0 = 'cancel done_otherwise'")
    assert totals[0].n == 400


async def test_a_stop_under_load_is_quick_and_loses_nothing(world: World) -> None:
    first = await world.start()
    loading = asyncio.create_task(_load(world, 300))
    await until(lambda: _taken(world, 0) > 20)
    began = time.monotonic()
    await first.stop()
    assert time.monotonic() - began < 20
    sent = await loading
    world.replicas.clear()
    await world.start()
    books = await world.until_at_rest()
    assert (books.done, books.dead, books.holes) == (300, 0, 0)
    for job in sent:
        await world.outside.message(jobs.JobCancelled, job)


async def test_a_batch_that_does_not_end_is_given_back_at_the_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.start(stop_seconds=0.5)
    stuck = asyncio.Event()

    async def never_ends(*_: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(first.paths[0], "_save", never_ends)
    job = await world.send_cancel()
    await stuck.wait()
    began = time.monotonic()
    await first.stop()
    assert time.monotonic() - began < 8
    world.replicas.clear()
    await world.start()
    await world.until_seen(job, "cancel done_otherwise", "timer remind")
    assert (await world.until_at_rest()).done == 1


async def test_a_failed_poll_passes_no_record_over(toy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = toy.toy.consumers[0]._kafka
    assert consumer is not None
    getmany = consumer.getmany
    failed: list[object] = []

    async def lose_what_was_fetched(*partitions: TopicPartition, **options: int) -> object:
        found = await getmany(*partitions, **options)
        if found and len(failed) < 2:
            failed.append(found)
            raise RuntimeError("after the positions have moved")
        return found

    monkeypatch.setattr(consumer, "getmany", lose_what_was_fetched)
    sent = []

    async def has_failed_twice() -> bool:
        sent.extend(await _load(toy, 5))
        return len(failed) == 2

    await until(has_failed_twice)
    books = await toy.until_at_rest()
    assert (books.done, books.holes) == (len(sent), 0)


async def test_a_commit_that_gets_no_answer_holds_up_no_batch(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await toy.reply(await toy.send(toy.cancel(uuid7(), uuid7())))
    consumer = toy.toy.consumers[0]._kafka
    assert consumer is not None
    asked = asyncio.Event()

    async def no_answer(_offsets: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(consumer, "commit", no_answer)
    await toy.reply(await toy.send(toy.cancel(uuid7(), uuid7())))
    await asyncio.wait_for(asked.wait(), 10)
    await toy.reply(await toy.send(toy.cancel(uuid7(), uuid7())))
    monkeypatch.undo()
    await toy.until_at_rest()
