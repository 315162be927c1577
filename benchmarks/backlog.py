"""A backlog: work that came while no service ran. It has to drain at the full rate, and memory may not grow with it."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.fleet import Fleet
from benchmarks.network import PATIENCE_S, Job, Network
from benchmarks.usage import memory
from contracts import job_exchange_commands_v1
from contracts.ids import uuid7

SAMPLE_S = 0.5
PATIENCE_PER_JOB_S = 0.1
SEALED = 1_000
"""So many different end customers are sealed for the messages of `flood_memory`."""
AT_ONCE = 20_000
SERVICE = "job-exchange"


@dataclass(frozen=True)
class Growth:
    """RSS of one service in MiB: highest in the first and in the second half of the time."""

    first_half_mb: float
    second_half_mb: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Growth":
        """From samples at equal distances."""
        half = len(samples) // 2
        return cls(max(samples[: half or 1]), max(samples[half:]))

    @property
    def percent(self) -> float:
        """From the first half to the second."""
        return 100 * (self.second_half_mb / self.first_half_mb - 1)


@dataclass(frozen=True)
class Drain:
    """Whole lifecycles that were posted before the services were started."""

    jobs: int
    per_s: float
    memory: Mapping[str, Growth]

    @property
    def growth_percent(self) -> float:
        """Of the service that grew most."""
        return max(each.percent for each in self.memory.values())


@dataclass(frozen=True)
class FloodMemory:
    """Messages that lay before job-exchange when it started; `taken` of them were worked off while we looked on."""

    messages: int
    taken: int
    seconds: float
    growth: Growth

    @property
    def highest_mb(self) -> float:
        """RSS at any time."""
        return max(self.growth.first_half_mb, self.growth.second_half_mb)


async def drain(fleet: Fleet, network: Network, jobs: int) -> Drain:
    """Counts from when all services are ready; leaves one replica of each running."""
    await fleet.stop()
    posted = network.jobs(jobs)
    await network.post(posted)
    await fleet.use(1)
    began = time.perf_counter()
    samples, watching = _watch(fleet)
    try:
        await network.until_settled(posted, PATIENCE_S + PATIENCE_PER_JOB_S * jobs)
        seconds = time.perf_counter() - began
    finally:
        watching.cancel()
    await fleet.rest()
    return Drain(jobs, jobs / seconds, {name: Growth.of(each) for name, each in samples.items()})


async def flood_memory(fleet: Fleet, network: Network, messages: int, seconds: float) -> FloodMemory:
    """Posted jobs that job-exchange refuses, since their end customers are sealed for other jobs.

    Each is read, looked up, opened in vain, refused and answered. It is watched for so long at most and then stopped;
    what is left is dropped with the topic's data. Must be the last measurement of a stack.
    """
    await fleet.stop()
    sealed = network.jobs(min(SEALED, messages))
    for start in range(0, messages, AT_ONCE):
        number = min(AT_ONCE, messages - start)
        await network.post(_renamed(job) for job in itertools.islice(itertools.cycle(sealed), number))
    instance = fleet.stack.services[SERVICE].instances[0]
    await asyncio.to_thread(instance.start)
    await asyncio.to_thread(instance.wait_until_ready)
    samples, watching = _watch(fleet)
    taken, began = _taken(fleet), time.perf_counter()
    try:
        gone = 0
        for _ in range(int(seconds / SAMPLE_S)):
            await asyncio.sleep(SAMPLE_S)
            gone = await asyncio.to_thread(_taken, fleet) - taken
            if gone >= messages:
                break
    finally:
        watching.cancel()
    took = time.perf_counter() - began
    await fleet.stop()
    return FloodMemory(messages, gone, took, Growth.of(samples[instance.name]))


def _renamed(job: Job) -> Job:
    return Job(job.command.model_copy(update={"job_id": uuid7()}), job.actor)


def _taken(fleet: Fleet) -> int:
    """Records of the commands topic that job-exchange has behind it."""
    with psycopg.connect(fleet.stack.database_url(SERVICE, "postgresql"), autocommit=True) as db:
        row = db.execute(
            "SELECT sum(next_offset)::bigint FROM progress WHERE topic = %s",
            [job_exchange_commands_v1.TOPIC.name],
        ).fetchone()
    return int(row[0] or 0) if row else 0


def _watch(fleet: Fleet) -> tuple[Mapping[str, list[float]], asyncio.Task[None]]:
    """RSS of each service, every SAMPLE_S, until the task is cancelled."""
    samples: dict[str, list[float]] = defaultdict(list)

    async def look() -> None:
        while True:
            for name, each in (await asyncio.to_thread(memory, fleet.stack)).items():
                samples[name].append(each.rss_mb)
            await asyncio.sleep(SAMPLE_S)

    return samples, asyncio.create_task(look())
