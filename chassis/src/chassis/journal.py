"""The path's own bookkeeping in SQL: progress, inbox, versions, parked records, timers, outbox. One statement each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import tables
from chassis.errors import Conflict
from chassis.items import TIMER, Item, Outcome, StoredRecord, pack_headers, unpack_headers
from chassis.rows import arrays, insert_many, upsert_many

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way: `cause` is (topic, partition, offset) of the record behind it, or of a timer."""

    aggregate: str
    cause: tuple[str, int, int]
    topic: str
    key: bytes | None
    headers: str
    value: bytes | None


@dataclass(slots=True)
class Count:
    """How a batch moves one partition's progress."""

    next_offset: int
    done: int = 0
    duplicate: int = 0
    rejected: int = 0
    dead: int = 0
    parked: int = 0
    holes: int = 0


# -- progress ---------------------------------------------------------------------------------------------------------

_lock_progress = text(
    "SELECT p.topic, p.partition, p.next_offset, clock_timestamp() AS now FROM progress p "
    "JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[])) AS t(topic, partition) "
    "ON p.topic = t.topic AND p.partition = t.partition WHERE p.reader = :reader "
    "ORDER BY p.topic, p.partition FOR UPDATE OF p"
)
_begin_progress = text(
    "INSERT INTO progress (reader, topic, partition, first_offset, next_offset) "
    "SELECT :reader, topic, partition, first_offset, first_offset "
    "FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) "
    "AS t(topic, partition, first_offset) ORDER BY topic, partition ON CONFLICT DO NOTHING"
)
_move_progress = text(
    "UPDATE progress p SET next_offset = greatest(p.next_offset, t.next_offset), done = p.done + t.done, "
    "duplicate = p.duplicate + t.duplicate, rejected = p.rejected + t.rejected, dead = p.dead + t.dead, "
    "parked = p.parked + t.parked, holes = p.holes + t.holes "
    "FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:next_offset AS bigint[]), "
    "CAST(:done AS bigint[]), CAST(:duplicate AS bigint[]), CAST(:rejected AS bigint[]), CAST(:dead AS bigint[]), "
    "CAST(:parked AS bigint[]), CAST(:holes AS bigint[])) "
    "AS t(topic, partition, next_offset, done, duplicate, rejected, dead, parked, holes) "
    "WHERE p.reader = :reader AND p.topic = t.topic AND p.partition = t.partition"
)
_clock = text("SELECT clock_timestamp()")


async def lock_progress(
    db: AsyncConnection, reader: str, first_offsets: Mapping[Partition, int]
) -> tuple[dict[Partition, int], datetime]:
    """The next offset of each partition, its row locked, and the time of the decision.

    A partition that was never seen begins at the offset given here.
    """
    ordered = sorted(first_offsets)
    where = {"reader": reader, "topics": [t for t, _ in ordered], "partitions": [p for _, p in ordered]}
    rows = (await db.execute(_lock_progress, where)).all()
    if len(rows) < len(ordered):
        await db.execute(
            _begin_progress, where | {"offsets": [first_offsets[partition] for partition in ordered]}
        )
        rows = (await db.execute(_lock_progress, where)).all()
    return {(row.topic, row.partition): row.next_offset for row in rows}, rows[0].now


async def move_progress(db: AsyncConnection, reader: str, counts: Mapping[Partition, Count]) -> None:
    """Add what this batch did to the counts; the table's own check holds the sum."""
    values = list(counts.values())
    await db.execute(
        _move_progress,
        {
            "reader": reader,
            "topics": [topic for topic, _ in counts],
            "partitions": [partition for _, partition in counts],
            **{
                name: [getattr(count, name) for count in values]
                for name in ("next_offset", "done", "duplicate", "rejected", "dead", "parked", "holes")
            },
        },
    )


async def clock(db: AsyncConnection) -> datetime:
    """The database's time."""
    now: datetime = (await db.execute(_clock)).scalar_one()
    return now


# -- inbox ------------------------------------------------------------------------------------------------------------

_take_in = text(
    "INSERT INTO inbox (reader, source, message_id, body_hash, outcome, received_at) "
    "SELECT :reader, source, message_id, body_hash, 0, now() "
    "FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:hashes AS bytea[])) "
    "AS t(source, message_id, body_hash) ORDER BY source, message_id "
    "ON CONFLICT DO NOTHING RETURNING source, message_id"
)
_known = text(
    "SELECT i.source, i.message_id, i.body_hash, i.outcome, i.reply, i.reply_type FROM inbox i "
    "JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS t(source, message_id) "
    "ON i.source = t.source AND i.message_id = t.message_id WHERE i.reader = :reader"
)
_set_outcomes = text(
    "UPDATE inbox i SET outcome = t.outcome, reply = t.reply, reply_type = t.reply_type "
    "FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:outcomes AS smallint[]), "
    "CAST(:replies AS bytea[]), CAST(:types AS text[])) AS t(source, message_id, outcome, reply, reply_type) "
    "WHERE i.reader = :reader AND i.source = t.source AND i.message_id = t.message_id"
)
_prune_inbox = text("DELETE FROM inbox WHERE received_at < now() - make_interval(days => :days)")


async def take_in(db: AsyncConnection, reader: str, items: Collection[Item]) -> dict[tuple[str, str], Any]:
    """Write each item's id down; returns the rows of those that were there already."""
    keys = [item.inbox_key for item in items]
    where = {
        "reader": reader,
        "sources": [source for source, _ in keys],
        "ids": [message_id for _, message_id in keys],
    }
    taken = await db.execute(_take_in, where | {"hashes": [item.body_hash for item in items]})
    new = {(row.source, row.message_id) for row in taken}
    if len(new) == len(set(keys)):
        return {}
    old = await db.execute(_known, where)
    return {key: row for row in old if (key := (row.source, row.message_id)) not in new}


async def set_outcomes(db: AsyncConnection, reader: str, items: Iterable[Item]) -> None:
    """Outcome and reply of the items that did not simply succeed without one; a repeat leaves its first as it is."""
    telling = [
        item
        for item in items
        if item.outcome is not None
        and not item.repeats
        and (item.outcome is not Outcome.DONE or item.reply or item.parked_id)
    ]
    if not telling:
        return
    keys = [item.inbox_key for item in telling]
    await db.execute(
        _set_outcomes,
        {
            "reader": reader,
            "sources": [source for source, _ in keys],
            "ids": [message_id for _, message_id in keys],
            "outcomes": [int(item.outcome or 0) for item in telling],
            "replies": [item.reply.write() if item.reply else None for item in telling],
            "types": [item.reply.TYPE if item.reply else None for item in telling],
        },
    )


async def prune_inbox(db: AsyncConnection, days: int) -> int:
    """Forget ids older than `days`; commands that old are refused by their id."""
    return (await db.execute(_prune_inbox, {"days": days})).rowcount


# -- subject versions -------------------------------------------------------------------------------------------------

_versions = text(
    "SELECT reader, topic, subject, version FROM subject_versions "
    "WHERE subject = ANY(CAST(:subjects AS text[])) AND reader IN ('', :reader)"
)
_new_versions = insert_many(tables.subject_versions, list(tables.subject_versions.columns))
_move_versions = text(
    "UPDATE subject_versions v SET version = t.version "
    "FROM unnest(CAST(:subject AS text[]), CAST(:topic AS text[]), CAST(:reader AS text[]), "
    "CAST(:version AS bigint[]), CAST(:old AS bigint[])) AS t(subject, topic, reader, version, old) "
    "WHERE v.subject = t.subject AND v.topic = t.topic AND v.reader = t.reader AND v.version = t.old"
)

VersionKey = tuple[str, str, str]
"""(reader, topic, subject); the reader is empty for what this service published."""


async def versions(db: AsyncConnection, reader: str, subjects: Collection[str]) -> dict[VersionKey, int]:
    """The newest version read by this reader and published by this service, per topic and subject."""
    rows = await db.execute(_versions, {"subjects": list(subjects), "reader": reader})
    return {(row.reader, row.topic, row.subject): row.version for row in rows}


async def save_versions(
    db: AsyncConnection, before: Mapping[VersionKey, int], after: Mapping[VersionKey, int]
) -> None:
    """Write the changed versions. Raises Conflict when another replica moved one of them meanwhile."""
    columns = list(tables.subject_versions.columns)
    new = [(s, t, r, v) for (r, t, s), v in after.items() if (r, t, s) not in before]
    moved = [(*key[::-1], v, before[key]) for key, v in after.items() if before.get(key, v) != v]
    if new:
        await db.execute(_new_versions, arrays(columns, new))
    if moved:
        names = ("subject", "topic", "reader", "version", "old")
        parameters = dict(zip(names, map(list, zip(*moved, strict=True)), strict=True))
        if (await db.execute(_move_versions, parameters)).rowcount != len(moved):
            raise Conflict("another replica published or read one of these subjects meanwhile")


# -- births -----------------------------------------------------------------------------------------------------------

_lock_births = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT hashtextextended(k, 0) AS key "
    "FROM unnest(CAST(:keys AS text[])) AS k ORDER BY 1 OFFSET 0) AS ordered"
)


async def lock_births(db: AsyncConnection, keys: Collection[str]) -> None:
    """A row that is not there yet cannot be locked: these stand for new ones, as <rows>/<id>, until the commit."""
    await db.execute(_lock_births, {"keys": list(keys)})


# -- parked records ---------------------------------------------------------------------------------------------------

_parked_aggregates = text(
    "SELECT aggregate, (array_agg(reason ORDER BY id))[1] = 'gap' AS gap FROM parked "
    "WHERE reader = :reader AND aggregate = ANY(CAST(:aggregates AS text[])) GROUP BY aggregate"
)
_parked_columns = [column for column in tables.parked.columns if column.name != "id"]
_park = insert_many(tables.parked, _parked_columns)
_parked_records = (
    "SELECT * FROM parked WHERE reader = :reader AND aggregate = ANY(CAST(:aggregates AS text[])) "
    "ORDER BY aggregate, id"
)
_see_parked = text(_parked_records)
_lock_parked = text(f"{_parked_records} FOR UPDATE")
_unpark = text("DELETE FROM parked WHERE id = ANY(CAST(:ids AS bigint[]))")
_repark = text(
    "UPDATE parked p SET aggregate = CASE WHEN t.reason <> 'unreadable' THEN p.aggregate END, reason = t.reason, "
    "code = t.code, detail = t.detail, waiting_for = t.waiting_for, attempts = t.attempts, look_at = t.look_at "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[]), CAST(:codes AS text[]), "
    "CAST(:details AS text[]), CAST(:waiting AS text[]), CAST(:attempts AS int[]), CAST(:look_at AS timestamptz[])) "
    "AS t(id, reason, code, detail, waiting_for, attempts, look_at) WHERE p.id = t.id"
)
_look_now = text(
    "UPDATE parked SET look_at = :now WHERE reader = :reader AND aggregate = ANY(CAST(:aggregates AS text[])) "
    "AND reason IN ('gap', 'waiting')"
)
_wake_waiting = text(
    "UPDATE parked SET look_at = :now WHERE waiting_for = ANY(CAST(:arrived AS text[])) AND reason = 'waiting'"
)
_due_parked = text(
    "SELECT aggregate FROM (SELECT DISTINCT ON (aggregate) aggregate, reason, look_at FROM parked "
    "WHERE reader = :reader AND aggregate IS NOT NULL ORDER BY aggregate, id) AS head "
    "WHERE (reason = 'behind' AND look_at IS NULL) OR (reason <> 'failed' AND look_at <= :now) LIMIT :most"
)
_put_off_parked = text(
    "UPDATE parked SET look_at = :until WHERE id = "
    "(SELECT min(id) FROM parked WHERE reader = :reader AND aggregate = :aggregate)"
)


@dataclass(frozen=True, slots=True)
class Parking:
    """Why and until when a record is parked."""

    reason: str
    code: str
    detail: str
    waiting_for: str | None = None
    look_at: datetime | None = None
    attempts: int = 0


async def parked_aggregates(db: AsyncConnection, reader: str, aggregates: Collection[str]) -> dict[str, bool]:
    """Which of these have parked records, and whether the first of them waits for a missing version."""
    rows = await db.execute(_parked_aggregates, {"reader": reader, "aggregates": list(aggregates)})
    return {row.aggregate: row.gap for row in rows}


async def park(
    db: AsyncConnection, reader: str, parkings: Sequence[tuple[Item, Parking]], now: datetime
) -> None:
    """Put records aside, or say anew why they stay there."""
    fresh = [(item, parking) for item, parking in parkings if item.parked_id is None]
    again = [(item, parking) for item, parking in parkings if item.parked_id is not None]
    if fresh:
        rows = [
            (
                reader,
                item.aggregate_key or None,
                item.record.topic,
                item.record.partition,
                item.record.offset,
                item.record.timestamp,
                item.record.key,
                pack_headers(item.record.headers),
                item.record.value,
                parking.reason,
                parking.code,
                parking.detail,
                parking.waiting_for,
                now,
                parking.attempts,
                parking.look_at,
            )
            for item, parking in fresh
        ]
        await db.execute(_park, arrays(_parked_columns, rows))
    if again:
        await db.execute(
            _repark,
            {
                "ids": [item.parked_id for item, _ in again],
                "reasons": [parking.reason for _, parking in again],
                "codes": [parking.code for _, parking in again],
                "details": [parking.detail for _, parking in again],
                "waiting": [parking.waiting_for for _, parking in again],
                "attempts": [parking.attempts for _, parking in again],
                "look_at": [parking.look_at for _, parking in again],
            },
        )


async def parked_records(
    db: AsyncConnection, reader: str, aggregates: Collection[str], *, lock: bool
) -> list[tuple[StoredRecord, Any]]:
    """The parked records of these aggregates in order, each with its row."""
    rows = await db.execute(
        _lock_parked if lock else _see_parked, {"reader": reader, "aggregates": sorted(aggregates)}
    )
    return [
        (
            StoredRecord(
                row.topic,
                row.partition,
                row.offset,
                row.timestamp_ms,
                row.key,
                row.value,
                unpack_headers(row.headers),
            ),
            row,
        )
        for row in rows
    ]


async def unpark(db: AsyncConnection, ids: Collection[int]) -> None:
    await db.execute(_unpark, {"ids": list(ids)})


async def look_now(db: AsyncConnection, reader: str, aggregates: Collection[str], now: datetime) -> None:
    """The missing version came: look at what waits behind it."""
    await db.execute(_look_now, {"reader": reader, "aggregates": list(aggregates), "now": now})


async def wake_waiting(db: AsyncConnection, arrived: Collection[str], now: datetime) -> None:
    """Reference rows came or changed: look at what waits for them."""
    await db.execute(_wake_waiting, {"arrived": list(arrived), "now": now})


async def due_parked(db: AsyncConnection, reader: str, now: datetime, most: int) -> list[str]:
    """Aggregates whose first parked record is to be looked at now, or is first only since its predecessor went."""
    rows = await db.execute(_due_parked, {"reader": reader, "now": now, "most": most})
    return [row.aggregate for row in rows]


async def put_off_parked(db: AsyncConnection, reader: str, aggregate: str, until: datetime) -> None:
    """Leave this aggregate's first parked record alone for a while."""
    await db.execute(_put_off_parked, {"reader": reader, "aggregate": aggregate, "until": until})


# -- timers -----------------------------------------------------------------------------------------------------------

_timer_columns = list(tables.timers.columns)
_set_timers = upsert_many(tables.timers, _timer_columns)
_cancel_timers = text(
    "DELETE FROM timers t USING unnest(CAST(:aggregates AS text[]), CAST(:ids AS text[]), CAST(:names AS text[])) "
    "AS c(aggregate, aggregate_id, name) "
    "WHERE t.aggregate = c.aggregate AND t.aggregate_id = c.aggregate_id AND t.name = c.name"
)
_fire_timers = text(
    "DELETE FROM timers t USING unnest(CAST(:aggregates AS text[]), CAST(:ids AS text[]), CAST(:names AS text[]), "
    "CAST(:due AS timestamptz[])) AS c(aggregate, aggregate_id, name, due_at) "
    "WHERE t.aggregate = c.aggregate AND t.aggregate_id = c.aggregate_id AND t.name = c.name AND t.due_at = c.due_at "
    "RETURNING t.aggregate, t.aggregate_id, t.name"
)
_due_timers = text(
    "SELECT t.aggregate, t.aggregate_id, t.name, t.due_at FROM timers t "
    "JOIN unnest(CAST(:aggregates AS text[]), CAST(:names AS text[])) AS k(aggregate, name) "
    "ON t.aggregate = k.aggregate AND t.name = k.name WHERE t.due_at <= :now ORDER BY t.due_at LIMIT :most"
)
_put_off_timer = text(
    "UPDATE timers SET due_at = :until "
    "WHERE aggregate = :aggregate AND aggregate_id = :id AND name = :name AND due_at = :due_at"
)

TimerKey = tuple[str, str, str]
"""(rows, aggregate id, name)"""


async def save_timers(db: AsyncConnection, changes: Mapping[TimerKey, datetime | None]) -> None:
    """Set or cancel timers, the last word for each."""
    cancelled = sorted(key for key, due_at in changes.items() if due_at is None)
    due = sorted((*key, due_at) for key, due_at in changes.items() if due_at is not None)
    if cancelled:
        kinds, ids, names = (list(column) for column in zip(*cancelled, strict=True))
        await db.execute(_cancel_timers, {"aggregates": kinds, "ids": ids, "names": names})
    if due:
        await db.execute(_set_timers, arrays(_timer_columns, due))


async def fire_timers(db: AsyncConnection, items: Collection[Item]) -> set[TimerKey]:
    """Delete these timers; those returned are ours to act on, the others somebody else fired or changed."""
    keys = [
        (*item.aggregate, item.timer.name, item.timer_due_at)
        for item in items
        if item.aggregate and item.timer
    ]
    kinds, ids, names, due = (list(column) for column in zip(*sorted(keys), strict=True))
    rows = await db.execute(_fire_timers, {"aggregates": kinds, "ids": ids, "names": names, "due": due})
    return {(row.aggregate, row.aggregate_id, row.name) for row in rows}


async def due_timers(
    db: AsyncConnection, kinds: Collection[tuple[str, str]], now: datetime, most: int
) -> list[Any]:
    """Timers of these kinds (rows, name) that are due, the oldest first. Nothing is locked."""
    where = {"aggregates": [rows for rows, _ in kinds], "names": [name for _, name in kinds]}
    return list(await db.execute(_due_timers, where | {"now": now, "most": most}))


async def put_off_timer(db: AsyncConnection, due: Any, until: datetime) -> None:
    """Let a timer that is due fire later, unless somebody fired or changed it meanwhile."""
    await db.execute(
        _put_off_timer,
        {
            "aggregate": due.aggregate,
            "id": due.aggregate_id,
            "name": due.name,
            "due_at": due.due_at,
            "until": until,
        },
    )


# -- outbox -----------------------------------------------------------------------------------------------------------

_outbox_columns = [column for column in tables.outbox.columns if column.name != "id"]
_put_out = insert_many(tables.outbox, _outbox_columns)
_take_out = text(
    "WITH batch AS MATERIALIZED (SELECT id FROM outbox WHERE aggregate = ANY(CAST(:aggregates AS text[])) "
    "UNION SELECT o.id FROM outbox o JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), "
    "CAST(:first AS bigint[]), CAST(:last AS bigint[])) AS c(topic, partition, first, last) "
    "ON o.cause_topic = c.topic AND o.cause_partition = c.partition AND o.cause_offset BETWEEN c.first AND c.last), "
    "locked AS MATERIALIZED (SELECT id FROM outbox WHERE id IN (SELECT id FROM batch) ORDER BY id FOR UPDATE) "
    "DELETE FROM outbox o USING locked l WHERE o.id = l.id RETURNING o.id, o.topic, o.key, o.headers, o.value"
)
_stale_aggregates = text(
    "SELECT DISTINCT aggregate FROM outbox WHERE created_at < now() - make_interval(secs => :seconds) LIMIT :most"
)
_compacted_columns = list(tables.compacted.columns)
_save_compacted = upsert_many(tables.compacted, _compacted_columns)
_lock_compacted = text(
    "SELECT topic, subject, headers, value FROM compacted WHERE subject = ANY(CAST(:subjects AS text[])) "
    "ORDER BY topic, subject FOR SHARE"
)


async def put_out(db: AsyncConnection, rows: Sequence[OutboxRow], now: datetime) -> None:
    """Write messages down that this transaction decided."""
    values = [(r.aggregate, *r.cause, r.topic, r.key, r.headers, r.value, now) for r in rows]
    await db.execute(_put_out, arrays(_outbox_columns, values))


async def take_out(
    db: AsyncConnection, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
) -> list[Any]:
    """Unsent rows of these aggregates and of these records (first and last offset), locked, oldest first.

    They are deleted in this transaction, which is committed only when the broker has all of them.
    """
    rows = await db.execute(
        _take_out,
        {
            "aggregates": list(aggregates),
            "topics": [topic for topic, _ in causes],
            "partitions": [partition for _, partition in causes],
            "first": [first for first, _ in causes.values()],
            "last": [last for _, last in causes.values()],
        },
    )
    return sorted(rows, key=lambda row: row.id)


async def stale_aggregates(db: AsyncConnection, seconds: int, most: int) -> list[str]:
    """Aggregates with messages that stayed unsent for this long: a crash left them, and no redelivery came."""
    rows = await db.execute(_stale_aggregates, {"seconds": seconds, "most": most})
    return [row.aggregate for row in rows]


async def save_compacted(
    db: AsyncConnection, rows: Mapping[tuple[str, str], tuple[str, bytes | None]]
) -> None:
    """Keep the current message of each subject on a compacted topic: (topic, subject) to (headers, value)."""
    values = [(*key, *rows[key]) for key in sorted(rows)]
    await db.execute(_save_compacted, arrays(_compacted_columns, values))


async def lock_compacted(db: AsyncConnection, subjects: Collection[str]) -> list[Any]:
    """The current compacted messages of these subjects; none of them changes before this transaction ends."""
    return list(await db.execute(_lock_compacted, {"subjects": list(subjects)}))


# -- counters and errands ---------------------------------------------------------------------------------------------

_lock_counters = text(
    "INSERT INTO counters (name, last) SELECT name, 0 FROM unnest(CAST(:names AS text[])) AS t(name) ORDER BY name "
    "ON CONFLICT (name) DO UPDATE SET last = counters.last RETURNING name, last"
)
_save_counters = text(
    "UPDATE counters c SET last = t.last FROM unnest(CAST(:names AS text[]), CAST(:last AS bigint[])) AS t(name, last) "
    "WHERE c.name = t.name"
)
_errand_columns = list(tables.errands.columns)
_put_errands = insert_many(tables.errands, _errand_columns)


async def lock_counters(db: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    """The last number given out of each range, its row locked, in name order."""
    rows = await db.execute(_lock_counters, {"names": sorted(names)})
    return {row.name: row.last for row in rows}


async def save_counters(db: AsyncConnection, counters: Mapping[str, int]) -> None:
    """Write the last numbers given out of ranges that are locked."""
    await db.execute(_save_counters, {"names": list(counters), "last": list(counters.values())})


async def put_errands(db: AsyncConnection, errands: Sequence[tuple[str, str, str]], now: datetime) -> None:
    """Write errands down as (id, kind, payload as JSON)."""
    rows = [(*errand, 0, now, now) for errand in errands]
    await db.execute(_put_errands, arrays(_errand_columns, rows))


def cause_of(item: Item) -> tuple[str, int, int]:
    """What the outbox calls this item: the record's place, or the timer."""
    if item.timer is not None:
        return TIMER, 0, 0
    return item.record.topic, item.record.partition, item.record.offset
