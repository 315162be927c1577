"""From a posted job to its assignment, at a steady rate that leaves the services idle in between."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer

from benchmarks.network import PATIENCE_S, Job, Network
from contracts import matching_assignments_v1

ASSIGNED = matching_assignments_v1.JobAssigned.TYPE.encode()


@dataclass(frozen=True)
class Delays:
    """Milliseconds from just before the command is handed to the producer until a client has read the assignment.

    late_ms: the most that the driver was behind its own timetable; large means the driver, not the services.
    """

    posted: int
    per_s: float
    p50_ms: float
    p99_ms: float
    highest_ms: float
    late_ms: float

    @classmethod
    def of(cls, milliseconds: Sequence[float], per_s: float, late_ms: float) -> Self:
        """From each job's own."""
        cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
        return cls(len(milliseconds), per_s, cuts[49], cuts[98], max(milliseconds), late_ms)


class Ear:
    """A client that reads assignments only, from now on; `heard` says when (perf_counter) for each job's key."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = AIOKafkaConsumer(
            matching_assignments_v1.TOPIC.name,
            bootstrap_servers=bootstrap,
            auto_offset_reset="latest",
        )  # fmt: skip
        self.heard: dict[bytes, float] = {}
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        while not self._consumer.assignment():
            await self._consumer.getmany(timeout_ms=50)
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._consumer.stop()

    async def until_heard(self, jobs: Sequence[Job], patience_s: float = PATIENCE_S) -> None:
        """Return when each of these is assigned. Raises TimeoutError."""
        async with asyncio.timeout(patience_s), self._news:
            await self._news.wait_for(lambda: all(job.key in self.heard for job in jobs))

    async def _listen(self) -> None:
        while True:
            found = await self._consumer.getmany(timeout_ms=500)
            now = time.perf_counter()
            async with self._news:
                for records in found.values():
                    for record in records:
                        if dict(record.headers).get("ce_type") == ASSIGNED:
                            self.heard.setdefault(record.key, now)
                self._news.notify_all()


async def post_steadily(
    network: Network, jobs: Sequence[Job], per_s: float
) -> tuple[dict[bytes, float], float]:
    """Post one job after the other, each at its time, whatever becomes of the others.

    Returns when (perf_counter) each was sent, and the driver's greatest lateness in milliseconds.
    """
    sent: dict[bytes, float] = {}
    late = 0.0
    began = time.perf_counter()
    sending = []
    for number, job in enumerate(jobs):
        due = began + number / per_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent[job.key] = time.perf_counter()
        late = max(late, sent[job.key] - due)
        sending.append(asyncio.create_task(network.post([job])))
    await asyncio.gather(*sending)
    return sent, late * 1000


async def delays(network: Network, ear: Ear, per_s: float, seconds: float) -> Delays:
    """Direct offers to contractors with a standing offer; needs services that are at rest."""
    warm_up, jobs = network.jobs(int(per_s)), network.jobs(int(per_s * seconds))
    await post_steadily(network, warm_up, per_s)
    sent, late_ms = await post_steadily(network, jobs, per_s)
    await ear.until_heard([*warm_up, *jobs])
    return Delays.of([(ear.heard[job.key] - sent[job.key]) * 1000 for job in jobs], per_s, late_ms)
