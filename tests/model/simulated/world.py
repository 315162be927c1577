"""A whole run: replicas of one service, clients who write, weather, then quiet until everything is at rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulated.broker import Broker, Partition
from simulated.consume import Consumer
from simulated.database import Database
from simulated.keeper import Keeper, due_parked
from simulated.messages import Kind, Message
from simulated.path import Path
from simulated.publish import Publisher
from simulated.scheduler import Process, Scheduler, sleep

COMMANDS = "commands"
PARTITIONS: tuple[Partition, ...] = ((COMMANDS, 0), (COMMANDS, 1))
SUBJECTS = ("a", "b", "c")
REPLICAS = 2
STORM_TICKS = 1200
REST_TICKS = 12_000
"""By then all is at rest, or something is stuck."""


@dataclass(frozen=True)
class Parts:
    """What a replica is made of. A mutant replaces one of them."""

    path: type[Path] = Path
    publisher: type[Publisher] = Publisher
    consumer: type[Consumer] = Consumer
    keeper: type[Keeper] = Keeper


@dataclass(frozen=True)
class Climate:
    """What can happen in a world beyond the ordinary weather.

    closed_connections_deliver: what a closed connection still had under way may arrive at any time later.
    republish: what design point 7 calls a slow full republish runs, here once, when the weather is over.
    only: these kinds of fault and no other, each in every seed.
    """

    closed_connections_deliver: bool = False
    republish: bool = False
    only: tuple[str, ...] = ()


@dataclass
class Replica:
    """One process of the service."""

    process: Process
    publisher: Publisher
    path: Path
    consumer: Consumer


@dataclass
class Sent:
    """What the clients sent: each message once, however often it was repeated."""

    messages: dict[str, Message] = field(default_factory=dict)
    copies: int = 0


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, parts: Parts, climate: Climate) -> None:
        self.scheduler = Scheduler(seed)
        self.random = self.scheduler.random
        self.database = Database(self.scheduler)
        self.broker = Broker(self.scheduler, PARTITIONS)
        self.broker.closed_connections_deliver = climate.closed_connections_deliver
        self.climate = climate
        self.sent = Sent()
        self.mended: set[str] = set()
        self.replicas: list[Replica] = []
        self.outside = Process("outside")
        self.subjects = SUBJECTS[: self.random.randint(1, len(SUBJECTS))]
        self._parts = parts
        self._named = 0

    # -- replicas -----------------------------------------------------------------------------------------------------

    def start_replica(self) -> Replica:
        """Start one more."""
        self._named += 1
        process = Process(f"replica-{self._named}")
        publisher = self._parts.publisher(self.database, self.broker, process)
        path = self._parts.path(self.database, publisher, process, self.mended)
        consumer = self._parts.consumer(path, self.broker, self.scheduler, process)
        for work in (consumer.rejoin(), consumer.run(), self._parts.keeper(path).run()):
            self.scheduler.spawn(work, process)
        replica = Replica(process, publisher, path, consumer)
        self.replicas.append(replica)
        return replica

    def kill(self, replica: Replica) -> None:
        """kill -9: connections to database and broker close by themselves."""
        self.replicas.remove(replica)
        replica.process.silent_since = self.scheduler.now
        self.scheduler.kill(replica.process)
        self.database.cut_off(replica.process)
        replica.publisher.close()

    async def stop(self, replica: Replica) -> None:
        """SIGTERM: Running.stop."""
        self.replicas.remove(replica)
        await replica.consumer.stop()
        self.scheduler.kill(replica.process)
        self.database.cut_off(replica.process)
        replica.publisher.close()

    # -- clients ------------------------------------------------------------------------------------------------------

    async def write(self, number: int) -> None:
        """Clients: so many messages, some repeated, on any partition."""
        weights = {
            Kind.ADD: 9,
            Kind.REMIND: 3,
            Kind.WAIT: 2,
            Kind.REFUSED: 1,
            Kind.UNREADABLE: 1,
            Kind.POISON: 1,
        }
        kinds = self.random.choices(list(weights), list(weights.values()), k=number)
        learnt = [Message(f"learn-{subject}", Kind.LEARN, subject) for subject in self.subjects]
        messages = [Message(f"m{n}", kind, self.random.choice(self.subjects)) for n, kind in enumerate(kinds)]
        for message in learnt:
            messages.insert(self.random.randint(number // 2, len(messages)), message)
        for message in messages:
            self.sent.messages[message.id] = message
            for _ in range(self.random.choice((1, 1, 1, 2))):
                self.sent.copies += 1
                self.broker.append(COMMANDS, self.random.randrange(2), message)
            if self.random.random() < 0.5:
                await sleep(self.random.randint(1, 2 * STORM_TICKS // number))

    # -- rest ---------------------------------------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Nothing to do for anybody, nothing under way."""
        return not any(held for _, held in self._unrest())

    def unrest(self) -> list[str]:
        """What still moves, or should."""
        return [what for what, held in self._unrest() if held]

    def _unrest(self) -> Iterator[tuple[str, bool]]:
        tables = self.database.tables
        yield "unsent messages", bool(tables["outbox"])
        yield "timers", bool(tables["timers"])
        yield "open transactions", bool(self.database.open)
        yield "requests under way", not self.broker.quiet
        for partition in PARTITIONS:
            row = tables["progress"].get(partition)
            yield f"{partition} is behind", row is None or row.next < len(self.broker.logs[partition])
        yield "parked records that are due", bool(due_parked(tables["parked"], 10**9))
        for replica in self.replicas:
            yield f"{replica.process.name} owes a rewrite", replica.publisher.owes_a_rewrite

    async def mend(self) -> None:
        """The operator: our code is mended, dead letters are taken again."""
        self.mended |= {m.id for m in self.sent.messages.values() if m.kind is Kind.POISON}
        path = self.replicas[0].path
        failed = {row.aggregate for row in self.database.tables["parked"].values() if row.reason == "failed"}
        await path.look_again({aggregate for aggregate in failed if aggregate}, redrive=True)

    async def republish(self) -> None:
        """Design, How a service works, 7: each compacted message once more, slowly."""
        await self.replicas[0].publisher.rewrite_compacted(self.subjects)
