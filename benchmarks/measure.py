"""One run: every measurement on one stack, one after the other."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.backlog import Drain, FloodMemory, drain, flood_memory
from benchmarks.fairness import fairness
from benchmarks.fleet import Fleet
from benchmarks.growth import Growth, growth
from benchmarks.latency import Ear, delays
from benchmarks.machine import machine
from benchmarks.network import Network
from benchmarks.plan import Plan
from benchmarks.profiling import CannotLook, Profile, count_statements, profile
from benchmarks.rates import rates, rendering
from benchmarks.replicas import replicas
from benchmarks.rest import rest
from benchmarks.results import Results
from benchmarks.traffic import traffic
from servicenetz.stack import Stack

REPLICAS = 2
"""As many as the stack must be made with."""
FIRST_RUN = 100
COUNTED = 20
JOBS_PER_S = 50.0
WAVE_OF_RATE = 1.5
"""A job of the flood is posted and assigned only, which is less work than a lifecycle."""

Say = Callable[[str], None]


async def measure(plan: Plan, stack: Stack, load: float, say: Say) -> Results:
    """Everything in `plan`; `load` of the machine was read before the stack was started."""
    began = time.monotonic()
    fleet, steps = Fleet(stack), _Steps(say)
    await fleet.use(1)
    async with Network(stack.kafka_bootstrap, stack.sealing_public_key, partners=plan.partners) as network:
        steps.next("partners and prices")
        await network.set_up()
        await network.run(FIRST_RUN)
        await fleet.rest()
        per_s = await network.run(plan.lifecycles(FIRST_RUN / plan.run_s))
        await fleet.rest()

        steps.next("messages and bytes")
        sent = await traffic(fleet, network, COUNTED)
        steps.next("lifecycles per second")
        rated = await rates(fleet, network, plan.rounds, plan.sizes(per_s), say)
        per_s = rated.median(lambda each: each.ours_per_s)

        steps.next("with e-invoices made beside")
        rendered = await rendering(fleet, network, plan.lifecycles(per_s))

        steps.next("at rest")
        await network.run(
            plan.lifecycles(per_s)
        )  # memory after work, not of processes that have done nothing yet
        rested = await rest(fleet, plan.rest_s)
        async with Ear(stack.kafka_bootstrap) as ear:
            steps.next(f"post to assigned, {JOBS_PER_S:.0f} jobs/s")
            delayed = await delays(network, ear, JOBS_PER_S, plan.steady_s)
            await fleet.rest()
            steps.next("a flood in one partition")
            flooded = await fairness(
                network, ear, int(per_s * WAVE_OF_RATE * plan.fairness_s), plan.fairness_s
            )
            await fleet.rest()

        steps.next("two replicas against one")
        shared = await replicas(fleet, network, plan.replica_rounds, plan.lifecycles(per_s))
        steps.next("where the time goes")
        looked: Profile | None = None
        try:
            looked = await profile(stack, network, plan.lifecycles(per_s))
        except CannotLook as error:
            say(f"not seen: {error}")
        await fleet.rest()

        drained: Drain | None = None
        if plan.drain is not None:
            steps.next(f"a backlog of {plan.drained(per_s)} jobs")
            drained = await drain(fleet, network, plan.drained(per_s))
        grown: Growth | None = None
        if plan.tables is not None:
            steps.next(f"{plan.tables[0]}, then {plan.tables[1]} jobs in the tables")
            grown = await growth(fleet, network, plan.tables, plan.growth_rounds, plan.lifecycles(per_s))
        heap: FloodMemory | None = None
        if plan.flood is not None:
            steps.next(f"a backlog of {plan.flood} messages before one service")
            heap = await flood_memory(fleet, network, plan.flood, plan.flood_s)
    return Results(
        plan=plan.name, took_s=time.monotonic() - began, partners=plan.partners, machine=machine(stack, load),
        traffic=sent, rates=rated, rendering=rendered, rest=rested, delays=delayed, fairness=flooded,
        replicas=shared, drain=drained, growth=grown, flood=heap, profile=looked,
    )  # fmt: skip


async def look(stack: Stack, partners: int, lifecycles: int) -> Profile:
    """Only where the time goes, with the database server's statements."""
    fleet = Fleet(stack)
    count_statements(stack)
    async with Network(stack.kafka_bootstrap, stack.sealing_public_key, partners=partners) as network:
        await network.set_up()
        await network.run(max(50, lifecycles // 4))
        await fleet.rest()
        return await profile(stack, network, lifecycles)


class _Steps:
    """Says what comes next, and when."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def next(self, what: str) -> None:
        self._say(f"{datetime.now(UTC):%H:%M:%S} {what}")
