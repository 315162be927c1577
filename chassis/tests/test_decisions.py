"""What a decision can ask for and say: more rows, numbers, other rows, wake-ups, timers, errands."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from toy_service import service
from toy_service.service import BROKEN, NOTES, KnownPartner, partner_rows
from toy_service.world import NOTICED, QUIET, World

from chassis import errands
from chassis.rows import TableRows
from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts.ids import uuid7


async def _numbers(world: World) -> list[int]:
    rows = await world.sql("SELECT jsonb_array_elements_text(seen) AS word FROM accounts")
    return sorted(int(found[1]) for row in rows if (found := re.fullmatch(r"number (\d+)", row.word)))


async def test_numbers_have_no_gap_and_no_double_with_two_replicas_and_rollbacks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = [await world.start(), await world.start()]
    client, again = uuid7(), 0

    for replica in replicas:
        save = replica.paths[0]._save

        async def save_or_fail(*given: object, _save: object = save) -> None:
            nonlocal again
            again += 1
            await _save(*given)  # type: ignore[operator]
            if again % 3 == 0:
                raise ConnectionError("rolled back after the numbers were taken")

        monkeypatch.setattr(replica.paths[0], "_save", save_or_fail)
    sent = []
    for _ in range(4):  # waves, so that both replicas have batches under way again and again
        sent += await asyncio.gather(*[world.send_approval(uuid7(), client) for _ in range(10)])
    for command in sent:
        await world.reply(command)
    assert await _numbers(world) == list(range(1, 41))
    # all forty changed the client's row as well, and none of it is lost
    beside = await world.seen(client)
    assert sorted(int(word.split()[1]) for word in beside) == list(range(1, 41))
    assert (await world.until_at_rest()).done == 40


async def test_a_row_that_two_replicas_make_at_once_is_made_once(world: World) -> None:
    """Two records about one new account, in different partitions: nothing but the database stands between."""
    await world.start()
    await world.start()
    pairs = []
    for _ in range(25):
        job, client = uuid7(), uuid7()
        pairs.append((job, client))
        await asyncio.gather(world.send_approval(job, client), world.send_approval(uuid7(), client))
    await world.until_at_rest()
    for _, client in pairs:
        assert len(await world.seen(client)) == 2
    assert await _numbers(world) == list(range(1, 51))


async def test_wakes_and_timers_and_their_cancelling(toy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job, woken = uuid7(), uuid7()
    await toy.send_cancel(woken)
    await toy.until_seen(woken, "cancel done_otherwise", "timer remind")
    # far enough for the next command to come before it, however busy the machine is
    monkeypatch.setattr(service, "REMIND_AFTER", timedelta(minutes=10))
    await toy.send(toy.cancel(job, woken, NOTICED))
    await toy.send(toy.cancel(job, woken, QUIET))
    await toy.until_seen(woken, "cancel done_otherwise", "timer remind", "timer woken")
    await until(lambda: toy.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM timers)"))
    assert "timer remind" not in await toy.seen(job)


async def test_a_timer_set_for_now_does_not_wait_for_the_keeper(world: World) -> None:
    await world.start(timer_poll_seconds=60)
    job, woken = uuid7(), uuid7()
    await world.send_cancel(woken, reason=QUIET)
    await world.until_seen(woken, f"cancel {QUIET.value}")
    await world.send(world.cancel(job, woken, QUIET))
    await world.until_seen(woken, f"cancel {QUIET.value}", "timer woken")


async def test_a_timer_that_fails_at_once_blames_no_record_and_is_the_keepers(world: World) -> None:
    toy = await world.start(timer_poll_seconds=60)
    job, woken = uuid7(), uuid7()
    await world.send_cancel(woken, reason=QUIET)
    await world.until_seen(woken, f"cancel {QUIET.value}")
    BROKEN[str(woken)] = RuntimeError
    await world.send(world.cancel(job, woken, QUIET))
    assert (await world.until_at_rest()).done == 2
    BROKEN.clear()
    assert await world.seen(woken) == [f"cancel {QUIET.value}"]
    await toy.keeper.once()
    assert await world.seen(woken) == [f"cancel {QUIET.value}", "timer woken"]


async def test_a_timer_fires_once_with_two_replicas(world: World) -> None:
    await world.start()
    await world.start()
    sent = [await world.send_cancel() for _ in range(40)]
    for job in sent:
        await world.until_seen(job, "cancel done_otherwise", "timer remind")
    assert await world.sql("SELECT 1 FROM timers") == []


async def test_a_timer_found_due_by_two_acts_for_one_of_them(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = toy.toy.paths[0]
    job = await toy.send_cancel()
    await toy.until_seen(job, "cancel done_otherwise", "timer remind")
    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql(
            f"INSERT INTO timers SELECT 'account', '{job}', 'woken', now() + interval '1 h'"
        )
    due = await toy.sql("SELECT * FROM timers")
    await asyncio.gather(*[path.fire(due) for _ in range(5)])
    assert await toy.seen(job) == ["cancel done_otherwise", "timer remind", "timer woken"]


async def test_a_remembered_row_is_read_anew_when_it_changed_and_no_more_are_kept_than_asked(
    toy: World,
) -> None:
    read: list[str] = []

    def read_partner(row: Any) -> KnownPartner:
        read.append(row.id)
        return KnownPartner(row.id, row.version)

    partners = TableRows(
        "partner", partner_rows, read=read_partner, write=lambda it: (it.id, it.version), memo=2
    )
    async with toy.toy.engine.begin() as db:

        async def versions(*ids: str) -> list[int]:
            return [partner.version for partner in (await partners.load(db, ids, lock=False)).values()]

        await partners.save(db, {name: KnownPartner(name, 1) for name in "abc"})
        assert [await versions("a", "b"), await versions("a", "b")] == [[1, 1], [1, 1]]
        assert read == ["a", "b"]
        await partners.save(db, {"a": KnownPartner("a", 2)})
        assert await versions("a", "b") == [2, 1]
        assert await versions("c", "b") == [1, 1]
        assert await versions("a") == [2]
    assert read == ["a", "b", "a", "c", "a"]


async def test_an_errand_is_done_at_least_once_under_one_id(toy: World) -> None:
    NOTES.fail = 2
    job = await toy.send_cancel(reason=QUIET)
    await until(lambda: str(job) in {account for _, account in NOTES.done})
    tried = [errand_id for errand_id, account in NOTES.tried if account == str(job)]
    assert len(tried) == 3
    assert len(set(tried)) == 1
    await until(lambda: toy.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM errands)"))


async def test_an_errand_under_way_is_not_done_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    await world.start()
    monkeypatch.setattr(errands, "IDLE_SECONDS", 0.05)
    sent = [await world.send_cancel(reason=QUIET) for _ in range(20)]
    await until(lambda: {account for _, account in NOTES.done} >= {str(job) for job in sent})
    assert len(NOTES.tried) == 20


async def test_a_row_that_two_replicas_change_at_once_keeps_both_changes(toy: World) -> None:
    client, one, other = uuid7(), uuid7(), uuid7()
    await toy.send_cancel(client)
    await toy.until_seen(client, "cancel done_otherwise", "timer remind")
    for partition, job in enumerate((one, other)):
        command = commands.ApproveStatement(job_id=job, client_id=client, statement_id=uuid7())
        headers = toy.envelope(command).to_headers()
        key = str(job).encode()
        await toy.outside.send_raw(commands.TOPIC, key, headers, command.write(), partition=partition)
    await until(lambda: toy.sql("SELECT 1 FROM counters WHERE last = 2"))
    await toy.until_at_rest()
    batches = [await toy.records(commands.TOPIC, job) for job in (one, other)]
    # the same two once more, as if new, and at the same moment
    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql("TRUNCATE progress, inbox")

    async def both_wait() -> bool:
        waiting = await toy.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return len(waiting) >= 2

    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql("SELECT 1 FROM counters FOR UPDATE")
        taking = [asyncio.create_task(toy.toy.paths[0].take(batch)) for batch in batches]
        await until(both_wait)
    await asyncio.gather(*taking)
    assert {"beside 1", "beside 2", "beside 3", "beside 4"} <= set(await toy.seen(client))
