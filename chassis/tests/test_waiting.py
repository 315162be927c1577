"""Messages that wait: for reference data, for a version that is missing, behind one that waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from toy_service import service
from toy_service.world import NOTICED, World

from chassis import batch
from chassis.clock import ShiftedClock
from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts.ids import uuid7

CANCELLED = ("cancel done_otherwise", "timer remind")


async def test_a_command_waits_for_its_partner_and_is_woken_when_he_comes(toy: World) -> None:
    job, partner = uuid7(), uuid7()
    command = await toy.send_arrival(job, partner)
    await toy.until_parked(1, "waiting")
    await toy.introduce(partner)
    reply = await toy.reply(command)
    assert reply.TYPE == "job-exchange.CommandAccepted.v1"
    assert await toy.seen(job) == ["arrived"]
    books = await toy.until_at_rest()
    assert (books.done, books.parked) == (2, 0)


async def test_it_is_refused_when_patience_ends(toy: World) -> None:
    job = uuid7()
    reply = await toy.reply(await toy.send_arrival(job, uuid7()))
    assert (reply.code, reply.field) == ("unknown-partner", "contractor_id")
    assert await toy.seen(job) == []
    books = await toy.until_at_rest()
    assert (books.rejected, books.parked) == (1, 0)


async def test_a_repeat_of_a_waiting_command_does_not_wait_too(toy: World) -> None:
    job, partner, message_id = uuid7(), uuid7(), uuid7()
    command = commands.RecordArrival(job_id=job, contractor_id=partner, arrived_at=datetime.now(UTC))
    await toy.send(command, message_id=message_id)
    await toy.until_parked(1, "waiting")
    await toy.send(command, message_id=message_id)
    await toy.introduce(partner)
    assert (await toy.reply(message_id)).TYPE == "job-exchange.CommandAccepted.v1"
    books = await toy.until_at_rest()
    assert (books.done, books.duplicate, books.parked) == (2, 1, 0)
    assert await toy.seen(job) == ["arrived"]


async def test_what_a_clock_that_was_ahead_has_put_off_is_looked_at_soon(world: World) -> None:
    clock = ShiftedClock()
    await world.start(clock)
    clock.shift = timedelta(hours=1)
    await world.send_arrival(uuid7(), uuid7())
    await world.until_parked(1, "waiting")
    clock.shift = timedelta()
    (before,) = await world.sql("SELECT attempts FROM parked")

    async def looked_at_again() -> bool:
        (now,) = await world.sql("SELECT attempts FROM parked")
        return bool(now.attempts > before.attempts)

    await until(looked_at_again)


async def test_what_comes_behind_it_stays_in_order_and_others_are_not_held_up(toy: World) -> None:
    job, partner = uuid7(), uuid7()
    await toy.send_arrival(job, partner)
    await toy.until_parked(1, "waiting")
    await toy.send_cancel(job)
    await toy.send_cancel(job, reason=NOTICED)
    await toy.until_parked(2, "behind")
    other = await toy.send_cancel()
    await toy.until_seen(other, *CANCELLED)
    assert await toy.seen(job) == []
    await toy.introduce(partner)
    await toy.until_seen(job, "arrived", "cancel done_otherwise", "cancel done_otherwise", "timer remind")
    assert (await toy.until_at_rest()).parked == 0


async def test_two_replicas_lose_no_wake_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE", timedelta(minutes=5))  # a busy machine is no reason to refuse
    await world.start()
    await world.start()
    pairs = [(uuid7(), uuid7()) for _ in range(30)]
    sent = []
    for job, partner in pairs:
        arrival, _ = await asyncio.gather(world.send_arrival(job, partner), world.introduce(partner))
        sent.append(arrival)
    for command in sent:
        assert (await world.reply(command)).TYPE == "job-exchange.CommandAccepted.v1"
    assert (await world.until_at_rest()).parked == 0


async def test_a_missing_version_is_waited_for_and_then_all_are_taken_in_order(toy: World) -> None:
    job = uuid7()
    await toy.send_expiry(job, 1)
    await toy.until_seen(job, "expired 1")
    await toy.send_expiry(job, 3)
    await toy.send_expiry(job, 4)
    await toy.until_parked(2)
    assert await toy.seen(job) == ["expired 1"]
    await toy.send_expiry(job, 2)
    await toy.until_seen(job, "expired 1", "expired 2", "expired 3", "expired 4")
    books = await toy.until_at_rest()
    assert (books.done, books.parked) == (4, 0)


async def test_an_older_or_equal_version_is_dropped(toy: World) -> None:
    job = uuid7()
    for version in (5, 6, 6, 5, 4):
        await toy.send_expiry(job, version)
    books = await toy.until_at_rest()
    assert await toy.seen(job) == ["expired 5", "expired 6"]
    assert (books.done, books.duplicate) == (2, 3)


async def test_a_compacted_topic_may_jump(toy: World) -> None:
    partner = uuid7()
    for version in (1, 7, 5, 9):
        await toy.introduce(partner, version)
    books = await toy.until_at_rest()
    assert (books.done, books.duplicate, books.parked) == (3, 1, 0)
    rows = await toy.sql("SELECT version FROM partners WHERE id = :id", id=str(partner))
    assert rows[0].version == 9


async def test_a_gap_that_is_never_filled_goes_to_the_dead_letters_and_can_be_redriven(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "GAP_PATIENCE", timedelta(seconds=1))
    toy = await world.start()
    job = uuid7()
    await world.send_expiry(job, 1)
    await world.send_expiry(job, 3)
    await world.send_expiry(job, 4)
    await world.until_parked(1, "failed")
    await world.until_parked(1, "behind")
    assert (await world.until_at_rest()).dead == 1
    await toy.paths[0].look_again([f"account/{job}"], redrive=True)
    await world.until_seen(job, "expired 1", "expired 3", "expired 4")
    books = await world.until_at_rest()
    assert (books.done, books.dead, books.parked) == (3, 0, 0)


async def test_waiting_goes_by_the_injected_clock(world: World) -> None:
    clock = ShiftedClock(timedelta(hours=-1))
    await world.start(clock)
    command = await world.send_arrival(uuid7(), uuid7())
    await world.until_parked(1, "waiting")
    clock.shift += timedelta(days=365)
    assert (await world.reply(command)).code == "unknown-partner"
    await until(lambda: world.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM parked)"))
