"""The network between services and servers: cut, slow, deaf on one side, gone at the worst moment."""

from __future__ import annotations

from laboratory.laboratory import Laboratory

COMMITS_BROKEN = 3
DEAF_S = 12.0
"""Longer than acks are waited for (10 s)."""


async def broker_cut(lab: Laboratory) -> None:
    """One replica of each service loses the broker for some seconds; the others have it."""
    await lab.load.under_way(0.2)
    cables = [lab.to_broker(instance) for instance in lab.one_of_each()]
    for cable in cables:
        cable.cut()
        lab.hits += 1
    await lab.lasting(lab.lots.uniform(3, 9))
    for cable in cables:
        cable.mend()


async def database_cut(lab: Laboratory) -> None:
    """One replica of each service loses the database, for an instant and for some seconds."""
    await lab.load.under_way(0.2)
    for seconds in (0.0, lab.lots.uniform(2, 6)):
        cables = [lab.to_database(instance) for instance in lab.one_of_each()]
        for cable in cables:
            cable.cut()
            lab.hits += 1
        await lab.lasting(seconds)
        for cable in cables:
            cable.mend()


async def slow(lab: Laboratory) -> None:
    """Everything between one replica of each service and the servers takes its time."""
    instances = lab.one_of_each()
    cables = [cable for each in instances for cable in (lab.to_broker(each), lab.to_database(each))]
    for cable in cables:
        cable.delay_s = lab.lots.uniform(0.02, 0.1)
        lab.hits += 1
    await lab.load.ended(0.6)
    for cable in cables:
        cable.mend()


async def acks_lost(lab: Laboratory) -> None:
    """What one replica of each service sends arrives at the broker; what the broker answers does not."""
    await lab.load.under_way(0.2)
    cables = [lab.to_broker(instance) for instance in lab.one_of_each()]
    for cable in cables:
        cable.lost = "from server"
        lab.hits += 1
    await lab.lasting(DEAF_S)
    for cable in cables:
        cable.mend()


async def cut_at_commit(lab: Laboratory) -> None:
    """The connection breaks at COMMIT: whether the database has done it, nobody can say."""
    await lab.load.under_way(0.1)
    cables = [lab.to_database(instance) for instance in lab.stack.instances]
    for cable in cables:
        cable.commits_broken = 0
        cable.break_at_commit(COMMITS_BROKEN, lab.lots)
    await lab.until(
        lambda: sum(cable.commits_broken for cable in cables) >= len(cables), "commits did not come"
    )
    for cable in cables:
        cable.mend()
        lab.hits += cable.commits_broken
