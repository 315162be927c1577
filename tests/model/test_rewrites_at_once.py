"""Two parts of one replica write the same compacted message again, while the replica is frozen and another goes on.

A world of its own: in a whole run this takes hundreds of seeds to happen.
"""

from __future__ import annotations

from simulated.broker import Broker, Producer
from simulated.database import Away, Database
from simulated.holes import ForgetsAnotherRewrite
from simulated.messages import STATES, Said
from simulated.publish import Publisher, Unsent
from simulated.scheduler import Process, Scheduler, sleep

OLD, NEW = Said("old", "a", 1, ""), Said("new", "a", 2, "")
MOST_TICKS = 3_000
SEEDS = 300


def _last_word(seed: int, kind: type[Publisher]) -> Said:
    scheduler = Scheduler(seed)
    database, broker = Database(scheduler), Broker(scheduler, ())
    frozen, other = Process("frozen"), Process("other")
    database.tables["compacted"][(STATES, "a")] = OLD
    publisher = kind(database, broker, frozen)
    publisher.suspects = {"a"}

    async def insist() -> None:
        while publisher.suspects:
            try:
                await publisher.rewrite_owed()
            except (Away, Unsent):
                await sleep(3)

    async def freeze() -> None:
        await sleep(scheduler.random.randint(1, 40))
        frozen.frozen = True
        database.cut_off(frozen)
        await decide_anew()
        frozen.frozen = False

    async def decide_anew() -> None:
        with database.transaction(other) as db:
            await db.save("compacted", {(STATES, "a"): NEW})
            await db.commit()
        producer = Producer(broker, other)
        await producer.acks([await producer.send(STATES, NEW)])

    scheduler.spawn(freeze(), other)
    for _ in range(2):
        scheduler.spawn(insist(), frozen)
    done = scheduler.run(
        lambda: broker.quiet and not scheduler.has_tasks_of(frozen) and not scheduler.has_tasks_of(other),
        MOST_TICKS,
    )
    scheduler.end()
    assert done
    last: Said = broker.logs[(STATES, 0)][-1].message
    return last


def test_the_last_word_is_the_newest_whatever_two_rewrites_do() -> None:
    assert {_last_word(seed, Publisher) for seed in range(SEEDS)} == {NEW}


def test_a_publisher_that_forgets_another_rewrite_is_seen_to_lose_it() -> None:
    assert OLD in {_last_word(seed, ForgetsAnotherRewrite) for seed in range(SEEDS)}
