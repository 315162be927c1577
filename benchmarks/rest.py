"""What the services cost while nothing happens: CPU and memory."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.fleet import Fleet
from benchmarks.usage import Memory, cpu_seconds, memory, used

SETTLE_S = 3.0
"""Between the last mail and the clock: offsets are committed, batches are over."""
LARGEST = "matching"
"""May have more than the others: it keeps all partners in memory."""


@dataclass(frozen=True)
class Rest:
    """core_percent: CPU of all services together, in percent of one core; by_service: of each."""

    seconds: float
    core_percent: float
    by_service: Mapping[str, float]
    memory: Mapping[str, Memory]

    @property
    def rss_mb(self) -> float:
        """The largest but matching."""
        return max(each.rss_mb for name, each in self.memory.items() if not name.startswith(LARGEST))

    @property
    def matching_rss_mb(self) -> float:
        """Matching's own."""
        return max(each.rss_mb for name, each in self.memory.items() if name.startswith(LARGEST))


async def rest(fleet: Fleet, seconds: float) -> Rest:
    """Waits until nothing is to be done, then looks on for so long."""
    await fleet.rest()
    await asyncio.sleep(SETTLE_S)
    names = {instance.name for instance in fleet.stack.instances}
    before, began = cpu_seconds(fleet.stack), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = cpu_seconds(fleet.stack), time.perf_counter() - began
    shares = {name: 100 * spent / took for name, spent in used(before, after).items() if name in names}
    return Rest(took, sum(shares.values()), shares, memory(fleet.stack))
