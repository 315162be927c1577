"""When the service's own code fails: on one message, or on all of them."""

from __future__ import annotations

import asyncio

import pytest
from toy_service.service import BROKEN
from toy_service.world import World

from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts.ids import uuid7

CANCELLED = ("cancel done_otherwise", "timer remind")
pytestmark = pytest.mark.usefixtures("impatient")


async def test_one_message_it_fails_on_is_a_dead_letter_its_successors_wait_and_others_are_served(
    toy: World,
) -> None:
    broken = uuid7()
    BROKEN[str(broken)] = RuntimeError
    others = [await toy.send_cancel() for _ in range(3)]
    for _ in range(3):
        await toy.send_cancel(broken)
    others += [await toy.send_cancel() for _ in range(3)]
    await toy.until_parked(1, "failed")
    await toy.until_parked(2, "behind")
    for job in others:
        await toy.until_seen(job, *CANCELLED)
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.parked) == (6, 1, 2)
    assert toy.toy.consumers[0].ill is None
    # the successors wait for an operator, not for time
    await toy.toy.keeper.once()
    assert await toy.seen(broken) == []
    BROKEN.clear()
    await toy.toy.paths[0].look_again([f"account/{broken}"], redrive=True)
    await toy.until_seen(broken, *[CANCELLED[0]] * 3, CANCELLED[1])
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.parked) == (9, 0, 0)


async def test_many_failing_alike_mean_we_are_ill_and_no_message_is_blamed(toy: World) -> None:
    partition = 5
    BROKEN["all"] = RuntimeError
    sent = []
    for _ in range(8):
        command = toy.cancel(uuid7(), uuid7())
        sent.append(command.job_id)
        await toy.outside.send_raw(
            commands.TOPIC, str(command.job_id).encode(), toy.envelope(command).to_headers(), command.write(),
            partition=partition,
        )  # fmt: skip
    await until(lambda: toy.toy.consumers[0].ill)
    at_first = (await toy.books()).dead
    well, said = await toy.toy.checks["progress"]()
    assert not well
    assert "RuntimeError" in said
    tried = toy.failures("ill")
    await until(lambda: toy.failures("ill") >= tried + 3)
    assert (await toy.books()).dead == at_first <= 2
    BROKEN.clear()
    dead = {row.key for row in await toy.sql("SELECT key FROM parked WHERE reason = 'failed'")}
    for job in sent:
        if str(job).encode() not in dead:
            await toy.until_seen(job, *CANCELLED)
    await until(lambda: toy.toy.consumers[0].ill is None)
    assert (await toy.toy.checks["progress"]()).well
    books = await toy.until_at_rest()
    assert (books.done, books.dead) == (8 - at_first, at_first)


async def test_a_leaked_cancellation_does_not_end_consumption(toy: World) -> None:
    broken = uuid7()
    BROKEN[str(broken)] = asyncio.CancelledError
    await toy.send_cancel(broken)
    other = await toy.send_cancel()
    await toy.until_seen(other, *CANCELLED)
    await toy.until_parked(1, "failed")
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.holes) == (1, 1, 0)
    BROKEN.clear()
    await toy.send_cancel(later := uuid7())
    await toy.until_seen(later, *CANCELLED)


async def test_a_message_too_large_for_its_topic_is_found_before_the_commit(toy: World) -> None:
    job = uuid7()
    command = commands.DisputeStatement(
        job_id=job, client_id=uuid7(), statement_id=uuid7(), reason=commands.DisputeReason.wrong_dates
    )
    await toy.send(command)
    await toy.until_parked(1, "failed")
    rows = await toy.sql("SELECT detail FROM parked")
    assert rows[0].detail.startswith("TooLarge at outgoing.py")
    assert await toy.seen(job) == []
    assert (await toy.until_at_rest()).dead == 1


async def test_a_timer_that_fails_holds_up_no_other_and_is_put_off(toy: World) -> None:
    broken = await toy.send_cancel()
    await toy.until_seen(broken, CANCELLED[0])
    BROKEN[str(broken)] = RuntimeError
    others = [await toy.send_cancel() for _ in range(3)]
    for job in others:
        await toy.until_seen(job, *CANCELLED)

    async def put_off() -> bool:
        rows = await toy.sql("SELECT due_at > now() + interval '10 s' AS later FROM timers")
        return [row.later for row in rows] == [True]

    await until(put_off)
    assert await toy.seen(broken) == [CANCELLED[0]]


async def test_a_parked_message_it_fails_on_when_it_is_woken_becomes_a_dead_letter(toy: World) -> None:
    job, partner = uuid7(), uuid7()
    await toy.send_arrival(job, partner)
    await toy.until_parked(1, "waiting")
    await toy.send_cancel(job)
    await toy.until_parked(1, "behind")
    BROKEN[str(job)] = RuntimeError
    await toy.introduce(partner)
    await toy.until_parked(1, "failed")
    assert await toy.seen(job) == []
    BROKEN.clear()
    await toy.toy.paths[0].look_again([f"account/{job}"], redrive=True)
    await toy.until_seen(job, "arrived", *CANCELLED)
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.parked) == (3, 0, 0)
