"""Lifecycles per second of Servicenetz, of the bare program and of the first try, in turn.

In turn, since a machine is not the same from minute to minute: the ratios are taken within a round, and the median
of the rounds counts. Only one of the three runs at a time.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.bare import WARM_UP, Bare
from benchmarks.first_try import FirstTry
from benchmarks.fleet import Fleet
from benchmarks.network import Network
from benchmarks.usage import cpu_seconds, used

SETTLED_ROWS_S = 1.5
"""Statistics of idle sessions are flushed within a second."""


@dataclass(frozen=True)
class Round:
    """Lifecycles per second of each, one after the other; rows and CPU are of one lifecycle of ours.

    mailed_per_s: ours, counted until the last mail is out as well.
    """

    ours_per_s: float
    mailed_per_s: float
    bare_per_s: float
    first_try_per_s: float
    rows: float
    bare_rows: float
    bare_messages: float
    cpu_ms: float


@dataclass(frozen=True)
class Rates:
    """All rounds."""

    rounds: Sequence[Round]

    def median(self, of: Callable[[Round], float]) -> float:
        """Over the rounds."""
        return statistics.median(map(of, self.rounds))

    @property
    def ratio_to_bare(self) -> float:
        """Median of the rounds' own ratios."""
        return self.median(lambda each: each.ours_per_s / each.bare_per_s)

    @property
    def ratio_to_first_try(self) -> float:
        """Median of the rounds' own ratios."""
        return self.median(lambda each: each.ours_per_s / each.first_try_per_s)


@dataclass(frozen=True)
class Rendering:
    """Lifecycles per second while e-invoices are made beside; of how many of these jobs they were done by then."""

    per_s: float
    jobs: int
    rendered: int


@dataclass(frozen=True)
class Sizes:
    """Lifecycles in one round of each."""

    ours: int
    bare: int
    first_try: int


async def rates(
    fleet: Fleet, network: Network, rounds: int, sizes: Sizes, say: Callable[[str], None]
) -> Rates:
    """Needs a network that is set up; leaves one replica of each service running."""
    done = []
    for number in range(1, rounds + 1):
        done.append(await _round(fleet, network, number, sizes))
        each = done[-1]
        say(
            f"round {number}: bare {each.bare_per_s:.0f}/s, Servicenetz {each.ours_per_s:.0f}/s, "
            f"first try {each.first_try_per_s:.0f}/s"
        )
    return Rates(done)


async def rendering(fleet: Fleet, network: Network, lifecycles: int) -> Rendering:
    """Needs a network that is set up; leaves one replica of each service running."""
    await fleet.stop()
    fleet.make_files(make=True)
    await fleet.use(1)
    await network.run(WARM_UP)
    await fleet.rest()
    per_s = await network.run(lifecycles)
    unrendered = await fleet.rest()
    await fleet.stop()
    fleet.make_files(make=False)
    await fleet.use(1)
    return Rendering(per_s, lifecycles, lifecycles - unrendered)


async def _round(fleet: Fleet, network: Network, number: int, sizes: Sizes) -> Round:
    await fleet.stop()
    stack = fleet.stack
    bare_database, first_database = f"bare_{number}", f"first_try_{number}"
    for database in (bare_database, first_database):
        stack.postgres.create_database(database)
    bare = Bare(stack.kafka_bootstrap, stack.postgres.url(bare_database, "postgresql"))
    bare_per_s = await bare.run(sizes.bare)

    await fleet.use(1)
    await network.run(WARM_UP)  # as the bare program has it: new processes, empty pools and caches
    await fleet.rest()
    await asyncio.sleep(SETTLED_ROWS_S)
    rows, cpu = fleet.rows_written(), cpu_seconds(stack)
    ours_per_s = await network.run(sizes.ours)
    settled = time.perf_counter()
    await fleet.rest()
    mailed_per_s = sizes.ours / (sizes.ours / ours_per_s + fleet.at_rest_since - settled)
    spent = sum(used(cpu, cpu_seconds(stack)).values())
    await asyncio.sleep(SETTLED_ROWS_S)
    rows = fleet.rows_written() - rows

    await fleet.stop()
    first = FirstTry(stack.folder, stack.kafka_bootstrap, stack.postgres.url(first_database, "postgresql"))
    first_per_s = await first.run(sizes.first_try)
    for database in (bare_database, first_database):
        stack.postgres.drop_database(database)
    await fleet.use(1)
    return Round(
        ours_per_s, mailed_per_s, bare_per_s, first_per_s, rows / sizes.ours, bare.rows / sizes.bare,
        bare.messages / sizes.bare, spent * 1000 / sizes.ours,
    )  # fmt: skip
