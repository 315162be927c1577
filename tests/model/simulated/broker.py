"""A broker: logs, producers whose requests are under way for a while, one consumer group with its rebalances.

A producer keeps order, as an idempotent one does: its requests stand in one line and arrive one by one. Another
producer's requests overtake them freely. What is under way when a connection is closed is lost, unless the world is
one in which it may still arrive (`closed_connections_deliver`): the kernel goes on sending for a process that is gone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from simulated.scheduler import Process, Scheduler, step, wait

ACK_TICKS = 200
"""publish.ACK_SECONDS: 10 s."""
SESSION_TICKS = 200
"""session_timeout_ms: 10 s."""
REBALANCE_TICKS = 200
"""rebalance_timeout_ms: 10 s."""
STRAY_TICKS = 300
"""So long what a closed connection had under way may take: the kernel repeats it less and less often."""

Partition = tuple[str, int]


class BrokerAway(Exception):
    """A KafkaError: the request was not answered, or the group has another generation."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record where it stands."""

    topic: str
    partition: int
    offset: int
    message: Any


@dataclass(slots=True)
class Request:
    """A record on its way to the broker."""

    topic: str
    message: Any
    acked: bool = False


class Producer:
    """One connection. What was sent through it arrives in the order it was sent, or not at all."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self._broker = broker
        self.process = process
        self.line: deque[Request] = deque()
        self.closed = False
        self.held_until = 0
        broker.producers.append(self)

    async def send(self, topic: str, message: Any) -> Request:
        """Hand it on; `acked` will say when the broker has it."""
        await step()
        if self.closed:
            raise BrokerAway("this producer was closed")
        request = Request(topic, message)
        self.line.append(request)
        return request

    async def acks(self, requests: Sequence[Request]) -> None:
        """Wait for all of them. Raises BrokerAway."""
        if not await wait(lambda: self.closed or all(request.acked for request in requests), ACK_TICKS):
            raise BrokerAway("no ack in time")
        if not all(request.acked for request in requests):
            raise BrokerAway("this producer was closed")

    def close(self) -> None:
        """Close the connection, or be closed by the process' death."""
        self.closed = True
        self._broker.closed(self)


class Member(Protocol):
    """Who takes part in the group."""

    process: Process


class Broker:
    """Logs by topic and partition, and who reads which."""

    def __init__(self, scheduler: Scheduler, partitions: Collection[Partition]) -> None:
        self._scheduler = scheduler
        self.logs: dict[Partition, list[Record]] = defaultdict(list)
        self.producers: list[Producer] = []
        self.deaf = False
        """Requests arrive and are written; their acks do not come back."""
        self.away = False
        self.closed_connections_deliver = False
        self.group = Group(scheduler, partitions)
        self._process = Process("broker")
        scheduler.spawn(self._serve(), self._process)
        scheduler.spawn(self.group.coordinate(), self._process)

    def append(self, topic: str, partition: int, message: Any) -> Record:
        """Write at the end of the log."""
        log = self.logs[(topic, partition)]
        record = Record(topic, partition, len(log), message)
        log.append(record)
        return record

    @property
    def quiet(self) -> bool:
        return not self.producers or not any(producer.line for producer in self.producers)

    def group_commit(self, member: Member, generation: int, positions: dict[Partition, int]) -> None:
        """Raises BrokerAway."""
        if self.away:
            raise BrokerAway("nobody there")
        self.group.commit(member, generation, positions)

    def closed(self, producer: Producer) -> None:
        """What of its line still arrives: nothing, or any number of those in front."""
        arrive = (
            self._scheduler.random.randint(0, len(producer.line)) if self.closed_connections_deliver else 0
        )
        while len(producer.line) > arrive:
            producer.line.pop()
        producer.held_until = self._scheduler.now + self._scheduler.random.randint(0, STRAY_TICKS)
        if not producer.line:
            self.producers.remove(producer)

    async def _serve(self) -> None:
        """One request after another, from whichever connection."""
        while True:
            await wait(lambda: not self.away and bool(self._arriving()))
            producer = self._scheduler.random.choice(self._arriving())
            request = producer.line.popleft()
            self.append(request.topic, 0, request.message)
            request.acked = not self.deaf
            if producer.closed and not producer.line:
                self.producers.remove(producer)

    def _arriving(self) -> list[Producer]:
        now = self._scheduler.now
        return [one for one in self.producers if one.line and one.held_until <= now]


class Group:
    """A consumer group of the classic protocol: eager, all members rejoin at each change."""

    def __init__(self, scheduler: Scheduler, partitions: Collection[Partition]) -> None:
        self._scheduler = scheduler
        self._partitions = sorted(partitions)
        self.members: list[Member] = []
        self.joined: list[Member] = []
        self.assignment: dict[Member, frozenset[Partition]] = {}
        self.generation = 0
        self.settled = 0
        self.committed: dict[Partition, int] = {}
        self.set_forward: dict[Partition, int] = {}
        """How far somebody else moved them, which is no promise of ours."""
        self._changed = False
        scheduler.watch(self._expel_the_silent)

    async def join(self, member: Member, before: int) -> int | None:
        """Take part in the generation after `before`; None when it came to nothing and has to be tried again."""
        if member not in self.members:
            self.members.append(member)
            self._changed = True
        await wait(lambda: not self._changed and self.generation != before)
        generation = self.generation
        if member not in self.joined:
            self.joined.append(member)
        await wait(lambda: self.settled == generation or self.generation != generation or self._changed)
        if self.settled != generation or self.generation != generation or member not in self.assignment:
            return None
        return generation

    def leave(self, member: Member) -> None:
        """Go, in good order or because nothing was heard for too long."""
        if member in self.members:
            self.members.remove(member)
            self._changed = True

    def rebalance(self) -> None:
        """Make a new generation, as when the topics' metadata changed."""
        self._changed = True

    def calls(self, member: Member, generation: int) -> bool:
        """Whether this member has to join anew."""
        return member not in self.members or self._changed or generation != self.generation

    def commit(self, member: Member, generation: int, positions: dict[Partition, int]) -> None:
        """Raises BrokerAway for who is not of this generation."""
        if member not in self.members or generation != self.generation:
            raise BrokerAway("illegal generation")
        self.committed.update(positions)

    async def coordinate(self) -> None:
        """One generation after another."""
        while True:
            await wait(lambda: self._changed)
            self._changed = False
            self.generation += 1
            self.joined = []
            await wait(self._complete, REBALANCE_TICKS)
            if self._changed:
                continue
            self.members = [member for member in self.members if member in self.joined]
            self.assignment = {member: frozenset() for member in self.members}
            for number, partition in enumerate(self._partitions if self.members else ()):
                member = self.members[number * len(self.members) // len(self._partitions)]
                self.assignment[member] |= {partition}
            self.settled = self.generation

    def _complete(self) -> bool:
        return self._changed or (bool(self.members) and all(member in self.joined for member in self.members))

    def _expel_the_silent(self, now: int) -> None:
        for member in list(self.members):
            if not member.process.responds and now - member.process.silent_since > SESSION_TICKS:
                self.leave(member)
