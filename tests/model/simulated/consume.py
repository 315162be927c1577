"""Mirrors chassis/src/chassis/consume.py: poll, work until the batch is through, commit offsets only behind it.

Left out, since no order of steps decides about it: backoff, the trials that tell our own illness from a bad message.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulated.broker import Broker, BrokerAway, Partition, Record
from simulated.database import Away
from simulated.path import DecisionFailed, Path, where
from simulated.scheduler import Process, Scheduler, Task, sleep, step, wait

REVOKED_WAITS_TICKS = 160
"""consume.REVOKED_WAITS_SECONDS: 8 s, below the 10 s of the rebalance."""
CANCEL_TICKS = 20
POLL_TICKS = 10
BACKOFF_TICKS = 5
COMMIT_TICKS = 60
BATCH_MOST = 3
ALONE_AFTER = 3


class Consumer:
    """Feeds one path with batches."""

    def __init__(self, path: Path, broker: Broker, scheduler: Scheduler, process: Process) -> None:
        self.path = path
        self.process = process
        self._broker = broker
        self._group = broker.group
        self._scheduler = scheduler
        self._running: Task | None = None
        self._positions: dict[Partition, int] = {}
        self._handed: dict[Partition, int] = {}
        self._fetched: dict[Partition, int] = {}
        self._assigned: frozenset[Partition] = frozenset()
        self._generation = -1
        self._joining = False
        self._committed_at = 0
        self.stopping = False
        self.poll_fails = False
        self._newly_assigned = False

    # -- polling ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """FastStream's consume loop: poll, handle, poll."""
        while not self.stopping:
            records = await self._poll()
            if records:
                await self._handle(records)
            else:
                await self._commit()
                await wait(lambda: self.stopping or self._has_more(), POLL_TICKS)

    def _has_more(self) -> bool:
        return not self._joining and any(
            self._fetched.get(partition, 0) < len(self._broker.logs[partition])
            for partition in self._assigned
        )

    async def _poll(self) -> list[Record]:
        """Consumer._poll; a failed one has moved the positions and lost what it had collected."""
        await step()
        if self._joining or self._broker.away:
            return []
        if self._newly_assigned and not await self._stay_behind_progress():
            return []
        found: list[Record] = []
        for partition in sorted(self._assigned):
            first = self._fetched.get(partition, 0)
            records = self._broker.logs[partition][first : first + BATCH_MOST]
            self._fetched[partition] = first + len(records)
            found += records
        if self.poll_fails:
            self.poll_fails = False
            self._newly_assigned = True
            self._go_back()
            return []
        for record in found:
            self._handed[where(record)] = record.offset + 1
        return found

    async def _stay_behind_progress(self) -> bool:
        """Consumer._stay_behind_progress; whether it was possible."""
        self._newly_assigned = False
        try:
            passed = await self.path.passed()
        except Away:
            self._newly_assigned = True
            self._go_back()
            return False
        for partition in self._assigned & passed.keys():
            self._fetched[partition] = min(self._fetched[partition], passed[partition])
        return not self._joining

    def _go_back(self) -> None:
        """Consumer._go_back"""
        for partition in self._assigned:
            self._fetched[partition] = self._handed.get(partition, self._group.committed.get(partition, 0))

    async def _handle(self, records: Sequence[Record]) -> None:
        """Consumer._handle"""
        await step()
        if self.stopping:
            return
        running = self._running = self._scheduler.spawn(self._settle(records), self.process)
        await wait(lambda: running.done)
        if running.error is not None:
            self._seek_back(records)

    async def _settle(self, records: Sequence[Record]) -> None:
        """Consumer._settle"""
        await self._insist(records)
        for record in records:
            self._positions[where(record)] = record.offset + 1
        if self._scheduler.now - self._committed_at > COMMIT_TICKS:
            await self._commit()

    async def _insist(self, records: Sequence[Record]) -> None:
        """Consumer._insist and _after"""
        tries = 0
        while True:
            try:
                if tries < ALONE_AFTER:
                    await self.path.take(records)
                else:
                    await self._one_by_one(records)
            except DecisionFailed:
                tries = ALONE_AFTER
            except Exception:  # noqa: BLE001  # all others are transient: wait, never skip
                tries += 1
                await sleep(BACKOFF_TICKS)
            else:
                return

    async def _one_by_one(self, records: Sequence[Record]) -> None:
        """Consumer._one_by_one and _condemn"""
        for record in records:
            try:
                await self.path.take([record])
            except DecisionFailed:
                await self.path.take([record], failure=True)

    # -- offsets and partitions ---------------------------------------------------------------------------------------

    async def _commit(self) -> None:
        """Consumer._commit: what is through, of the partitions that are still ours."""
        positions = {
            partition: at for partition, at in self._positions.items() if partition in self._assigned
        }
        self._positions.clear()
        self._committed_at = self._scheduler.now
        if not positions:
            return
        await step()
        try:
            self._broker.group_commit(self, self._generation, positions)
        except BrokerAway:
            self._positions = positions | self._positions
        else:
            await step()

    async def commit_early(self, positions: dict[Partition, int]) -> None:
        """Before the batch is published. Only a mutant does."""
        self._positions |= positions
        await self._commit()

    def _seek_back(self, records: Sequence[Record]) -> None:
        """Consumer._seek_back"""
        first: dict[Partition, int] = {}
        for record in records:
            first.setdefault(where(record), record.offset)
        for partition in self._assigned & first.keys():
            self._fetched[partition] = self._handed[partition] = first[partition]

    async def rejoin(self) -> None:
        """What the client does beside: hear of a new generation, give up, join, take what is assigned."""
        while True:
            await wait(lambda: self.stopping or self._group.calls(self, self._generation))
            if self.stopping:
                return
            self._joining = True
            await self.finish(REVOKED_WAITS_TICKS)
            generation = await self._group.join(self, self._generation)
            if generation is None:
                continue
            self._generation = generation
            self._assigned = self._group.assignment[self]
            self._fetched = {p: self._group.committed.get(p, 0) for p in self._assigned}
            self._positions.clear()
            self._handed.clear()
            self._newly_assigned = True
            self._joining = False

    async def finish(self, ticks: int) -> None:
        """Consumer.finish, which on_partitions_revoked calls"""
        running = self._running
        if running is not None and not running.done and not await wait(lambda: running.done, ticks):
            self._scheduler.cancel(running)
            await wait(lambda: running.done, CANCEL_TICKS)
        await self._commit()

    async def stop(self) -> None:
        """Consumer.stop: on SIGTERM."""
        self.stopping = True
        await self.finish(REVOKED_WAITS_TICKS)
        self._group.leave(self)
