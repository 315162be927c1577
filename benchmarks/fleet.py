"""The stack as measurements use it: so many replicas of each service, at rest or not at all."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence

import psycopg

from servicenetz.processes import Process
from servicenetz.service import SERVICES
from servicenetz.stack import Stack

GETS_ON_WITHIN_S = 120.0
"""So long at most what is left may stay as much as it was; a hundred thousand jobs leave as many mails."""
LOOK_EVERY_S = 0.25
ZEROS = 5
"""So often in a row nothing must be left: a message between two services is in no table."""
UNSENT = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM errands)"
UNRENDERED = "DELETE FROM errands WHERE kind = 'render' AND attempts = 0"
RENDERS = "billing"
MAKES_FILES = "BILLING_MAKES_FILES"


class Fleet:
    """All service processes of a stack that was made with as many replicas as are ever asked for.

    What they start with makes no e-invoices, as if that were another replica's: neither of the other programs does.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.at_rest_since = 0.0
        self.make_files(make=False)

    def make_files(self, *, make: bool) -> None:
        """Whether billing's processes that start from now on make e-invoices."""
        os.environ[MAKES_FILES] = str(make).lower()

    async def use(self, replicas: int) -> None:
        """Exactly so many of each service, all ready; others are stopped in good order."""
        rows = [service.instances for service in self.stack.services.values()]
        wanted = [instance for instances in rows for instance in instances[:replicas]]
        await _stop([instance for instances in rows for instance in instances[replicas:]])
        for instance in wanted:
            await asyncio.to_thread(instance.start)
        for instance in wanted:
            await asyncio.to_thread(instance.wait_until_ready)

    async def stop(self) -> None:
        """No service runs; broker, database and mail go on."""
        await _stop(self.stack.instances)

    async def rest(self) -> int:
        """Return when no message is unsent and no errand left, in any service. Raises TimeoutError.

        `at_rest_since` (perf_counter) says from when on.
        Papers that nobody has begun to render are given up, since they would take minutes of the next measurement;
        returns of how many jobs.
        """
        given_up, zeros = await asyncio.to_thread(self._give_up_papers), 0
        end, least = time.monotonic() + GETS_ON_WITHIN_S, sys.maxsize
        while zeros < ZEROS:
            left = await asyncio.to_thread(self._unsent)
            if left < least:
                end, least = time.monotonic() + GETS_ON_WITHIN_S, left
            if left:
                zeros = 0
            elif (zeros := zeros + 1) == 1:
                self.at_rest_since = time.perf_counter()
            if time.monotonic() > end:
                raise TimeoutError(
                    f"of messages and errands {left} are left, and for {GETS_ON_WITHIN_S:.0f} s no less"
                )
            await asyncio.sleep(LOOK_EVERY_S)
            given_up += await asyncio.to_thread(self._give_up_papers)
        return given_up

    def rows_written(self) -> int:
        """Rows inserted, updated and deleted so far, in all four databases.

        What idle sessions did counts about a second later.
        """
        total = 0
        for name in SERVICES:
            with psycopg.connect(self.stack.database_url(name, "postgresql"), autocommit=True) as db:
                db.execute("SELECT pg_stat_force_next_flush()")
                total += _number(
                    db, "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
                )
        return total

    def _give_up_papers(self) -> int:
        with psycopg.connect(self.stack.database_url(RENDERS, "postgresql"), autocommit=True) as db:
            return db.execute(UNRENDERED).rowcount

    def _unsent(self) -> int:
        total = 0
        for name in SERVICES:
            with psycopg.connect(self.stack.database_url(name, "postgresql"), autocommit=True) as db:
                total += _number(db, UNSENT)
        return total


async def _stop(processes: Sequence[Process]) -> None:
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        await asyncio.to_thread(process.wait_until_stopped)


def _number(db: psycopg.Connection, query: str) -> int:
    row = db.execute(query.encode()).fetchone()
    return int(row[0] or 0) if row else 0
