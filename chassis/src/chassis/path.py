"""The message path: a decision per message, a transaction per batch, a second transaction to publish.

    decode ─► begin ─► progress, inbox ─► load ─► decide … decide ─► save, outbox ─► commit ─► publish

Records, timers and parked records all come through here; they differ only in how a transaction begins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import journal, outbox, parked
from chassis.batch import Batch, Desk
from chassis.clock import Clock
from chassis.database import Session, transaction
from chassis.decisions import Row
from chassis.errors import Conflict, said
from chassis.items import (
    Item,
    Outcome,
    RawRecord,
    VerifyActor,
    aggregate_key,
    decode,
    decode_failed,
    refuse_by_age,
    timer_item,
)
from chassis.journal import Count, Partition
from chassis.metrics import Metrics
from chassis.parked import DueTimer
from chassis.publish import Publisher
from chassis.routes import Reader
from contracts.messages import Unreadable

log = structlog.get_logger()

THROUGH = (Outcome.DONE, Outcome.DUPLICATE, Outcome.REJECTED)


class Path:
    """The path of one reader. Safe to call again with the same records, as often as they come."""

    def __init__(
        self,
        engine: AsyncEngine,
        desk: Desk,
        publisher: Publisher,
        verify: VerifyActor,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._desk = desk
        self._publisher = publisher
        self._verify = verify
        self._clock = clock
        self._metrics = metrics
        self._rows = {rows.name: rows for rows in desk.reader.tables}

    @property
    def reader(self) -> Reader:
        return self._desk.reader

    # -- in -----------------------------------------------------------------------------------------------------------

    async def take(
        self, records: Sequence[RawRecord], *, failure: str | None = None, keep: bool = True
    ) -> None:
        """Decide these records and publish what follows.

        failure: our own code fails on these records; they become dead letters for that reason.
        keep: False decides them and rolls back, to see whether they would fail too.
        """
        items = [self._read(record, failure) for record in records]
        async with transaction(self._engine, keep=keep) as db:
            batch = await self._begin_records(db, items)
            if batch.items:
                await self._finish(db, batch)
        if keep:
            self._metrics.batch(batch, [len(record.value or b"") for record in records])
            fired = await self._fire_at_once(batch.timers_due)
            if fired or batch.out or len(batch.items) < len(items):
                aggregates = {item.aggregate_key for item in items if item.aggregate}
                await self.publish(aggregates | fired, _causes(records))

    async def _fire_at_once(self, due: Sequence[DueTimer]) -> set[str]:
        """A timer set for now need not wait for the keeper's next round. What fails here the keeper does again.

        Returns whose messages are unsent: they go out with those of the batch, in one publication.
        """
        if not due:
            return set()
        try:
            return await self._fire(due)
        except Exception as error:  # noqa: BLE001  # no record of this batch is to blame; the keeper finds out who is
            log.info("timers left to the keeper", reader=self.reader.name, number=len(due), error=said(error))
            return set()

    async def fire(self, due: Sequence[Any]) -> None:
        """Act on timers that are due, as rows of (aggregate, aggregate_id, name, due_at), and publish what follows."""
        await self.publish(await self._fire(due), {})

    async def _fire(self, due: Sequence[Any]) -> set[str]:
        items = [
            timer_item(self.reader.by_timer[(row.aggregate, row.name)], row.aggregate_id, row.due_at, number)
            for number, row in enumerate(due)
        ]
        async with transaction(self._engine) as db:
            batch = self._batch(items, await journal.clock(db))
            await self._load(db, batch, batch.wants(items))
            fired = await parked.fire_timers(db, items)
            batch.items = [item for item in items if (*(item.aggregate or ("", "")), _name(item)) in fired]
            if batch.items:
                await self._finish(db, batch)
        self._metrics.timers(len(batch.items))
        return batch.aggregates

    async def look_again(
        self,
        aggregates: Collection[str],
        *,
        redrive: bool = False,
        most: int | None = None,
        failure: str | None = None,
    ) -> None:
        """Decide again what is parked for these aggregates, in order, up to the first that stays.

        redrive: also those that are dead letters; without it they hold back their successors.
        most: no more than so many of each aggregate. failure: as for `take`; they become dead letters.
        """
        async with transaction(self._engine) as db:
            batch = await self._begin_parked(db, aggregates, redrive=redrive, most=most, failure=failure)
            if batch.items:
                await self._finish(db, batch)
        await self.publish(batch.aggregates, {})

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        """Send what is unsent of these aggregates and these records."""
        await self._publisher.publish(aggregates, causes)

    async def due_timers(self, most: int) -> list[Any]:
        """This reader's timers that are due, as `fire` takes them."""
        kinds = self.reader.by_timer.keys()
        async with self._engine.connect() as db:
            return (
                await parked.due_timers(db, kinds, self._clock.now(await journal.clock(db)), most)
                if kinds
                else []
            )

    async def due_parked(self, most: int) -> list[str]:
        """Aggregates whose first parked record is to be looked at now."""
        async with self._engine.connect() as db:
            return await parked.due_parked(
                db, self.reader.name, self._clock.now(await journal.clock(db)), most
            )

    async def put_off(self, what: Any, by: timedelta) -> None:
        """Leave a timer (as `fire` takes it) or a parked aggregate alone for a while."""
        async with transaction(self._engine) as db:
            until = self._clock.now(await journal.clock(db)) + by
            if isinstance(what, str):
                await parked.put_off_parked(db, self.reader.name, what, until)
            else:
                await parked.put_off_timer(db, what, until)

    async def passed(self) -> dict[Partition, int]:
        """The next offset of each partition this reader has ever seen."""
        async with self._engine.connect() as db:
            return await journal.progress(db, self.reader.name)

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        """Write down where partitions begin for this reader, unless that is known."""
        async with transaction(self._engine) as db:
            await journal.begin_progress(db, self.reader.name, offsets)

    async def probe(self) -> None:
        """Whether the database answers."""
        async with transaction(self._engine, keep=False) as db:
            await journal.clock(db)

    # -- how a transaction begins -------------------------------------------------------------------------------------

    async def _begin_records(self, db: Session, items: Sequence[Item]) -> Batch:
        """Progress, then inbox: what was passed already is left out, what was taken in already is a duplicate."""
        first_offsets: dict[Partition, int] = {}
        for item in items:
            where = (item.record.topic, item.record.partition)
            first_offsets[where] = min(item.record.offset, first_offsets.get(where, item.record.offset))
        passed, now = await journal.lock_progress(db, self.reader.name, first_offsets)
        fresh = [
            item for item in items if item.record.offset >= passed[(item.record.topic, item.record.partition)]
        ]
        batch = self._batch(fresh, now)
        batch.counts = {partition: Count(next_offset) for partition, next_offset in passed.items()}
        if not fresh:
            return batch
        # what nobody here acts on has no effect that a repeat could double
        concerned = [item for item in fresh if item.route is not None or item.fault is not None]
        if not concerned:
            return batch
        known = await journal.take_in(db, self.reader.name, concerned)
        firsts: dict[tuple[str, str], Item] = {}
        for item in concerned:
            key = item.inbox_key
            if key in known:
                self._repeat(item, known[key])
            elif key in firsts:
                self._repeat_within(item, firsts[key])
            else:
                firsts[key] = item
                refuse_by_age(item, batch.now)
        return batch

    def _batch(self, items: list[Item], database_now: datetime) -> Batch:
        return Batch(self._desk, items, self._clock.now(database_now), database_now)

    def _read(self, record: RawRecord, failure: str | None) -> Item:
        if failure is None:
            return decode(record, self.reader, self._verify)
        return decode_failed(record, self.reader, self._verify, failure)

    def _repeat(self, item: Item, first: Any) -> None:
        """An id that was taken in before: the stored reply again, or, with another body, a dead letter."""
        item.repeats = True
        if bytes(first.body_hash) != item.body_hash:
            item.fault = Unreadable("id-reused", "This id came before with another body.")
            item.route, item.aggregate = None, None
            return
        item.first = Item(item.record)
        item.fault = None
        if first.reply is not None:
            replies = self._desk.replies
            kind = replies.accepted if first.reply_type == replies.accepted.TYPE else replies.rejected
            item.first.reply = kind.read(bytes(first.reply))

    @staticmethod
    def _repeat_within(item: Item, first: Item) -> None:
        item.repeats = True
        if first.body_hash != item.body_hash:
            item.fault = Unreadable("id-reused", "This id came before with another body.")
            item.route, item.aggregate = None, None
        else:
            item.first = first
            item.fault = None

    async def _begin_parked(
        self,
        db: Session,
        aggregates: Collection[str],
        *,
        redrive: bool,
        most: int | None,
        failure: str | None,
    ) -> Batch:
        """Parked records of these aggregates: progress rows first, as everywhere, then the aggregates."""
        glance = await parked.parked_records(db, self.reader.name, aggregates, lock=False)
        if not glance:
            return self._batch([], await journal.clock(db))
        partitions = {(record.topic, record.partition): record.offset for record, _ in glance}
        passed, now = await journal.lock_progress(db, self.reader.name, partitions)
        batch = self._batch([], now)
        batch.counts = {partition: Count(next_offset) for partition, next_offset in passed.items()}
        await self._load(db, batch, {_row_of(key) for key in aggregates})
        records = await parked.parked_records(db, self.reader.name, aggregates, lock=True)
        for _, group in groupby(records, key=lambda pair: pair[1].aggregate):
            for record, row in islice(group, most):
                newly_parked = (record.topic, record.partition) not in batch.counts
                if newly_parked or (row.reason == "failed" and not redrive):
                    break
                item = self._read(record, failure)
                item.redriven = redrive
                item.parked_id, item.parked_since, item.parked_attempts = row.id, row.since, row.attempts
                item.parked_as = Outcome.DEAD if row.reason in ("failed", "unreadable") else Outcome.PARKED
                batch.items.append(item)
        return batch

    # -- what is the same for all -------------------------------------------------------------------------------------

    async def _finish(self, db: Session, batch: Batch) -> None:
        """Load, decide, save: in rounds, as long as decisions ask for more rows or stand behind one that did.

        Counters are locked only when no row is asked for any more: their rows are what all writers share.
        """
        await self._load(db, batch, batch.wants(batch.items))
        batch.versions_before = await journal.versions(db, self.reader.name, batch.subjects)
        batch.versions = dict(batch.versions_before)
        batch.parked = await parked.parked_aggregates(db, self.reader.name, batch.aggregates)
        pending, wanted, ranges = batch.decide(batch.items)
        while pending:
            if wanted:
                await self._load(db, batch, wanted)
            else:
                batch.counters |= await outbox.lock_counters(db, ranges)
            pending, wanted, ranges = batch.decide(pending)
        await self._save(db, batch)

    async def _load(self, db: Session, batch: Batch, wanted: Collection[Row]) -> None:
        """One statement per table, tables in the reader's order, rows in id order."""
        for name, rows in self._rows.items():
            locked = {
                row.id
                for row in wanted
                if row.rows == name and row.lock and (name, row.id) not in batch.locked
            }
            if locked:
                batch.keep(name, locked, await rows.load(db, locked, lock=True), lock=True)
            known = batch.rows.get(name, {})
            seen = {row.id for row in wanted if row.rows == name and not row.lock and row.id not in known}
            if seen:
                batch.keep(name, seen, await rows.load(db, seen, lock=False), lock=False)

    async def _save(self, db: Session, batch: Batch) -> None:
        await self._none_was_born(db, batch)
        for name, rows in self._rows.items():
            if batch.changed.get(name):
                await rows.save(db, batch.changed[name])
        changed = {key: v for key, v in batch.versions.items() if batch.versions_before.get(key) != v}
        if changed:
            await journal.save_versions(db, batch.versions_before, changed)
        if batch.timers:
            await parked.save_timers(db, batch.timers)
        await self._save_parked(db, batch)
        if batch.errands:
            await outbox.put_errands(db, batch.errand_rows, batch.written_at)
        if batch.counters:
            await outbox.save_counters(db, batch.counters)
        await journal.set_outcomes(db, self.reader.name, [item for item in batch.items if item.timer is None])
        batch.count()
        if batch.counts:
            await journal.move_progress(db, self.reader.name, batch.counts)
        if batch.compacted:
            await outbox.save_compacted(db, batch.compacted)
        if batch.out:
            await outbox.put_out(db, batch.out, batch.written_at)

    async def _none_was_born(self, db: Session, batch: Batch) -> None:
        """Rows about to be made must still be missing: nothing held off another replica that made them meanwhile.

        Raises Conflict; done again, the decision sees the row.
        """
        if not batch.born:
            return
        born = [aggregate_key((name, row_id)) for name, ids in batch.born.items() for row_id in ids]
        await journal.lock_births(db, born)
        for name, rows in self._rows.items():
            ids = batch.born.get(name)
            if ids and await rows.load(db, ids, lock=False):
                raise Conflict(f"another replica has made one of these {name} rows meanwhile")

    async def _save_parked(self, db: Session, batch: Batch) -> None:
        if batch.parkings:
            await parked.park(db, self.reader.name, batch.parkings, batch.now)
        gone = [
            item.parked_id for item in batch.items if item.parked_id is not None and item.outcome in THROUGH
        ]
        if gone:
            await parked.unpark(db, gone)
        if batch.gap_filled:
            await parked.look_now(db, self.reader.name, batch.gap_filled, batch.now)
        arrived = [aggregate_key((name, row_id)) for name, rows in batch.changed.items() for row_id in rows]
        if arrived and self.reader.wakes:
            await parked.wake_waiting(db, arrived, batch.now)


def _row_of(key: str) -> Row:
    name, _, row_id = key.partition("/")
    return Row(name, row_id, lock=True)


def _name(item: Item) -> str:
    return item.timer.name if item.timer else ""


def _causes(records: Sequence[RawRecord]) -> dict[Partition, tuple[int, int]]:
    """First and last offset per partition."""
    causes: dict[Partition, tuple[int, int]] = {}
    for record in records:
        where = (record.topic, record.partition)
        first, last = causes.get(where, (record.offset, record.offset))
        causes[where] = (min(first, record.offset), max(last, record.offset))
    return causes
