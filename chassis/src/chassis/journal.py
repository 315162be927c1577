"""The path's own bookkeeping in SQL: progress, inbox, versions, births. One statement each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from chassis import tables
from chassis.database import Session
from chassis.errors import Conflict
from chassis.items import Item, Outcome
from chassis.rows import arrays, insert_many

Partition = tuple[str, int]


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
_progress = text("SELECT topic, partition, next_offset FROM progress WHERE reader = :reader")
_clock = text("SELECT clock_timestamp() AS now")


async def lock_progress(
    db: Session, reader: str, first_offsets: Mapping[Partition, int]
) -> tuple[dict[Partition, int], datetime]:
    """The next offset of each partition, its row locked, and the time of the decision.

    A partition that was never seen begins at the offset given here.
    """
    ordered = sorted(first_offsets)
    where = {"reader": reader, "topics": [t for t, _ in ordered], "partitions": [p for _, p in ordered]}
    rows = list(await db.execute(_lock_progress, where))
    if len(rows) < len(ordered):
        await begin_progress(db, reader, first_offsets)
        rows = list(await db.execute(_lock_progress, where))
    return {(row.topic, row.partition): row.next_offset for row in rows}, rows[0].now


async def move_progress(db: Session, reader: str, counts: Mapping[Partition, Count]) -> None:
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


async def progress(db: Session, reader: str) -> dict[Partition, int]:
    """The next offset of each partition, nothing locked."""
    rows = await db.execute(_progress, {"reader": reader})
    return {(row.topic, row.partition): row.next_offset for row in rows}


async def begin_progress(db: Session, reader: str, offsets: Mapping[Partition, int]) -> None:
    """The first offset of partitions that were never seen; what is known stays as it is."""
    ordered = sorted(offsets)
    await db.execute(
        _begin_progress,
        {
            "reader": reader,
            "topics": [topic for topic, _ in ordered],
            "partitions": [partition for _, partition in ordered],
            "offsets": [offsets[partition] for partition in ordered],
        },
    )


async def clock(db: Session) -> datetime:
    """The database's time."""
    (row,) = await db.execute(_clock)
    now: datetime = row.now
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


async def take_in(db: Session, reader: str, items: Collection[Item]) -> dict[tuple[str, str], Any]:
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


async def set_outcomes(db: Session, reader: str, items: Iterable[Item]) -> None:
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


async def prune_inbox(db: Session, days: int) -> None:
    """Forget ids older than `days`; commands that old are refused by their id."""
    await db.execute(_prune_inbox, {"days": days})


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
    "WHERE v.subject = t.subject AND v.topic = t.topic AND v.reader = t.reader AND v.version = t.old "
    "RETURNING v.version"
)

VersionKey = tuple[str, str, str]
"""(reader, topic, subject); the reader is empty for what this service published."""


async def versions(db: Session, reader: str, subjects: Collection[str]) -> dict[VersionKey, int]:
    """The newest version read by this reader and published by this service, per topic and subject."""
    rows = await db.execute(_versions, {"subjects": list(subjects), "reader": reader})
    return {(row.reader, row.topic, row.subject): row.version for row in rows}


async def save_versions(
    db: Session, before: Mapping[VersionKey, int], after: Mapping[VersionKey, int]
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
        if len(list(await db.execute(_move_versions, parameters))) != len(moved):
            raise Conflict("another replica published or read one of these subjects meanwhile")


# -- births -----------------------------------------------------------------------------------------------------------

_lock_births = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT hashtextextended(k, 0) AS key "
    "FROM unnest(CAST(:keys AS text[])) AS k ORDER BY 1 OFFSET 0) AS ordered"
)


async def lock_births(db: Session, keys: Collection[str]) -> None:
    """A row that is not there yet cannot be locked: these stand for new ones, as <rows>/<id>, until the commit."""
    await db.execute(_lock_births, {"keys": list(keys)})
