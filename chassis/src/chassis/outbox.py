"""What leaves the service: outbox, the compacted messages kept for writing again, errands; and gapless counters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from chassis import tables
from chassis.database import Session
from chassis.items import TIMER, Item
from chassis.journal import Partition
from chassis.rows import arrays, insert_many, upsert_many


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way: `cause` is (topic, partition, offset) of the record behind it, or of a timer."""

    aggregate: str
    cause: tuple[str, int, int]
    topic: str
    key: bytes | None
    headers: str
    value: bytes | None


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
    "SELECT DISTINCT aggregate FROM outbox WHERE created_at < now() - CAST(:age AS interval) LIMIT :most"
)
_compacted_columns = list(tables.compacted.columns)
_save_compacted = upsert_many(tables.compacted, _compacted_columns)
_lock_compacted = text(
    "SELECT c.topic, c.subject, c.headers, c.value, EXISTS (SELECT FROM outbox o "
    "WHERE o.topic = c.topic AND o.key = convert_to(c.subject, 'UTF8')) AS unsent "
    "FROM compacted c WHERE c.subject = ANY(CAST(:subjects AS text[])) ORDER BY c.topic, c.subject FOR SHARE OF c"
)

_compacted_after = text(
    "SELECT topic, subject FROM compacted WHERE (topic, subject) > (:topic, :subject) "
    "ORDER BY topic, subject LIMIT :most"
)


async def put_out(db: Session, rows: Sequence[OutboxRow], now: datetime) -> None:
    """Write messages down that this transaction decided."""
    values = [(r.aggregate, *r.cause, r.topic, r.key, r.headers, r.value, now) for r in rows]
    await db.execute(_put_out, arrays(_outbox_columns, values))


async def take_out(
    db: Session, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
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


async def stale_aggregates(db: Session, age: timedelta, most: int) -> list[str]:
    """Aggregates with messages that stayed unsent for this long: a crash left them, and no redelivery came."""
    rows = await db.execute(_stale_aggregates, {"age": age, "most": most})
    return [row.aggregate for row in rows]


async def save_compacted(db: Session, rows: Mapping[tuple[str, str], tuple[str, bytes | None]]) -> None:
    """Keep the current message of each subject on a compacted topic: (topic, subject) to (headers, value)."""
    values = [(*key, *rows[key]) for key in sorted(rows)]
    await db.execute(_save_compacted, arrays(_compacted_columns, values))


async def compacted_after(db: Session, place: tuple[str, str], most: int) -> list[tuple[str, str]]:
    """The next subjects with a compacted message, as (topic, subject), in order."""
    topic, subject = place
    rows = await db.execute(_compacted_after, {"topic": topic, "subject": subject, "most": most})
    return [(row.topic, row.subject) for row in rows]


async def lock_compacted(db: Session, subjects: Collection[str]) -> list[Any]:
    """The current compacted messages of these subjects; none of them changes before this transaction ends.

    `unsent`: something of the same subject waits in the outbox.
    """
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


async def lock_counters(db: Session, names: Collection[str]) -> dict[str, int]:
    """The last number given out of each range, its row locked, in name order."""
    rows = await db.execute(_lock_counters, {"names": sorted(names)})
    return {row.name: row.last for row in rows}


async def save_counters(db: Session, counters: Mapping[str, int]) -> None:
    """Write the last numbers given out of ranges that are locked."""
    await db.execute(_save_counters, {"names": list(counters), "last": list(counters.values())})


async def put_errands(db: Session, errands: Sequence[tuple[str, str, str]], now: datetime) -> None:
    """Write errands down as (id, kind, payload as JSON)."""
    rows = [(*errand, 0, now, now) for errand in errands]
    await db.execute(_put_errands, arrays(_errand_columns, rows))


def cause_of(item: Item) -> tuple[str, int, int]:
    """What the outbox calls this item: the record's place, or the timer."""
    if item.timer is not None:
        return TIMER, 0, 0
    return item.record.topic, item.record.partition, item.record.offset
