"""What goes wrong is we: clocks, versions, a cancellation that leaks, code that fails."""

from __future__ import annotations

from laboratory import conduct, points
from laboratory.laboratory import Laboratory

HOUR_S = 3600
FAILING_PERCENT = 15
FAILED = "SELECT count(*) FROM parked WHERE reason = 'failed'"


async def clocks_apart(lab: Laboratory) -> None:
    """One replica of each service decides an hour ahead of the other, then an hour behind: time runs backwards."""
    instances = lab.one_of_each()
    for seconds, share in ((HOUR_S, 0.3), (-HOUR_S, 0.7)):
        for instance in instances:
            lab.orders(instance).give(conduct.CLOCK, str(seconds))
            lab.hits += 1
        await lab.load.under_way(share)
    for instance in instances:
        lab.orders(instance).withdraw(conduct.CLOCK)


async def two_versions(lab: Laboratory) -> None:
    """One replica of each service is newer: it writes a field and kinds of events that nobody else knows."""
    instances = lab.one_of_each()
    for instance in instances:
        lab.orders(instance).give(conduct.NEWER)
        lab.hits += 1
    await lab.load.ended(0.7)
    for instance in instances:
        lab.orders(instance).withdraw(conduct.NEWER)


async def leaked_cancellation(lab: Laboratory) -> None:
    """A CancelledError that nobody asked for comes up inside the path, at three of its points."""
    for point in (points.BEFORE_COMMIT, points.BEFORE_ACKS, points.AFTER_ACKS):
        victims = lab.one_of_each()
        for victim in victims:
            lab.orders(victim).give(point, "leak")
        for victim in victims:
            await lab.until(
                lambda victim=victim, point=point: lab.orders(victim).was_struck(point),  # type: ignore[misc]
                f"{victim.name} never came to {point}",
            )
            lab.hits += 1


async def redriven(lab: Laboratory) -> None:
    """Code of ours fails on every seventh job; it is put right, and what was parked is redriven under load."""
    service = lab.lots.choice(["job-exchange", "matching", "billing"])
    replicas = lab.stack.services[service].instances
    for instance in replicas:
        lab.orders(instance).give(conduct.FAIL, str(FAILING_PERCENT))
    await lab.until(lambda: lab.sql(service, FAILED)[0][0] > 0, "nothing failed")
    await lab.load.under_way(0.5)
    for instance in replicas:
        lab.orders(instance).withdraw(conduct.FAIL)
    lab.hits = lab.sql(service, FAILED)[0][0]

    def redrive() -> bool:
        if not lab.sql(service, FAILED)[0][0]:
            return True
        lab.orders(replicas[0]).give(conduct.REDRIVE)
        return False

    await lab.until(redrive, "dead letters were redriven, but some failed again")
