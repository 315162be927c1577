"""One seed, from the first message to rest; and many seeds."""

from __future__ import annotations

from collections.abc import Iterable

from simulated.invariants import Ledger, Violation
from simulated.weather import Weather
from simulated.world import REPLICAS, REST_TICKS, STORM_TICKS, Climate, Parts, World

MESSAGES = 14


def run(seed: int, parts: Parts, climate: Climate) -> None:
    """Raises Violation when an invariant does not hold."""
    world = World(seed, parts, climate)
    ledger = Ledger(world)
    scheduler = world.scheduler
    try:
        for _ in range(REPLICAS):
            world.start_replica()
        scheduler.spawn(world.write(MESSAGES), world.outside)
        scheduler.spawn(Weather(world).storm(), world.outside)
        _reach_rest(world, ledger)
        scheduler.spawn(world.mend(), world.outside)
        _reach_rest(world, ledger)
        if climate.republish:
            scheduler.spawn(world.republish(), world.outside)
            _reach_rest(world, ledger)
        ledger.at_rest()
    finally:
        scheduler.end()


def _reach_rest(world: World, ledger: Ledger) -> None:
    scheduler = world.scheduler
    soonest = max(STORM_TICKS, scheduler.now + 1)
    rest = scheduler.run(
        lambda: (
            ledger.broken is not None
            or (scheduler.now > soonest and not scheduler.has_tasks_of(world.outside) and world.at_rest)
        ),
        scheduler.now + REST_TICKS,
    )
    if ledger.broken is not None:
        raise Violation(ledger.broken)
    if not rest:
        raise Violation(f"9. not at rest: {world.unrest()}")


def first_violation(seeds: Iterable[int], parts: Parts, climate: Climate) -> tuple[int, Violation] | None:
    """The first of these seeds that ends badly, and how."""
    for seed in seeds:
        try:
            run(seed, parts, climate)
        except Violation as violation:
            return seed, violation
    return None
