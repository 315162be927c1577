"""What is decided is published: in order, all of it, whatever the broker does meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiokafka.errors import KafkaError
from sqlalchemy import text
from toy_service.cable import Cable
from toy_service.world import World

from chassis import keeper
from chassis.errors import Unsent
from chassis.testing.infrastructure import Infrastructure
from chassis.testing.network import until
from contracts import job_exchange_jobs_v1 as jobs
from contracts import job_exchange_work_orders_v1 as work_orders
from contracts.envelope import Envelope
from contracts.ids import uuid7

pytestmark = pytest.mark.usefixtures("impatient")


def _broker_port(world: World) -> int:
    return int(world.toy.settings.kafka_bootstrap_servers.rsplit(":", 1)[1])


async def test_events_of_one_aggregate_leave_in_the_order_they_were_decided(toy: World) -> None:
    job = uuid7()
    await asyncio.gather(*[toy.send_cancel(job) for _ in range(60)])
    await toy.until_at_rest()
    records = await toy.records(jobs.TOPIC, job)
    versions = [Envelope.from_headers(record.headers).subjectversion for record in records]
    assert versions == list(range(1, 61))


async def test_nothing_is_left_at_rest_and_progress_is_what_was_taken(toy: World) -> None:
    sent = [await toy.send_cancel() for _ in range(20)]
    for job in sent:
        await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.holes, books.behind) == (20, 0, 0)
    consumer = toy.toy.consumers[0]._kafka
    assert consumer is not None

    async def committed() -> bool:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        marks = {partition: await consumer.committed(partition) for partition in ends}
        return all(mark is None or mark == ends[partition] for partition, mark in marks.items())

    await until(committed)


async def test_the_broker_goes_and_comes_back(world: World, cable: Cable) -> None:
    with cable.plugged_in():
        await world.start()
    await world.send_cancel()
    await world.until_at_rest()
    cable.cut(_broker_port(world))
    sent = [await world.send_cancel() for _ in range(5)]
    await until(lambda: cable.refused > 10)
    cable.mend()
    for job in sent:
        await world.outside.message(jobs.JobCancelled, job, seconds=40)
        await world.until_seen(job, "cancel done_otherwise", "timer remind")
    assert (await world.until_at_rest()).done == 6


async def test_decided_without_a_broker_sent_when_it_is_back(world: World, cable: Cable) -> None:
    """The database works, the broker does not: it waits in the outbox, blames no message, and goes out once."""
    with cable.plugged_in():
        await world.start()
    first = await world.send_cancel()
    await world.until_seen(first, "cancel done_otherwise", "timer remind")
    await world.until_at_rest()
    async with world.toy.engine.begin() as db:
        await db.exec_driver_sql(
            f"INSERT INTO timers SELECT 'account', '{first}', 'tell', now() + interval '1 h'"
        )
    cable.cut(_broker_port(world))
    path = world.toy.paths[0]
    with pytest.raises(Unsent):
        await path.fire(await world.sql("SELECT * FROM timers"))
    unsent = await world.sql("SELECT topic FROM outbox")
    assert [row.topic for row in unsent] == [jobs.TOPIC.name]
    cable.mend()
    await world.outside.message(jobs.JobCancelled, first, nth=2)
    await until(lambda: _well(world))
    assert (await world.until_at_rest()).dead == 0


async def _well(world: World) -> bool:
    try:
        return await world.toy.publisher.ping() is None
    except (KafkaError, OSError):
        return False


async def test_a_publication_of_unknown_outcome_writes_the_compacted_message_again(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, job = toy.toy.publisher, uuid7()
    send = publisher._send
    failed = asyncio.Event()

    async def lose_the_ack(rows: Sequence[Any]) -> None:
        await send(rows)
        if not failed.is_set():
            failed.set()
            raise ConnectionError("the broker has it, and we do not know")

    monkeypatch.setattr(publisher, "_send", lose_the_ack)
    await toy.reply(await toy.send_resolution(job))
    await toy.until_at_rest()
    assert failed.is_set()

    async def written_again() -> bool:
        return len(await toy.records(work_orders.TOPIC, job)) == 3

    await until(written_again)
    records = await toy.records(work_orders.TOPIC, job)
    ids = {Envelope.from_headers(record.headers).id for record in records}
    assert len(ids) == 1  # readers know it for what it is
    assert json.loads(records[-1].value)["sealed_for"] == "total-1"


async def _unsent_again(toy: World, job: UUID, age: timedelta) -> None:
    """The job's compacted message stands in the outbox once more, since so long ago."""
    async with toy.toy.engine.begin() as db:
        await db.execute(
            text(
                "INSERT INTO outbox (aggregate, cause_topic, cause_partition, cause_offset, topic, key, headers, "
                "value, created_at) SELECT :aggregate, 'timer', 0, 0, topic, convert_to(subject, 'UTF8'), headers, "
                "value, now() - CAST(:age AS interval) FROM compacted"
            ),
            {"aggregate": f"account/{job}", "age": age},
        )


async def test_the_sweeper_sends_what_nobody_comes_back_for(toy: World) -> None:
    job = uuid7()
    await toy.reply(await toy.send_resolution(job))
    await toy.until_at_rest()
    await _unsent_again(toy, job, timedelta(minutes=1))
    await until(lambda: toy.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)"))
    assert len(await toy.records(work_orders.TOPIC, job)) == 2


async def test_several_senders_that_fail_together_replace_the_producer_once(toy: World, cable: Cable) -> None:
    publisher = toy.toy.publisher
    old = publisher._producer
    assert old is not None
    await publisher._discard(old)
    fresh = await publisher._running()
    await asyncio.gather(*[publisher._discard(old) for _ in range(3)])
    assert publisher._producer is fresh
    assert old._sender.sender_task.done()


async def test_a_start_without_a_broker_waits_for_it(
    world: World, cable: Cable, infrastructure: Infrastructure
) -> None:
    port = int(infrastructure.kafka_bootstrap.rsplit(":", 1)[1])
    cable.cut(port)
    with cable.plugged_in():
        starting = asyncio.create_task(world.start())
    await until(lambda: cable.refused > 2)
    assert not starting.done()
    cable.mend()
    await starting
    job = await world.send_cancel()
    await world.until_seen(job, "cancel done_otherwise", "timer remind")


async def test_compacted_messages_are_written_again_round_and_round(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sent an old message late and died of it was the only one to know: the keeper puts it right in the end."""
    monkeypatch.setattr(keeper, "REPUBLISH_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(keeper, "REPUBLISH_AT_ONCE", 1)
    job, other = uuid7(), uuid7()
    await toy.reply(await toy.send_resolution(job))
    await toy.reply(await toy.send_resolution(other))
    first = (await toy.records(work_orders.TOPIC, job))[0]
    await toy.outside.send_raw(work_orders.TOPIC, first.key, list(first.headers), b"{}")  # by a zombie

    async def put_right() -> bool:
        return bool((await toy.records(work_orders.TOPIC, job))[-1].value == first.value)

    await until(put_right)


async def test_what_is_owed_does_not_overtake_what_is_unsent(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current message stood before what was decided earlier, on the topic (seen after twenty broker restarts)."""
    publisher, job = toy.toy.publisher, uuid7()
    monkeypatch.setattr(keeper, "UNSENT", timedelta(hours=1))  # the sweeper would send it at once
    await toy.reply(await toy.send_resolution(job))
    await toy.until_at_rest()
    await _unsent_again(toy, job, timedelta())
    publisher._suspects = {f"account/{job}"}
    await publisher.rewrite_owed()
    assert len(await toy.records(work_orders.TOPIC, job)) == 1
    # the keeper is at it as well, and has in hand what it looks at
    await until(lambda: publisher._suspects == {f"account/{job}"})
    await publisher.publish([f"account/{job}"], {})

    async def sent_and_then_written_again() -> bool:
        return len(await toy.records(work_orders.TOPIC, job)) == 3

    await until(sent_and_then_written_again)
    await until(lambda: not publisher._suspects)


async def test_what_is_owed_is_written_again_without_another_publication(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = uuid7()
    await toy.reply(await toy.send_resolution(job))
    await toy.until_at_rest()
    toy.toy.publisher._suspects = {f"account/{job}"}

    async def written_again() -> bool:
        return len(await toy.records(work_orders.TOPIC, job)) == 2

    await until(written_again)
