"""A running system, exposed to one fault after another under load, and looked at from outside after each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Self

import psycopg

from dealers.habits import Pace
from dealers.members import members
from dealers.simulation import Dealers
from laboratory import conduct, planted
from laboratory.cable import Cable
from laboratory.load import PATIENCE_S, Load
from laboratory.orders import Orders
from laboratory.stack import LaboratoryStack
from servicenetz.invariants.check import check, where
from servicenetz.kafka import Kafka
from servicenetz.postgres import Postgres
from servicenetz.processes import ProcessError
from servicenetz.service import Instance

REPLICAS = 2
MEMBERS = 300
HEALS_WITHIN_S = 60.0
"""Rule 9: so long after healing, without new load, nothing is left to do."""
LOOK_EVERY_S = 0.1
STRUCK_WITHIN_S = 60.0
READY_WITHIN_S = 240.0
"""Starting is not what is measured here, and the machine may have other work."""
ENVIRONMENT = {
    "MATCHING_OFFER_EXPIRY_SECONDS": "3",
    # the shortest that the broker allows: a frozen replica loses its partitions soon
    "PARTNER_REGISTRY_SESSION_TIMEOUT_MS": "6000",
    "JOB_EXCHANGE_SESSION_TIMEOUT_MS": "6000",
    "MATCHING_SESSION_TIMEOUT_MS": "6000",
    "BILLING_SESSION_TIMEOUT_MS": "6000",
}
BRISK = Pace((0.1, 0.8), (0.1, 0.8), (0.1, 0.8), (0.1, 0.8))
LEFT_OVER = (
    "SELECT reason, code, count(*) AS number FROM parked "
    "WHERE reason <> 'unreadable' GROUP BY reason, code ORDER BY 1, 2"
)


class FaultMissed(Exception):
    """The fault did not happen: the run proves nothing. The sentence says what was waited for."""


Inject = Callable[["Laboratory"], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `inject` does it under load and returns when the world is whole again.

    does: what a reader of the table should know. jobs, per_second: the load meanwhile.
    all_accept: nobody who is asked stays silent.
    short: in the set that runs within minutes. on_demand: only when it is asked for by name.
    patience_s: how long it may be silent for before jobs are given up.
    """

    name: str
    does: str
    inject: Inject
    jobs: int = 30
    per_second: float = 6.0
    all_accept: bool = False
    short: bool = False
    on_demand: bool = False
    patience_s: float = PATIENCE_S


@dataclass(frozen=True)
class Seen:
    """What came of one fault. `heal_s`: from the end of the fault until all jobs had ended and nothing moved."""

    seed: int
    fault: str
    day: str
    jobs: int
    settled: int
    hits: int
    heal_s: float
    violations: tuple[str, ...]


@dataclass
class Laboratory:
    """`lots` decides for the fault at hand; `hits` counts how often it struck."""

    folder: Path
    seed: int
    size: int = MEMBERS
    lots: Random = field(default_factory=Random)
    hits: int = 0
    spoiled: bool = False
    unordered: set[tuple[str, str]] = field(default_factory=set)
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    stack: LaboratoryStack = field(init=False)
    dealers: Dealers = field(init=False)
    load: Load = field(init=False)

    async def __aenter__(self) -> Self:
        stack = LaboratoryStack(self.folder, replicas=REPLICAS, environment=ENVIRONMENT)
        self.stack = await self._life.enter_async_context(stack)
        key: dict[str, Any] = json.loads(stack.sealing_public_key.read_text(encoding="utf-8"))
        dealers = Dealers(
            stack.kafka_bootstrap, key, members(self.seed, self.size), seed=self.seed, pace=BRISK
        )
        self.dealers = await self._life.enter_async_context(dealers)
        await dealers.settle_in(within_s=240)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.aclose()

    # -- one fault

    async def expose_to(self, fault: Fault) -> Seen:
        """Load, the fault in it, then the truth."""
        self.lots = Random(f"{self.seed} {fault.name}")
        self.hits = 0
        self.spoiled = True  # until it is known to be whole
        self.load = Load(self.dealers, fault.jobs, fault.per_second, self.lots, all_accept=fault.all_accept)
        wrong: list[str] = []
        self.load.start(fault.patience_s)
        healed = time.monotonic()
        try:
            await fault.inject(self)
            healed = time.monotonic()
            await self.off_loop(self.stack.wait_until_ready, READY_WITHIN_S)
        except FaultMissed as missed:
            wrong.append(f"the fault did not happen: {missed}")
        except (ProcessError, TimeoutError) as error:
            wrong.append(f"it did not come back: {error!r}")
        if not self.hits and not wrong:
            wrong.append("the fault did not happen: it struck nobody")
        lost = await self.load.finish()
        if lost:
            for instance in self.stack.instances:
                self.orders(instance).give(conduct.TELL)
        wrong += [f"job {job.job_id} has no end: {job.state}" for job in lost]
        wrong += await self.off_loop(self._look_from_outside)
        heal_s = time.monotonic() - healed
        self.spoiled = bool(wrong)
        settled = sum(job.state == "settled" for job in self.load.jobs)
        today = datetime.now(UTC).date().isoformat()
        return Seen(
            self.seed, fault.name, today, len(self.load.jobs), settled, self.hits, heal_s, tuple(wrong)
        )

    @asynccontextmanager
    async def load_without_fault(self, jobs: int) -> AsyncIterator[None]:
        """Something to look at: inside it the first jobs are under way, and more are to come."""
        self.lots = Random(self.seed)
        self.load = Load(self.dealers, jobs, 6.0, self.lots)
        self.load.start()
        await self.load.under_way(0.2)
        yield
        await self.load.finish()

    def _look_from_outside(self) -> list[str]:
        results = check(
            where(self.stack),
            posted=self.load.posted,
            unordered=self.unordered,
            rest_within_s=HEALS_WITHIN_S,
        )
        wrong = [f"{each.number} {each.name}: {each.detail}" for each in results if not each.holds]
        for service in self.stack.services:
            for reason, code, number in self.sql(service, LEFT_OVER):
                wrong.append(f"{service} left {number} records parked: {reason} ({code})")
        return wrong

    # -- what faults are made of

    async def start(self, *processes: Instance | Kafka | Postgres) -> None:
        """Start them, and return when they are ready."""
        for process in processes:
            await self.off_loop(process.start)
        for process in processes:
            await self.off_loop(process.wait_until_ready, READY_WITHIN_S)

    async def off_loop(self, do: Callable[..., Any], *arguments: Any) -> Any:
        """Something that blocks."""
        return await asyncio.to_thread(do, *arguments)

    async def until(self, reached: Callable[[], bool], what: str, seconds: float = STRUCK_WITHIN_S) -> None:
        """Return once it is so. Raises FaultMissed."""
        ends = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > ends:
                raise FaultMissed(what)
            await asyncio.sleep(LOOK_EVERY_S)

    async def lasting(self, seconds: float) -> None:
        """Let the fault be for so long."""
        await asyncio.sleep(seconds)

    def one_of_each(self) -> list[Instance]:
        """A replica of each service, by lot."""
        return [self.lots.choice(service.instances) for service in self.stack.services.values()]

    def any_instance(self) -> Instance:
        """A replica of any service, by lot."""
        return self.lots.choice(self.stack.instances)

    def plant(self, bug: str) -> None:
        """From now on all services have this bug of `planted.py`. Raises ValueError when there is none of this name."""
        if bug not in planted.BUGS:
            raise ValueError(bug)
        for instance in self.stack.instances:
            self.orders(instance).give(planted.BUG, bug)

    def orders(self, instance: Instance) -> Orders:
        """Where this replica looks for orders."""
        return self.stack.orders(instance)

    def to_broker(self, instance: Instance) -> Cable:
        """Its cable to the broker."""
        return self.stack.to_broker[instance.name]

    def to_database(self, instance: Instance) -> Cable:
        """Its cable to the database."""
        return self.stack.to_database[instance.name]

    async def kill(self, instance: Instance) -> None:
        """kill -9, and start it again."""
        await self.off_loop(instance.kill)
        await self.off_loop(instance.start)
        self.hits += 1

    def sql(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        """Rows from a service's database, asked as that service."""
        with psycopg.connect(self.stack.database_url(service, "postgresql"), autocommit=True) as db:
            cursor = db.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def administer(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the one who may do everything."""
        with psycopg.connect(self.stack.postgres.superuser_url(database), autocommit=True) as db:
            cursor = db.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def database_of(self, service: str) -> str:
        """The database's name, which is its role's too."""
        return service.replace("-", "_")
