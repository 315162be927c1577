"""Processes that hang for longer than the group, or the database, waits for them: zombies."""

from __future__ import annotations

from laboratory.laboratory import Inject, Laboratory

FROZEN_S = 20.0
"""Longer than the session (6 s) and longer than the database lets a transaction idle (15 s)."""


def at(point: str) -> Inject:
    """A replica of job-exchange and one of matching freeze there, are replaced, and wake up believing nothing."""

    async def inject(lab: Laboratory) -> None:
        victims = [
            lab.lots.choice(lab.stack.services[name].instances) for name in ("job-exchange", "matching")
        ]
        for victim in victims:
            lab.orders(victim).give(point, "freeze")
        for victim in victims:
            await lab.until(
                lambda victim=victim: lab.orders(victim).was_struck(point),  # type: ignore[misc]
                f"{victim.name} never came to {point}",
            )
            lab.hits += 1
        await lab.lasting(FROZEN_S)
        for victim in victims:
            victim.resume()

    return inject


async def at_random(lab: Laboratory) -> None:
    """SIGSTOP of one replica of each service at any moment."""
    await lab.load.under_way(lab.lots.uniform(0.1, 0.3))
    victims = lab.one_of_each()
    for victim in victims:
        victim.pause()
        lab.hits += 1
    await lab.lasting(FROZEN_S)
    for victim in victims:
        victim.resume()
