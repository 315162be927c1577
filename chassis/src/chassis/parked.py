"""What is looked at later: parked records and timers. One statement each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from chassis import tables
from chassis.database import Session
from chassis.items import Item, StoredRecord, pack_headers, unpack_headers
from chassis.rows import arrays, insert_many, upsert_many

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
    "WHERE (reason = 'behind' AND look_at IS NULL) "
    "OR (reason <> 'failed' AND (look_at <= :now OR look_at > :farthest)) LIMIT :most"
)
FARTHEST = timedelta(minutes=2)
"""Nothing is put off for longer: what is to be looked at later than that was parked by a clock that went ahead."""
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


async def parked_aggregates(db: Session, reader: str, aggregates: Collection[str]) -> dict[str, bool]:
    """Which of these have parked records, and whether the first of them waits for a missing version."""
    rows = await db.execute(_parked_aggregates, {"reader": reader, "aggregates": list(aggregates)})
    return {row.aggregate: row.gap for row in rows}


async def park(db: Session, reader: str, parkings: Sequence[tuple[Item, Parking]], now: datetime) -> None:
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
    db: Session, reader: str, aggregates: Collection[str], *, lock: bool
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


async def unpark(db: Session, ids: Collection[int]) -> None:
    await db.execute(_unpark, {"ids": list(ids)})


async def look_now(db: Session, reader: str, aggregates: Collection[str], now: datetime) -> None:
    """The missing version came: look at what waits behind it."""
    await db.execute(_look_now, {"reader": reader, "aggregates": list(aggregates), "now": now})


async def wake_waiting(db: Session, arrived: Collection[str], now: datetime) -> None:
    """Reference rows came or changed: look at what waits for them."""
    await db.execute(_wake_waiting, {"arrived": list(arrived), "now": now})


async def due_parked(db: Session, reader: str, now: datetime, most: int) -> list[str]:
    """Aggregates whose first parked record is to be looked at now, or is first only since its predecessor went."""
    where = {"reader": reader, "now": now, "farthest": now + FARTHEST, "most": most}
    rows = await db.execute(_due_parked, where)
    return [row.aggregate for row in rows]


async def put_off_parked(db: Session, reader: str, aggregate: str, until: datetime) -> None:
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


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that is due, shaped as the rows of `due_timers`."""

    aggregate: str
    aggregate_id: str
    name: str
    due_at: datetime


async def save_timers(db: Session, changes: Mapping[TimerKey, datetime | None]) -> None:
    """Set or cancel timers, the last word for each."""
    cancelled = sorted(key for key, due_at in changes.items() if due_at is None)
    due = sorted((*key, due_at) for key, due_at in changes.items() if due_at is not None)
    if cancelled:
        kinds, ids, names = (list(column) for column in zip(*cancelled, strict=True))
        await db.execute(_cancel_timers, {"aggregates": kinds, "ids": ids, "names": names})
    if due:
        await db.execute(_set_timers, arrays(_timer_columns, due))


async def fire_timers(db: Session, items: Collection[Item]) -> set[TimerKey]:
    """Delete these timers; those returned are ours to act on, the others somebody else fired or changed."""
    keys = [
        (*item.aggregate, item.timer.name, item.timer_due_at)
        for item in items
        if item.aggregate and item.timer
    ]
    kinds, ids, names, due = (list(column) for column in zip(*sorted(keys), strict=True))
    rows = await db.execute(_fire_timers, {"aggregates": kinds, "ids": ids, "names": names, "due": due})
    return {(row.aggregate, row.aggregate_id, row.name) for row in rows}


_glance = text(
    "SELECT clock_timestamp() AS now, (SELECT min(due_at) FROM timers) AS timer_due_at, "
    "EXISTS (SELECT FROM parked WHERE aggregate IS NOT NULL AND reason <> 'failed') AS some_parked, "
    "(SELECT created_at FROM outbox ORDER BY id LIMIT 1) AS oldest_unsent_at"
)


async def glance(db: Session) -> Any:
    """Whether there may be anything to do, for all readers: now, timer_due_at, some_parked, oldest_unsent_at."""
    (row,) = await db.execute(_glance)
    return row


async def due_timers(db: Session, kinds: Collection[tuple[str, str]], now: datetime, most: int) -> list[Any]:
    """Timers of these kinds (rows, name) that are due, the oldest first. Nothing is locked."""
    where = {"aggregates": [rows for rows, _ in kinds], "names": [name for _, name in kinds]}
    return list(await db.execute(_due_timers, where | {"now": now, "most": most}))


async def put_off_timer(db: Session, due: Any, until: datetime) -> None:
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
