"""Bugs that must be found, each in one part of a replica; the first seven are those that issue 4 names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from simulated.batch import Batch, InboxRow, Item, Progress
from simulated.broker import Partition, Record
from simulated.consume import Consumer
from simulated.database import Table, Transaction
from simulated.messages import Outcome
from simulated.path import Path, where
from simulated.publish import Publisher
from simulated.world import Parts


class EffectBeforeInbox(Path):
    """The effect is committed first, then the ids are written down: a crash between makes it twice."""

    async def _take_in(self, db: Transaction, items: Sequence[Item]) -> None:
        ids = {item.message.id for item in items}
        known = await db.select("inbox", lambda key, _: key in ids)
        for item in items:
            item.first = known.get(item.message.id)
            known.setdefault(item.message.id, InboxRow(item.message))

    async def take(self, records: Sequence[Record], *, failure: bool = False) -> None:
        await super().take(records, failure=failure)
        with self.database.transaction(self.process) as db:
            await db.insert("inbox", {r.message.id: InboxRow(r.message) for r in records})
            passed = await self._lock_progress(db, {where(record) for record in records})
            moved = {p: row.moved(row.next, {}) for p, row in passed.items()}
            for record in records:
                row = moved[where(record)]
                if record.offset >= row.next:
                    moved[where(record)] = row.moved(record.offset + 1, {Outcome.DONE: 1})
            await db.save("progress", moved)
            await db.commit()

    async def _move_progress(self, db: Transaction, batch: Batch) -> None:
        """Later, with the inbox."""


class PublishBeforeCommit(Path):
    """Sent from inside the transaction, as a handler that publishes would: a rollback leaves messages of nothing."""

    async def _save(self, db: Transaction, batch: Batch) -> None:
        await super()._save(db, batch)
        if batch.out:
            await self.publisher._send([(row.topic, row.said) for row in batch.out])


class OffsetsBeforePublish(Path):
    """The offsets are committed when the batch is, not when its messages are acknowledged."""

    offsets: Consumer | None = None

    async def publish(self, aggregates: Collection[str], caused: Mapping[Partition, tuple[int, int]]) -> None:
        if self.offsets is not None and caused:
            await self.offsets.commit_early({partition: last + 1 for partition, (_, last) in caused.items()})
        await super().publish(aggregates, caused)


class EarlyOffsets(Consumer):
    """The consumer of OffsetsBeforePublish."""

    def __init__(self, path: Path, *rest: Any) -> None:
        super().__init__(path, *rest)
        if isinstance(path, OffsetsBeforePublish):
            path.offsets = self


class DeletedBeforeAck(Publisher):
    """The rows are deleted for good, then the messages are sent: a crash between loses them."""

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        with self.database.transaction(self.process) as db:
            rows = await self._take_out(db, aggregates, causes)
            await db.commit()
        if rows:
            await self._send([(row.topic, row.said) for row in rows])


class UnorderedPublish(Publisher):
    """Who is locked by another publisher is skipped (SKIP LOCKED), so a later message overtakes."""

    async def _take_out(
        self, db: Transaction, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
    ) -> list[Any]:
        held = {key for table, key in self.database.holders if table == "outbox"}
        waiting = {key for key in self.database.tables["outbox"] if key not in held}
        rows = await super()._take_out_of(db, aggregates, causes, waiting)
        return [row for _, row in sorted(rows.items())]


class OnlyItsOwnRows(Publisher):
    """Earlier unsent rows of the same aggregates are left to others."""

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        await super().publish(() if causes else aggregates, causes)


class LateZombie(Publisher):
    """Who finds that his transaction was gone when he had sent thinks no more of it."""

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        try:
            await super().publish(aggregates, causes)
        finally:
            self.suspects.clear()


class TimerFiredTwice(Path):
    """Two replicas see the same timer and both act; deleting it is only tidying up."""

    async def _fire_timers(
        self, db: Transaction, items: Collection[Item]
    ) -> set[tuple[str | None, str | None]]:
        keys = {(item.aggregate, item.timer) for item in items}
        await super()._fire_timers(db, items)
        return keys


class TimerDeletedBeforeItsEffect(Path):
    """The timer is claimed in a transaction of its own: a crash behind it loses what it was for."""

    async def _fire(self, due: Collection[tuple[str, str]]) -> set[str]:
        with self.database.transaction(self.process) as db:
            claimed = await db.delete_locked("timers", lambda key, _: key in due)
            await db.commit()
        self._claimed = set(claimed)
        return await super()._fire(list(claimed)) if claimed else set()

    async def _fire_timers(
        self, _: Transaction, items: Collection[Item]
    ) -> set[tuple[str | None, str | None]]:
        return {(item.aggregate, item.timer) for item in items}


class ProgressNotLocked(Path):
    """A zombie and the new owner are not put in turn."""

    async def _lock_progress(
        self, db: Transaction, partitions: Collection[Partition]
    ) -> dict[Partition, Progress]:
        await db.insert("progress", {partition: Progress() for partition in partitions})
        return {p: row for p, row in (await db.select("progress")).items() if p in partitions}


class AggregateNotLocked(Path):
    """The aggregate's row is read, changed and written without a lock."""

    async def _load(self, db: Transaction, batch: Batch, aggregates: Collection[str] = ()) -> None:
        wanted = (set(aggregates) or batch.aggregates) - batch.rows.keys()
        if wanted:
            found: Table = await db.select("accounts", lambda key, _: key in wanted)
            batch.rows.update({key: found.get(key) for key in wanted})
            batch.partners |= await db.select("partners")

    async def _save_versions(self, db: Transaction, _: Any, after: Mapping[tuple[str, str], int]) -> None:
        await db.save("versions", after)


class BornTwice(Path):
    """Nobody looks whether another replica has made the same row meanwhile."""

    async def _none_was_born(self, db: Transaction, batch: Batch) -> None:
        """No look."""

    async def _save_versions(self, db: Transaction, _: Any, after: Mapping[tuple[str, str], int]) -> None:
        await db.save("versions", after)


class PositionsAsOffsets(Consumer):
    """What was polled is committed, as `ack()` does, not what is through."""

    async def _commit(self) -> None:
        self._positions |= {p: at for p, at in self._handed.items() if p in self._assigned}
        await super()._commit()


class AheadOfProgress(Consumer):
    """The group's offsets are believed."""

    async def _stay_behind_progress(self) -> bool:
        return True


class ParkedOvertaken(Path):
    """Successors of a parked record are decided at once: what waits is no longer in order."""

    def _decide_one(self, batch: Batch, item: Item) -> None:
        batch.parked.clear()
        super()._decide_one(batch, item)


MUTANTS: Mapping[str, Parts] = {
    "effect before inbox": Parts(path=EffectBeforeInbox),
    "publish before commit": Parts(path=PublishBeforeCommit),
    "offsets before publish": Parts(path=OffsetsBeforePublish, consumer=EarlyOffsets),
    "rows deleted before the ack": Parts(publisher=DeletedBeforeAck),
    "unordered publish: skip locked": Parts(publisher=UnorderedPublish),
    "unordered publish: only its own rows": Parts(publisher=OnlyItsOwnRows),
    "zombie that publishes late": Parts(publisher=LateZombie),
    "timer fired twice": Parts(path=TimerFiredTwice),
    "timer deleted before its effect": Parts(path=TimerDeletedBeforeItsEffect),
    "progress not locked": Parts(path=ProgressNotLocked),
    "aggregate not locked": Parts(path=AggregateNotLocked),
    "born twice": Parts(path=BornTwice),
    "positions committed as offsets": Parts(consumer=PositionsAsOffsets),
    "starts ahead of its progress": Parts(consumer=AheadOfProgress),
    "parked predecessor overtaken": Parts(path=ParkedOvertaken),
}
