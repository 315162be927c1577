"""One effect for each message, however often it comes and wherever a crash falls."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from toy_service.offsets import set_to_the_end
from toy_service.world import DEAD_LETTERS, NOTICED, QUIET, TOO_LATE, World

from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts import job_exchange_jobs_v1 as jobs
from contracts.ids import uuid7


async def test_a_command_sent_three_times_has_one_effect_and_the_same_reply_each_time(toy: World) -> None:
    job, message_id = uuid7(), uuid7()
    command = toy.cancel(job, uuid7())
    replies = []
    for nth in (1, 2, 3):
        await toy.send(command, message_id=message_id)
        replies.append(await toy.reply(message_id, nth))
    await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    assert {reply.TYPE for reply in replies} == {"job-exchange.CommandAccepted.v1"}
    assert len(toy.outside.messages(jobs.JobCancelled, job)) == 1
    books = await toy.until_at_rest()
    assert (books.done, books.duplicate) == (1, 2)


async def test_a_refusal_is_repeated_as_it_was(toy: World) -> None:
    command, message_id = toy.cancel(uuid7(), uuid7(), TOO_LATE), uuid7()
    await toy.send(command, message_id=message_id)
    first = await toy.reply(message_id)
    await toy.send(command, message_id=message_id)
    assert await toy.reply(message_id, 2) == first
    assert first.code == "too-late"


async def test_the_same_id_with_another_body_is_a_dead_letter_and_the_first_stays_answerable(
    toy: World,
) -> None:
    job, client, message_id = uuid7(), uuid7(), uuid7()
    await toy.send(toy.cancel(job, client), message_id=message_id)
    accepted = await toy.reply(message_id)
    await toy.send(toy.cancel(job, client, QUIET), message_id=message_id)
    letter = await toy.outside.until(
        lambda: [s for s in toy.outside.seen[DEAD_LETTERS.name] if s.record.key == str(job).encode()]
    )
    assert letter[0].headers["deadletter-reason"] == b"id-reused"
    await toy.send(toy.cancel(job, client), message_id=message_id)
    assert await toy.reply(message_id, 2) == accepted
    await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.duplicate) == (1, 1, 1)


async def test_both_in_one_batch_are_told_apart_too(toy: World) -> None:
    job, client, message_id = uuid7(), uuid7(), uuid7()
    await toy.send(toy.cancel(job, client, QUIET), message_id=message_id)
    await toy.send(toy.cancel(job, client, QUIET), message_id=message_id)
    await toy.send(toy.cancel(job, client, NOTICED), message_id=message_id)
    await toy.reply(message_id, 2)
    await toy.until_at_rest()
    records = await toy.records(commands.TOPIC, job)
    # as one batch, on a database that has seen nothing of it
    for table in ("progress", "inbox", "accounts", "parked"):
        async with toy.toy.engine.begin() as db:
            await db.exec_driver_sql(f"TRUNCATE {table}")
    await toy.toy.paths[0].take(records)
    rows = await toy.sql("SELECT outcome, reply IS NOT NULL AS replied FROM inbox")
    assert [(row.outcome, row.replied) for row in rows] == [(0, True)]
    assert (await toy.seen(job))[:1] == ["cancel posted_in_error"]


async def test_records_taken_again_change_nothing(toy: World) -> None:
    job = await toy.send_cancel()
    await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    before = await toy.until_at_rest()
    await toy.toy.paths[0].take(await toy.records(commands.TOPIC, job))
    assert await toy.until_at_rest() == before
    assert len(await toy.seen(job)) == 2
    assert len(await toy.records(jobs.TOPIC, job)) == 1


async def test_what_a_crash_before_publishing_left_unsent_goes_out_when_the_records_come_again(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = toy.toy.paths[0]
    died = asyncio.Event()

    async def die(*_: object) -> None:
        died.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(path, "publish", die)
    command_id = await toy.send(toy.cancel(job := uuid7(), uuid7()))
    await died.wait()
    await until(lambda: toy.sql("SELECT 1 FROM outbox"))
    assert toy.replies(command_id) == 0
    monkeypatch.undo()
    await toy.reply(command_id)
    await toy.outside.message(jobs.JobCancelled, job)
    assert (await toy.until_at_rest()).done == 1


async def test_a_group_that_begins_anew_finds_everything_known(toy: World) -> None:
    jobs_sent = [await toy.send_cancel() for _ in range(5)]
    for job in jobs_sent:
        await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    before = await toy.until_at_rest()
    consumer = toy.toy.consumers[0]._kafka
    assert consumer is not None
    for row in await toy.sql("SELECT topic, partition FROM progress WHERE reader = 'jobs'"):
        consumer.seek(TopicPartition(row.topic, row.partition), 0)
    last = await toy.send_cancel()
    await toy.until_seen(last, "cancel done_otherwise", "timer remind")
    after = await toy.until_at_rest()
    assert after.done == before.done + 1
    assert [len(await toy.seen(job)) for job in jobs_sent] == [2] * 5


async def test_offsets_that_somebody_sets_forward_pass_no_record_over(world: World) -> None:
    first = await world.start()
    await world.reply(await world.send(world.cancel(uuid7(), uuid7())))
    before = await world.until_at_rest()
    await first.stop()
    world.replicas.clear()
    missed = [await world.send(world.cancel(uuid7(), uuid7())) for _ in range(20)]
    assert await set_to_the_end(world.outside.bootstrap, "job-exchange.jobs", [commands.TOPIC])
    await world.start()
    for command_id in missed:
        await world.reply(command_id)
    books = await world.until_at_rest()
    assert (books.done - before.done, books.holes) == (20, before.holes)
