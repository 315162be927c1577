"""How much is measured: so that a run ends in a bounded time, whatever the machine."""

from dataclasses import dataclass, replace

from benchmarks.rates import Sizes


@dataclass(frozen=True)
class Plan:
    """What one run of `make bench` does. None: not measured in this run.

    run_s: what one timed run should take; how many lifecycles that is, the warm-up tells.
    drain: jobs of the backlog, fewer if they would take longer than drain_s. tables: jobs in the tables.
    flood: messages before a single service, watched for flood_s at most.
    """

    name: str
    partners: int = 300
    rounds: int = 5
    run_s: float = 8.0
    rest_s: float = 15.0
    steady_s: float = 20.0
    fairness_s: float = 12.0
    replica_rounds: int = 3
    drain: int | None = 100_000
    drain_s: float = 80.0
    tables: tuple[int, int] | None = (10_000, 100_000)
    growth_rounds: int = 3
    flood: int | None = 50_000
    flood_s: float = 40.0

    def lifecycles(self, per_s: float) -> int:
        """Of Servicenetz in one timed run."""
        return min(5_000, max(40, int(per_s * self.run_s)))

    def sizes(self, per_s: float) -> Sizes:
        """In one round: the bare program does more than we in a second, the first try much less."""
        ours = self.lifecycles(per_s)
        return Sizes(ours=ours, bare=max(300, 2 * ours), first_try=min(200, max(30, ours // 8)))

    def drained(self, per_s: float) -> int:
        """Jobs of the backlog."""
        return min(self.drain or 0, max(200, int(per_s * self.drain_s)))


QUICK = Plan(
    "quick", partners=100, rounds=3, run_s=3.0, rest_s=5.0, steady_s=6.0, fairness_s=5.0, replica_rounds=1,
    drain=None, tables=None, flood=None,
)  # fmt: skip
"""About three minutes: to see whether all of it works, and roughly how fast."""
USUAL = Plan("usual")
"""Below a quarter of an hour."""
LONG = replace(
    USUAL, name="long", drain_s=3_600.0, tables=(100_000, 1_000_000), flood=1_000_000, flood_s=300.0
)
"""An hour or two, and some 30 GB of disk: the sizes that the issue names."""
