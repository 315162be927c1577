"""Broker and database die, are away, and come back."""

from __future__ import annotations

from laboratory.laboratory import Inject, Laboratory

TERMINATE_BUSY = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE application_name LIKE 'servicenetz %' AND state <> 'idle'"
)


def broker_away(seconds: float, times: int = 1) -> Inject:
    """kill -9 of the broker; it comes back after so long."""

    async def inject(lab: Laboratory) -> None:
        await lab.load.under_way(lab.lots.uniform(0.1, 0.3))
        for _ in range(times):
            await lab.off_loop(lab.stack.kafka.kill)
            lab.hits += 1
            await lab.lasting(seconds)
            await lab.start(lab.stack.kafka)

    return inject


async def postgres_killed(lab: Laboratory) -> None:
    """kill -9 of the database server, twice."""
    for moment in (0.2, 0.6):
        await lab.load.under_way(moment)
        await lab.off_loop(lab.stack.postgres.kill)
        lab.hits += 1
        await lab.lasting(lab.lots.uniform(0, 2))
        await lab.start(lab.stack.postgres)


async def backends_terminated(lab: Laboratory) -> None:
    """Whoever is at work in the database is thrown out, again and again."""
    await lab.load.under_way(0.1)
    for _ in range(40):
        lab.hits += int((await lab.off_loop(lab.administer, TERMINATE_BUSY))[0][0])
        await lab.lasting(lab.lots.uniform(0.02, 0.2))
    if not lab.hits:
        await lab.until(lambda: False, "nobody was at work in the database", 0)
