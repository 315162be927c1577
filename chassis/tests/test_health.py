"""What `/health/ready` and the watchdog say."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from toy_service.cable import Cable
from toy_service.world import World

from chassis import consume, health, service, trouble
from chassis.health import Answer, Watchdog, answers, not_well
from chassis.testing.network import until

CANCELLED = ("cancel done_otherwise", "timer remind")
pytestmark = pytest.mark.usefixtures("impatient")


async def test_ready_says_what_is_wrong(world: World, cable: Cable) -> None:
    with cable.plugged_in():
        running = await world.start()
        assert all(answer.well for answer in (await answers(running.checks)).values())
        database = running.settings.database_url.hosts()[0]["port"]
        broker = int(running.settings.kafka_bootstrap_servers.rsplit(":", 1)[1])
        assert database is not None
        for port, name in ((database, "database"), (broker, "broker")):
            cable.cut(port)
            assert not (await answers(running.checks))[name].well
            cable.mend()

            async def well() -> bool:
                return all(answer.well for answer in (await answers(running.checks)).values())

            await until(well, seconds=40)
        running.consumers[0].ill = "a reason"
        assert (await answers(running.checks))["progress"] == not_well("jobs: a reason")
        running.consumers[0].ill = None


class _Part:
    def __init__(self) -> None:
        self.touched = 0.0


async def test_the_watchdog_names_what_has_stood_still_for_too_long() -> None:
    dog, lively, still = Watchdog(30), _Part(), _Part()
    dog.watch({"lively": lively, "still": still})
    assert dog.still() == []
    still.touched = time.monotonic() - 31
    assert dog.still() == ["still"]
    dog._loop_touched = time.monotonic() - 31
    assert sorted(dog.still()) == ["event loop", "still"]
    assert health.EXIT_STUCK != 0


async def test_the_outbox_always_tells_the_age_of_its_oldest_message_and_an_old_one_is_not_well(
    world: World,
) -> None:
    await world.start(outbox_age_limit_seconds=90, timer_poll_seconds=60)
    assert await world.toy.checks["outbox"]() == Answer(well=True, said="ok, nothing is unsent (0 s)")
    async with world.toy.engine.begin() as db:
        await db.exec_driver_sql(
            "INSERT INTO outbox (aggregate, cause_topic, cause_partition, cause_offset, topic, headers, created_at) "
            "SELECT 'a/b', 'timer', 0, 0, 'job-exchange.jobs.v1', '[]', now() - interval '1 min'"
        )
    well, said = await world.toy.checks["outbox"]()
    assert well
    assert said.startswith("ok, the oldest unsent message is 6")
    async with world.toy.engine.begin() as db:
        await db.exec_driver_sql("UPDATE outbox SET created_at = created_at - interval '1 min'")
    found = await answers(world.toy.checks)
    assert not found["outbox"].well
    assert found["outbox"].said.startswith("the oldest unsent message is 12")
    assert found["database"].well
    async with world.toy.engine.begin() as db:
        await db.exec_driver_sql("DELETE FROM outbox")
    assert (await world.toy.checks["outbox"]()).well


async def test_progress_tells_of_a_reader_that_is_behind_and_does_not_move(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LAG_SECONDS", 0.05)
    monkeypatch.setattr(consume, "TOLD_AFTER_SECONDS", 1.5)
    await world.start()
    await world.until_seen(await world.send_cancel(), *CANCELLED)
    kafka = world.toy.consumers[0]._kafka
    assert kafka is not None
    stalled = asyncio.Event()

    async def nothing(*_: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[object]]:
        stalled.set()
        await asyncio.sleep(timeout_ms / 1000)
        return {}

    with monkeypatch.context() as changed:
        changed.setattr(kafka, "getmany", nothing)
        await stalled.wait()
        job = await world.send_cancel()

        async def told() -> bool:
            return (await world.toy.checks["progress"]()).said.startswith("jobs: has not moved for")

        await until(told)
    await world.until_seen(job, *CANCELLED)

    async def well() -> bool:
        return (await world.toy.checks["progress"]()).well

    await until(well)


async def test_progress_tells_when_timers_cannot_be_looked_at(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "TOLD_AFTER_SECONDS", 0.2)
    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql("ALTER TABLE timers RENAME TO elsewhere")

    async def told() -> bool:
        return "timers and parked records: failing" in (await toy.toy.checks["progress"]()).said

    await until(told)
    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql("ALTER TABLE elsewhere RENAME TO timers")

    async def well() -> bool:
        return (await toy.toy.checks["progress"]()).well

    await until(well)
