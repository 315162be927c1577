"""Processes die, stop and come back."""

from __future__ import annotations

from laboratory.laboratory import FaultMissed, Inject, Laboratory
from servicenetz.service import Instance

RANDOM_KILLS = 8
STOPS_WITHIN_S = 20.0
CHURN_ROUNDS = 4
CHURN_EVERY_S = 3.0
FIRST_EXTRA = 10


def at(point: str) -> Inject:
    """Replicas of two services, by lot, die at this point of the path."""

    async def inject(lab: Laboratory) -> None:
        victims = lab.lots.sample(lab.one_of_each(), 2)
        for victim in victims:
            lab.orders(victim).give(point, "kill")
        for victim in victims:
            await lab.until(
                lambda victim=victim: lab.orders(victim).was_struck(point),  # type: ignore[misc]
                f"{victim.name} never came to {point}",
            )
            await lab.kill(victim)  # what is left of it

    return inject


async def at_random(lab: Laboratory) -> None:
    """kill -9 of anybody at any moment."""
    await lab.load.under_way(0.1)
    for _ in range(RANDOM_KILLS):
        await lab.kill(lab.any_instance())
        await lab.lasting(lab.lots.uniform(0.1, 1.5))


async def stopped_under_load(lab: Laboratory) -> None:
    """SIGTERM to replicas of two services, all at once."""
    await lab.load.under_way(0.2)
    victims = lab.lots.sample(lab.one_of_each(), 2)
    for victim in victims:
        victim.ask_to_stop()
    for victim in victims:
        await _stopped_well(lab, victim)
        await lab.off_loop(victim.start)


async def rolling_restart(lab: Laboratory) -> None:
    """Every replica in turn, the next one when the last is ready, as a new version is rolled out."""
    await lab.load.under_way(0.05)
    for instance in lab.stack.instances:
        instance.ask_to_stop()
        await _stopped_well(lab, instance)
        await lab.start(instance)


async def _stopped_well(lab: Laboratory, instance: Instance) -> None:
    await lab.until(lambda: not instance.alive, f"{instance.name} did not stop", STOPS_WITHIN_S)
    if instance.exit_code != 0:
        raise FaultMissed(f"{instance.name} ended with {instance.exit_code}")
    lab.hits += 1


async def replicas_come_and_go(lab: Laboratory) -> None:
    """A third replica joins and leaves every three seconds, in good order or not: rebalance after rebalance."""
    service = lab.lots.choice(["job-exchange", "matching", "billing"])
    for number in range(CHURN_ROUNDS):
        extra = lab.stack.another(service, FIRST_EXTRA + number)
        try:
            await lab.start(extra)
            await lab.lasting(CHURN_EVERY_S)
        finally:
            await lab.off_loop(lab.lots.choice([extra.kill, extra.stop]))
        lab.hits += 1
