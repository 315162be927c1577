"""What goes wrong: drawn from the seed, one thing after another, until the storm is over."""

from __future__ import annotations

from collections.abc import Callable

from simulated.scheduler import sleep, wait
from simulated.world import REPLICAS, STORM_TICKS, Replica, World

BETWEEN_TICKS = (5, 90)
FREEZE_TICKS = (20, 700)
AWAY_TICKS = (20, 300)
AIM_TICKS = 300
AIMED = 0.7


class Weather:
    """All the faults there are. Each is one method."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._unclear = False
        world.database.commit_is_unclear = self._take_unclear

    async def storm(self) -> None:
        """Fault after fault, then everything is put right again.

        Each seed draws a few kinds and leaves the others out: some bugs hide behind other faults (swarm testing, Groce
        et al., ISSTA 2012).
        """
        world = self._world
        all_faults: list[Callable[[Replica], None]] = [
            self.kill, self.freeze, self.freeze, self.stop, self.cut_database, self.restart_database,
            self.unclear_commit, self.cut_producer, self.deafen, self.broker_away, self.rebalance, self.fail_poll,
            self.another_replica, self.offsets_set_forward, self.offsets_deleted,
        ]  # fmt: skip
        only = world.climate.only
        faults = (
            [fault for fault in all_faults if fault.__name__ in only]
            if only
            else self._random.sample(all_faults, self._random.randint(2, 8))
        )
        while world.scheduler.now < STORM_TICKS:
            await sleep(self._random.randint(*BETWEEN_TICKS))
            there = [replica for replica in world.replicas if not replica.process.frozen]
            if there:
                self._aim(self._random.choice(faults), self._random.choice(there))
        self._unclear = False

    def _aim(self, fault: Callable[[Replica], None], replica: Replica) -> None:
        """At once, or at a moment when it hurts: while it sends, writes again, or owes the compacted topic a word."""
        publisher = replica.publisher
        sensitive: list[Callable[[], bool]] = [
            lambda: bool(publisher.sending), lambda: publisher.rewriting > 0, lambda: bool(publisher.suspects),
        ]  # fmt: skip
        moment = self._random.choice(sensitive) if self._random.random() < AIMED else None

        async def at_that_moment() -> None:
            came = moment is None or await wait(lambda: replica.process.responds and moment(), AIM_TICKS)
            if came and replica in self._world.replicas and not replica.process.frozen:
                fault(replica)

        self._world.scheduler.spawn(at_that_moment(), self._world.outside)

    def _later(self, ticks: tuple[int, int], act: Callable[[], None]) -> None:
        async def wait_and_act() -> None:
            await sleep(self._random.randint(*ticks))
            act()

        self._world.scheduler.spawn(wait_and_act(), self._world.outside)

    # -- processes ----------------------------------------------------------------------------------------------------

    def kill(self, replica: Replica) -> None:
        """kill -9; another is started soon. Not while only this process knows what to put right: see holes.py."""
        if replica.publisher.owes_a_rewrite:
            return
        self._world.kill(replica)
        self._later((1, 60), self._fill_up)

    def stop(self, replica: Replica) -> None:
        """SIGTERM; another is started soon."""
        if replica.publisher.owes_a_rewrite or len(self._world.replicas) < 2:
            return
        self._world.scheduler.spawn(self._world.stop(replica), self._world.outside)
        self._later((1, 60), self._fill_up)

    def freeze(self, replica: Replica) -> None:
        """SIGSTOP; it may last longer than every time-out."""
        process = replica.process
        process.frozen = True
        process.silent_since = self._world.scheduler.now

        def thaw() -> None:
            process.frozen = False

        self._later(FREEZE_TICKS, thaw)

    def another_replica(self, _: Replica) -> None:
        """One more, for a while or for good."""
        if len(self._world.replicas) <= REPLICAS:
            self._world.start_replica()

    def _fill_up(self) -> None:
        while len(self._world.replicas) < REPLICAS:
            self._world.start_replica()

    # -- the database -------------------------------------------------------------------------------------------------

    def cut_database(self, replica: Replica) -> None:
        """One replica's connections break."""
        self._world.database.cut_off(replica.process)

    def restart_database(self, _: Replica) -> None:
        """All connections break; what is committed is there again."""
        self._world.database.cut(list(self._world.database.open))

    def unclear_commit(self, _: Replica) -> None:
        """The next commit succeeds and nobody is told."""
        self._unclear = True

    def _take_unclear(self) -> bool:
        unclear, self._unclear = self._unclear, False
        return unclear

    # -- the broker ---------------------------------------------------------------------------------------------------

    def cut_producer(self, replica: Replica) -> None:
        """The connection to the broker breaks, with requests under way."""
        replica.publisher.close()

    def deafen(self, _: Replica) -> None:
        """Acks do not come back."""
        broker = self._world.broker
        broker.deaf = True
        self._later(AWAY_TICKS, lambda: setattr(broker, "deaf", False))

    def broker_away(self, _: Replica) -> None:
        """Nothing arrives."""
        broker = self._world.broker
        broker.away = True
        self._later(AWAY_TICKS, lambda: setattr(broker, "away", False))

    def rebalance(self, _: Replica) -> None:
        """A new generation for no reason of ours."""
        self._world.broker.group.rebalance()

    def offsets_set_forward(self, _: Replica) -> None:
        """An operator's tool moves the group's offsets on; where nothing was ever read, nobody could know."""
        group = self._world.broker.group
        for partition in self._world.database.tables["progress"]:
            group.committed[partition] = len(self._world.broker.logs[partition])
            group.set_forward[partition] = group.committed[partition]
        group.rebalance()

    def offsets_deleted(self, _: Replica) -> None:
        """All that is kept comes again."""
        self._world.broker.group.committed.clear()
        self._world.broker.group.rebalance()

    def fail_poll(self, replica: Replica) -> None:
        """The next poll fails with records in hand."""
        replica.consumer.poll_fails = True
