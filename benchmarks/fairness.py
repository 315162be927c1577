"""A flood in one partition: what it costs the jobs in the others.

All jobs of the flood have ids that Kafka's partitioner puts into partition 0, of every topic they come to. While they
are worked off, single jobs of the other partitions are posted, and timed until they are assigned.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner

from benchmarks.flow import PARTITIONS
from benchmarks.latency import Delays, Ear, post_steadily
from benchmarks.network import Network

FLOODED = 0
PROBES_PER_S = 10.0
BOUND_MS = 2_000.0
"""What a flood may cost a job of another partition, at p99. Two hops lie between post and assigned; in each, a job
waits for at most one batch of the flood that is under way and goes into the next one. Of one partition a batch has a
share, 32 records in each of two looks (docs/decisions/0021)."""


@dataclass(frozen=True)
class Fairness:
    """Delays of the others, without and with the flood, and how long that lasted."""

    flood: int
    alone: Delays
    beside: Delays
    drained_s: float

    @property
    def within_bound(self) -> bool:
        """Whether the stated bound holds."""
        return self.beside.p99_ms <= BOUND_MS


async def fairness(network: Network, ear: Ear, flood: int, seconds: float) -> Fairness:
    """Needs services at rest. The probes last `seconds`, first alone, then from when the flood is on the topic."""
    wave = network.jobs(flood, in_partitions(lambda partition: partition == FLOODED))
    others = in_partitions(lambda partition: partition != FLOODED)
    alone, beside = (network.jobs(int(PROBES_PER_S * seconds), others) for _ in range(2))

    sent, late_ms = await post_steadily(network, alone, PROBES_PER_S)
    await ear.until_heard(alone)
    undisturbed = Delays.of(
        [(ear.heard[job.key] - sent[job.key]) * 1000 for job in alone], PROBES_PER_S, late_ms
    )

    began = time.perf_counter()
    await network.post(wave)
    sent, late_ms = await post_steadily(network, beside, PROBES_PER_S)
    await ear.until_heard([*beside, *wave])
    drained_s = max(ear.heard[job.key] for job in wave) - began
    meanwhile = [job for job in beside if sent[job.key] < began + drained_s]
    disturbed = Delays.of(
        [(ear.heard[job.key] - sent[job.key]) * 1000 for job in meanwhile], PROBES_PER_S, late_ms
    )
    return Fairness(flood, undisturbed, disturbed, drained_s)


def in_partitions(partitions: Callable[[int], bool]) -> Callable[[UUID], bool]:
    """Whether a job's key comes to one of these partitions."""
    partition_of, known = DefaultPartitioner(), list(range(PARTITIONS))
    return lambda job_id: partitions(partition_of(str(job_id).encode(), known, known))
