"""What cannot be read becomes a dead letter with its reason and its bytes; the good message after it is processed."""

from __future__ import annotations

import dataclasses
import re
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from toy_service.bad_input import Bad, Headers, classes, send_with_wild_header_name
from toy_service.world import World

from contracts import job_exchange_commands_v1 as commands
from contracts import job_exchange_work_orders_v1 as work_orders
from contracts import matching_assignments_v1 as assignments
from contracts.ids import job_number, uuid7

PARTITION = 3


def _good(toy: World) -> tuple[UUID, Headers, bytes]:
    command = toy.cancel(uuid7(), uuid7())
    return command.job_id, list(toy.envelope(command).to_headers()), command.write()


async def _send(toy: World, bad: Bad) -> int:
    at = await toy.outside.send_raw(commands.TOPIC, bad.key, bad.headers, bad.value, partition=PARTITION)
    return int(at.offset)


async def test_each_class_of_bad_record_is_a_dead_letter_and_good_ones_between_are_all_served(
    toy: World,
) -> None:
    sent: list[tuple[Bad, int]] = []
    good_jobs = []
    for bad in classes(lambda: _good(toy)):
        sent.append((bad, await _send(toy, bad)))
        job, headers, body = _good(toy)
        await toy.outside.send_raw(commands.TOPIC, str(job).encode(), headers, body, partition=PARTITION)
        good_jobs.append(job)
    await toy.until_at_rest()
    for bad, offset in sent:
        letter = await toy.dead_letter(commands.TOPIC, PARTITION, offset, about=bad.name)
        reason = letter.headers["deadletter-reason"] or b""
        assert re.fullmatch(bad.reason, reason.decode()), (bad.name, reason)
        assert letter.record.value == bad.value, bad.name
        assert letter.record.key == bad.key, bad.name
        assert list(letter.record.headers[: len(bad.headers)]) == bad.headers, bad.name
    for job in good_jobs:
        await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.dead) == (len(good_jobs), len(sent))
    assert (books.duplicate, books.rejected, books.parked, books.holes) == (0, 0, 0, 0)
    kept = await toy.sql("SELECT reason, aggregate FROM parked")
    assert {(row.reason, row.aggregate) for row in kept} == {("unreadable", None)}


async def test_a_header_name_that_is_not_utf8_costs_nobody_else_a_record(toy: World) -> None:
    before, after, elsewhere = uuid7(), uuid7(), uuid7()
    for job, partition in ((before, PARTITION), (elsewhere, PARTITION + 1)):
        command = toy.cancel(job, uuid7())
        await toy.outside.send_raw(
            commands.TOPIC,
            str(job).encode(),
            toy.envelope(command).to_headers(),
            command.write(),
            partition=partition,
        )
    job, headers, body = _good(toy)
    wild = Bad("header name", "header-name-not-utf8", str(job).encode(), headers, body)
    offset = await send_with_wild_header_name(toy.outside._producer, commands.TOPIC, PARTITION, wild)
    command = toy.cancel(after, uuid7())
    headers = list(toy.envelope(command).to_headers())
    await toy.outside.send_raw(
        commands.TOPIC, str(after).encode(), headers, command.write(), partition=PARTITION
    )
    letter = await toy.dead_letter(commands.TOPIC, PARTITION, offset)
    assert letter.headers["deadletter-reason"] == b"header-name-not-utf8"
    assert letter.record.value == body
    assert "x-\\xff\\xfe" in letter.headers
    for job in (before, after, elsewhere):
        await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.holes) == (3, 1, 0)


async def test_a_tombstone_is_a_message_where_the_topic_has_them(toy: World) -> None:
    job = uuid7()
    await toy.outside.send_raw(work_orders.TOPIC, str(job).encode(), [], None)
    await toy.until_seen(job, "taken back")
    for key in (b"", b"\xff", b"a\x00b", b"x" * 300):
        at = await toy.outside.send_raw(work_orders.TOPIC, key, [], None)
        letter = await toy.dead_letter(work_orders.TOPIC, at.partition, at.offset)
        assert (letter.headers["deadletter-reason"] or b"").startswith(b"key-")
    books = await toy.until_at_rest()
    assert (books.done, books.dead) == (1, 4)


async def test_an_unreadable_event_holds_up_none_of_its_aggregate(toy: World) -> None:
    job = uuid7()
    await toy.send_expiry(job, 1)
    event = assignments.OfferExpired(
        job_id=job, job_number=job_number(job), offer_id=uuid7(), contractor_id=uuid7()
    )
    headers = toy.envelope(event, subjectversion=2, actor=None).to_headers()
    await toy.outside.send_raw(assignments.TOPIC, str(job).encode(), headers, b'{"job_id": 7}')
    await toy.send_expiry(job, 3)
    await toy.until_seen(job, "expired 1", "expired 3")
    await toy.send_cancel(job)
    await toy.until_seen(job, "expired 1", "expired 3", "cancel done_otherwise", "timer remind")
    assert (await toy.until_at_rest()).dead == 1


async def test_an_event_that_only_a_newer_version_knows_holds_up_none_of_its_aggregate(toy: World) -> None:
    job = uuid7()
    await toy.send_expiry(job, 1)
    event = assignments.OfferExpired(
        job_id=job, job_number=job_number(job), offer_id=uuid7(), contractor_id=uuid7()
    )
    envelope = dataclasses.replace(
        toy.envelope(event, subjectversion=2, actor=None), type="matching.OfferPraised.v1"
    )
    await toy.outside.send_raw(
        assignments.TOPIC, str(job).encode(), envelope.to_headers(), b'{"praise": "well offered"}'
    )
    await toy.send_expiry(job, 3)
    await toy.until_seen(job, "expired 1", "expired 3")
    assert (await toy.until_at_rest()).dead == 1


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_whatever_a_producer_compresses_with_is_read(toy: World, codec: str) -> None:
    command = toy.cancel(uuid7(), uuid7())
    envelope = toy.envelope(command)
    bootstrap = toy.toy.settings.kafka_bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=codec) as producer:
        await producer.send_and_wait(
            commands.TOPIC.name,
            command.write() + b" " * 2000,
            str(command.job_id).encode(),
            headers=envelope.to_headers(),
        )
    reply = await toy.reply(UUID(envelope.id))
    assert reply.TYPE == "job-exchange.CommandAccepted.v1"
