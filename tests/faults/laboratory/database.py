"""The database is there and will not: deadlocks, serialization failures, no connection free, credentials revoked."""

from __future__ import annotations

import psycopg
from psycopg import errors

from laboratory import conduct
from laboratory.laboratory import Laboratory

STORM_PERCENT = 30
STORM_ROUNDS = 3
POOL_HELD_S = 12.0
"""Longer than a connection is waited for (10 s)."""
REVOKED_S = 6.0
DEADLOCKS = 6
"""So often it is tried, and then until there was one."""
DEADLOCK_TRIES = 60
"""After so many without one it is given up."""

PLANT_STORM = """
CREATE FUNCTION laboratory_storm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() * 100 < {percent} THEN
        RAISE EXCEPTION 'planted by the laboratory' USING ERRCODE = '{state}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER laboratory_storm AFTER UPDATE ON progress FOR EACH STATEMENT EXECUTE FUNCTION laboratory_storm()
"""
THROW_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'"
END_STORM = "DROP TRIGGER laboratory_storm ON progress; DROP FUNCTION laboratory_storm()"


async def storms(lab: Laboratory) -> None:
    """Every third transaction ends in a serialization failure, then in a deadlock, in all services at once."""
    await lab.load.under_way(0.1)
    for number in range(STORM_ROUNDS):
        state = ("40001", "40P01", "55P03")[number % 3]
        for service in lab.stack.services:
            await lab.off_loop(
                lab.administer,
                PLANT_STORM.format(percent=STORM_PERCENT, state=state),
                lab.database_of(service),
            )
            lab.hits += 1
        await lab.lasting(lab.lots.uniform(1.5, 3))
        for service in lab.stack.services:
            await lab.off_loop(lab.administer, END_STORM, lab.database_of(service))


async def deadlocks(lab: Laboratory) -> None:
    """Somebody takes the progress rows in the other direction: real deadlocks, and the database picks who goes."""
    await lab.load.under_way(0.1)
    for number in range(DEADLOCK_TRIES):
        if number >= DEADLOCKS and lab.hits:
            break
        service = lab.lots.choice(list(lab.stack.services))
        await lab.off_loop(_lock_backwards, lab, service)
    await lab.load.under_way(0.3)


def _lock_backwards(lab: Laboratory, service: str) -> None:
    url = lab.stack.postgres.superuser_url(lab.database_of(service))  # who may set deadlock_timeout
    with psycopg.connect(url, options="-c deadlock_timeout=100ms -c lock_timeout=3s") as db:
        rows = db.execute(
            "SELECT reader, topic, partition FROM progress ORDER BY reader, topic DESC, partition DESC"
        ).fetchall()
        try:
            for row in rows:
                db.execute(
                    "SELECT 1, pg_sleep(0.01) FROM progress WHERE (reader, topic, partition) = (%s, %s, %s) FOR UPDATE",
                    row,
                )
        except (errors.DeadlockDetected, errors.LockNotAvailable):
            lab.hits += 1
        db.rollback()


async def pool_exhausted(lab: Laboratory) -> None:
    """In one replica of each service all connections are taken, for longer than one is waited for."""
    await lab.load.under_way(0.1)
    instances = lab.one_of_each()
    for instance in instances:
        lab.orders(instance).give(conduct.POOL, str(POOL_HELD_S))
        lab.hits += 1
    for instance in instances:
        await lab.until(lambda i=instance: lab.orders(i).was_struck(conduct.POOL), "the pool stayed free")  # type: ignore[misc]
    await lab.lasting(POOL_HELD_S + 1)


async def password_changed(lab: Laboratory) -> None:
    """The services' passwords are changed and all their connections ended; after a while they are right again."""
    await lab.load.under_way(0.2)
    for service in lab.stack.services:
        role = lab.database_of(service)
        await lab.off_loop(lab.administer, f"ALTER ROLE {role} PASSWORD 'revoked'")
        await lab.off_loop(lab.administer, THROW_OUT.format(role))
        lab.hits += 1
    await lab.lasting(REVOKED_S)
    for service in lab.stack.services:
        role = lab.database_of(service)
        await lab.off_loop(
            lab.administer, f"ALTER ROLE {role} PASSWORD '{lab.stack.postgres._password(role)}'"
        )


async def rights_revoked(lab: Laboratory) -> None:
    """The services may no longer write their inboxes, for a while."""
    await lab.load.under_way(0.2)
    for service in lab.stack.services:
        role = lab.database_of(service)
        await lab.off_loop(lab.administer, f"REVOKE INSERT ON inbox FROM {role}", role)
        lab.hits += 1
    await lab.lasting(REVOKED_S)
    for service in lab.stack.services:
        role = lab.database_of(service)
        await lab.off_loop(lab.administer, f"GRANT INSERT ON inbox TO {role}", role)
