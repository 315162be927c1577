"""Two replicas of each service against one, on the same machine: what sharing the partitions costs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.fleet import Fleet
from benchmarks.network import Network


@dataclass(frozen=True)
class Replicas:
    """Lifecycles per second, in turn."""

    one_per_s: Sequence[float]
    two_per_s: Sequence[float]

    @property
    def loss_percent(self) -> float:
        """Of the rate with one; below zero: two are faster. Median of the rounds' own."""
        return statistics.median(
            100 * (1 - two / one) for one, two in zip(self.one_per_s, self.two_per_s, strict=True)
        )


async def replicas(fleet: Fleet, network: Network, rounds: int, lifecycles: int) -> Replicas:
    """Needs a network that is set up; leaves one replica of each service running."""
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for number, per_s in found.items():
            await fleet.use(number)
            await network.run(max(20, lifecycles // 5))
            await fleet.rest()
            per_s.append(await network.run(lifecycles))
            await fleet.rest()
    await fleet.use(1)
    return Replicas(found[1], found[2])
