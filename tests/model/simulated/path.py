"""Mirrors chassis/src/chassis/path.py: a decision per message, a transaction per batch, a second one to publish.

    decode ─► begin ─► progress, inbox ─► load ─► decide … decide ─► save, outbox ─► commit ─► publish

Decisions are made in memory between two statements, so nothing can come between them and they need no step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice

from simulated.batch import Batch, InboxRow, Item, OutboxRow, ParkedRow, Progress
from simulated.broker import Partition, Record
from simulated.database import Conflict, Database, Transaction
from simulated.messages import (
    COMPACTED,
    DEAD_LETTERS,
    EVENTS,
    REPLIES,
    STATES,
    VERSIONED,
    Kind,
    Outcome,
    Said,
)
from simulated.publish import Publisher
from simulated.scheduler import Process

TIMER_TICKS = 40
PUT_OFF_TICKS = 30
TIMER = "timer"


class DecisionFailed(Exception):
    """As chassis.errors.DecisionFailed: our own code fails on this item."""


class Path:
    """The path of one reader. Safe to call again with the same records, as often as they come."""

    def __init__(
        self, database: Database, publisher: Publisher, process: Process, mended: Collection[str]
    ) -> None:
        self.database = database
        self.publisher = publisher
        self.process = process
        self._mended = mended

    # -- in -----------------------------------------------------------------------------------------------------------

    async def take(self, records: Sequence[Record], *, failure: bool = False) -> None:
        """Path.take"""
        items = [_read(record, failure=failure) for record in records]
        with self.database.transaction(self.process) as db:
            batch = await self._begin_records(db, items)
            if batch.items:
                await self._finish(db, batch)
            await db.commit()
        fired = await self._fire_at_once([key for key, due_at in batch.timers.items() if due_at <= batch.now])
        if fired or batch.out or len(batch.items) < len(items):
            aggregates = {item.aggregate for item in items if item.aggregate}
            await self.publish(aggregates | fired, causes(records))

    async def _fire_at_once(self, due: Collection[tuple[str, str]]) -> set[str]:
        """Path._fire_at_once: what fails here the keeper does again."""
        if due:
            with suppress(Exception):
                return await self._fire(due)
        return set()

    async def passed(self) -> dict[Partition, int]:
        """Path.passed"""
        with self.database.transaction(self.process) as db:
            return {partition: row.next for partition, row in (await db.select("progress")).items()}

    async def fire(self, due: Collection[tuple[str, str]]) -> None:
        """Path.fire; a timer is known as (aggregate, name)."""
        await self.publish(await self._fire(due), {})

    async def _fire(self, due: Collection[tuple[str, str]]) -> set[str]:
        items = [_timer_item(aggregate, name) for aggregate, name in due]
        with self.database.transaction(self.process) as db:
            batch = self._batch(items)
            await self._load(db, batch)
            fired = await self._fire_timers(db, items)
            batch.items = [item for item in items if (item.aggregate, item.timer) in fired]
            if batch.items:
                await self._finish(db, batch)
            await db.commit()
        return batch.aggregates

    async def look_again(
        self,
        aggregates: Collection[str],
        *,
        redrive: bool = False,
        most: int | None = None,
        failure: bool = False,
    ) -> None:
        """Path.look_again"""
        with self.database.transaction(self.process) as db:
            batch = await self._begin_parked(db, aggregates, redrive=redrive, most=most, failure=failure)
            if batch.items:
                await self._finish(db, batch)
            await db.commit()
        await self.publish(batch.aggregates, {})

    async def publish(self, aggregates: Collection[str], caused: Mapping[Partition, tuple[int, int]]) -> None:
        """Path.publish"""
        await self.publisher.publish(aggregates, caused)

    # -- how a transaction begins -------------------------------------------------------------------------------------

    async def _begin_records(self, db: Transaction, items: Sequence[Item]) -> Batch:
        """Path._begin_records: progress, then inbox."""
        passed = await self._lock_progress(db, {where(item.record) for item in items})
        fresh = [item for item in items if item.record.offset >= passed[where(item.record)].next]
        batch = self._batch(fresh)
        batch.next_offsets = {partition: row.next for partition, row in passed.items()}
        if fresh:
            await self._take_in(db, fresh)
        return batch

    async def _take_in(self, db: Transaction, items: Sequence[Item]) -> None:
        """journal.take_in, and what _begin_records makes of its answer."""
        rows = {item.message.id: InboxRow(item.message) for item in items}
        new = await db.insert("inbox", rows)
        known = await db.select("inbox", lambda key, _: key in rows) if len(new) < len(rows) else {}
        for item in items:
            if item.message.id in new:
                new.remove(item.message.id)  # the first of them; others of this batch repeat it
            else:
                item.first = known.get(item.message.id, rows[item.message.id])

    async def _begin_parked(
        self, db: Transaction, aggregates: Collection[str], *, redrive: bool, most: int | None, failure: bool
    ) -> Batch:
        """Path._begin_parked: progress rows first, as everywhere, then the aggregates."""

        def of_these(_: int, row: ParkedRow) -> bool:
            return row.aggregate in aggregates

        glance = await db.select("parked", of_these)
        batch = self._batch([])
        if not glance:
            return batch
        passed = await self._lock_progress(db, {where(row.record) for row in glance.values()})
        batch.next_offsets = {partition: row.next for partition, row in passed.items()}
        await self._load(db, batch, aggregates)
        records = await db.lock("parked", await db.select("parked", of_these))
        for _, group in groupby(
            sorted(records.items(), key=_by_aggregate), key=lambda pair: pair[1].aggregate
        ):
            for parked_id, row in islice(group, most):
                if where(row.record) not in passed or (row.reason == "failed" and not redrive):
                    break
                item = _read(row.record, failure=failure)
                item.parked_id = parked_id
                item.parked_as = Outcome.DEAD if row.reason == "failed" else Outcome.PARKED
                batch.items.append(item)
        return batch

    def _batch(self, items: list[Item]) -> Batch:
        return Batch(items, self.database.now)

    # -- what is the same for all -------------------------------------------------------------------------------------

    async def _finish(self, db: Transaction, batch: Batch) -> None:
        """Path._finish: load, decide, save."""
        await self._load(db, batch)
        subjects = batch.aggregates
        batch.versions_before = await db.select("versions", lambda key, _: key[1] in subjects)
        batch.versions = dict(batch.versions_before)
        parked = await db.select("parked", lambda _, row: row.aggregate in subjects)
        batch.parked = {row.aggregate for row in parked.values()}
        for item in batch.items:
            self._decide_one(batch, item)
        await self._save(db, batch)

    async def _load(self, db: Transaction, batch: Batch, aggregates: Collection[str] = ()) -> None:
        """Path._load: what is changed is locked, reference data is not."""
        wanted = (set(aggregates) or batch.aggregates) - batch.rows.keys()
        if wanted:
            found = await db.lock("accounts", wanted)
            batch.rows.update({key: found.get(key) for key in wanted})
            batch.partners |= await db.select("partners")

    async def _save(self, db: Transaction, batch: Batch) -> None:
        """Path._save"""
        await self._none_was_born(db, batch)
        if batch.changed:
            await db.save("accounts", batch.changed)
        if batch.learnt:
            await db.save("partners", dict.fromkeys(batch.learnt, True))
        changed = {key: v for key, v in batch.versions.items() if batch.versions_before.get(key) != v}
        if changed:
            await self._save_versions(db, batch.versions_before, changed)
        if batch.timers:
            await db.save("timers", batch.timers)
        await self._save_parked(db, batch)
        replies = {i.message.id: InboxRow(i.message, i.reply) for i in batch.items if i.reply and not i.first}
        if replies:
            await db.save("inbox", replies)
        await self._move_progress(db, batch)
        if batch.compacted:
            await db.save("compacted", batch.compacted)
        if batch.out:
            await db.add("outbox", batch.out)

    async def _none_was_born(self, db: Transaction, batch: Batch) -> None:
        """Path._none_was_born"""
        if batch.born:
            await db.advisory(batch.born)
            if await db.select("accounts", lambda key, _: key in batch.born):
                raise Conflict("another replica has made one of these rows meanwhile")

    async def _save_parked(self, db: Transaction, batch: Batch) -> None:
        """Path._save_parked"""
        fresh = [row for item, row in batch.parkings if item.parked_id is None]
        again = {item.parked_id: row for item, row in batch.parkings if item.parked_id is not None}
        through = (Outcome.DONE, Outcome.DUPLICATE, Outcome.REJECTED)
        gone = {i.parked_id: None for i in batch.items if i.parked_id is not None and i.outcome in through}
        if fresh:
            await db.add("parked", fresh)
        if again or gone:
            await db.save("parked", again | gone)
        if batch.learnt:
            waiting = await db.lock(
                "parked", await db.select("parked", lambda _, row: row.reason == "waiting")
            )
            await db.save("parked", {key: _looked_at(row, batch.now) for key, row in waiting.items()})

    # -- statements of journal.py and parked.py -----------------------------------------------------------------------

    async def _lock_progress(
        self, db: Transaction, partitions: Collection[Partition]
    ) -> dict[Partition, Progress]:
        """journal.lock_progress"""
        rows = await db.lock("progress", partitions)
        if len(rows) < len(partitions):
            await db.insert("progress", {partition: Progress() for partition in partitions})
            rows = await db.lock("progress", partitions)
        return rows

    async def _move_progress(self, db: Transaction, batch: Batch) -> None:
        """batch.count and journal.move_progress"""
        changes: dict[Partition, dict[Outcome, int]] = {partition: {} for partition in batch.next_offsets}
        for item in batch.items:
            if item.timer is not None or item.outcome is None:
                continue
            change = changes[where(item.record)]
            change[item.outcome] = change.get(item.outcome, 0) + 1
            if item.parked_id is None:
                batch.next_offsets[where(item.record)] = item.record.offset + 1
            else:
                change[item.parked_as] = change.get(item.parked_as, 0) - 1
        if changes:
            rows = await db.lock("progress", changes)
            moved = {p: row.moved(batch.next_offsets[p], changes[p]) for p, row in rows.items()}
            await db.save("progress", moved)

    async def _save_versions(
        self, db: Transaction, before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
    ) -> None:
        """journal.save_versions"""
        new = {key: version for key, version in after.items() if key not in before}
        if new and len(await db.insert("versions", new)) < len(new):
            raise Conflict("another replica published one of these subjects first")
        moved = {key: version for key, version in after.items() if key in before}
        if moved:
            found = await db.lock("versions", moved)
            if any(found.get(key) != before[key] for key in moved):
                raise Conflict("another replica published one of these subjects meanwhile")
            await db.save("versions", moved)

    async def _fire_timers(
        self, db: Transaction, items: Collection[Item]
    ) -> set[tuple[str | None, str | None]]:
        """parked.fire_timers: those that are ours to act on."""
        keys = {(item.aggregate, item.timer) for item in items}
        return set(await db.delete_locked("timers", lambda key, _: key in keys))

    # -- deciding, as batch.py ----------------------------------------------------------------------------------------

    def _decide_one(self, batch: Batch, item: Item) -> None:
        """Batch._ask, _in_turn, _question"""
        if item.parked_id is not None and item.aggregate in batch.stopped:
            return
        if item.timer is not None:
            self._apply(batch, item, f"timer {item.timer}")
            return
        if item.first is not None:
            item.outcome = Outcome.DUPLICATE
            if item.first.reply is not None:
                self._tell(batch, item, REPLIES, item.first.reply)
            return
        if item.message.kind is Kind.UNREADABLE:
            self._die(batch, item, "unreadable")
        elif item.failure:
            self._die(batch, item, "failed")
        elif item.message.kind is Kind.LEARN:
            batch.learnt.add(item.message.subject)
            item.outcome = Outcome.DONE
        elif item.aggregate in batch.parked and item.parked_id is None:
            self._park(batch, item, "behind", None)
        else:
            self._question(batch, item)

    def _question(self, batch: Batch, item: Item) -> None:
        """The service's own rules."""
        match item.message.kind:
            case Kind.REFUSED:
                item.outcome = Outcome.REJECTED
                self._reply(batch, item, "rejected")
            case Kind.POISON if item.message.id not in self._mended:
                raise DecisionFailed(item.message.id)
            case Kind.WAIT if item.message.subject not in batch.partners:
                self._park(batch, item, "waiting", batch.now + PUT_OFF_TICKS)
            case _:
                if item.message.kind is Kind.REMIND:
                    wait = TIMER_TICKS if item.record.offset % 2 else 0
                    batch.timers[(item.message.subject, item.message.id)] = batch.now + wait
                self._apply(batch, item, item.message.id)
                self._reply(batch, item, "accepted")

    def _apply(self, batch: Batch, item: Item, word: str) -> None:
        """Batch.apply: the account remembers the word, and says so on both topics."""
        aggregate = item.aggregate or ""
        if batch.rows[aggregate] is None:
            batch.born.add(aggregate)
        batch.rows[aggregate] = (*(batch.rows[aggregate] or ()), word)
        batch.changed[aggregate] = batch.rows[aggregate]
        for topic in (EVENTS, STATES):
            said = self._say(batch, item, topic, aggregate, word)
            if topic in COMPACTED:
                batch.compacted[(topic, aggregate)] = said
        item.outcome = Outcome.DONE

    def _park(self, batch: Batch, item: Item, reason: str, look_at: int | None) -> None:
        """Batch._park"""
        item.outcome = Outcome.PARKED
        if item.aggregate is not None:
            batch.stopped.add(item.aggregate)
            batch.parked.add(item.aggregate)
        batch.parkings.append((item, ParkedRow(item.aggregate, item.record, reason, look_at)))

    def _die(self, batch: Batch, item: Item, reason: str) -> None:
        """Batch._die"""
        item.outcome = Outcome.DEAD
        if reason == "unreadable":
            item.aggregate = None
        elif item.aggregate is not None:
            batch.stopped.add(item.aggregate)
            batch.parked.add(item.aggregate)
        batch.parkings.append((item, ParkedRow(item.aggregate, item.record, reason, None)))
        self._say(batch, item, DEAD_LETTERS, item.message.id, reason)

    def _reply(self, batch: Batch, item: Item, word: str) -> None:
        """Batch._reply"""
        item.reply = self._say(batch, item, REPLIES, item.message.id, word)

    def _say(self, batch: Batch, item: Item, topic: str, subject: str, about: str) -> Said:
        """Batch._emit, with the id of a new message."""
        version = 0
        if topic in VERSIONED:
            version = batch.versions.get((topic, subject), 0) + 1
            batch.versions[(topic, subject)] = version
        said = Said(f"{topic}-{self.database.next_id()}", subject, version, about)
        self._tell(batch, item, topic, said)
        return said

    def _tell(self, batch: Batch, item: Item, topic: str, said: Said) -> None:
        cause = (item.record.topic, item.record.partition, item.record.offset)
        at_once = item.timer is None and item.parked_id is None
        batch.out.append(OutboxRow(item.aggregate or "", cause, topic, said, batch.now, at_once))


def _read(record: Record, *, failure: bool = False) -> Item:
    """items.decode"""
    about_nobody = record.message.kind in (Kind.UNREADABLE, Kind.LEARN)
    return Item(record, None if about_nobody else record.message.subject, failure=failure)


def _timer_item(aggregate: str, name: str) -> Item:
    """items.timer_item"""
    return Item(Record(TIMER, 0, 0, None), aggregate, timer=name)


def where(record: Record) -> Partition:
    """The partition a record stands in."""
    return record.topic, record.partition


def causes(records: Sequence[Record]) -> dict[Partition, tuple[int, int]]:
    """path._causes: first and last offset per partition."""
    found: dict[Partition, tuple[int, int]] = {}
    for record in records:
        first, last = found.get(where(record), (record.offset, record.offset))
        found[where(record)] = (min(first, record.offset), max(last, record.offset))
    return found


def _by_aggregate(pair: tuple[int, ParkedRow]) -> tuple[str, int]:
    return pair[1].aggregate or "", pair[0]


def _looked_at(row: ParkedRow, now: int) -> ParkedRow:
    return ParkedRow(row.aggregate, row.record, row.reason, now)
