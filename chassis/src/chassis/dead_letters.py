"""Dead letters in daily life: see them, take them again, or drop them; each act is written down.

Whoever looks sees structure, never values: what could not be read may hold anything, personal data in a key included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import journal
from chassis.errors import DecisionFailed, said
from chassis.items import unpack_headers
from chassis.path import Path
from contracts import catalogue
from contracts.envelope import Envelope
from contracts.messages import Unreadable

DEAD = ("failed", "unreadable")
LARGEST_SHOWN = 200
"""Lines of a body's structure."""

_columns = (
    'p.id, p.reader, p.aggregate, p.topic, p.partition, p."offset", p.reason, p.code, p.detail, p.attempts, '
    "now() - p.since AS age, "
    "(SELECT count(*) FROM parked b WHERE b.reader = p.reader AND b.aggregate = p.aggregate AND b.id > p.id) AS behind"
)
_list = text(
    f"SELECT {_columns} FROM parked p "  # noqa: S608  # columns from code
    "WHERE p.reason = ANY(CAST(:reasons AS text[])) ORDER BY p.since, p.id"
)
_one = text(f"SELECT {_columns}, p.key, p.headers, p.value FROM parked p WHERE p.id = :id")  # noqa: S608
_lock_dead = text("SELECT reason, topic, headers FROM parked WHERE id = :id FOR UPDATE")
_drop = text("DELETE FROM parked WHERE id = :id")
_pass_version = text(
    "INSERT INTO subject_versions (subject, topic, reader, version) VALUES (:subject, :topic, :reader, :version) "
    "ON CONFLICT (subject, topic, reader) DO UPDATE SET version = greatest(subject_versions.version, :version)"
)
_begin_act = text(
    'INSERT INTO dead_letter_acts (who, act, why, parked_id, reader, aggregate, topic, partition, "offset", outcome) '
    "VALUES (:who, :act, :why, :parked_id, :reader, :aggregate, :topic, :partition, :offset, :outcome) RETURNING id"
)
_end_act = text("UPDATE dead_letter_acts SET outcome = :outcome WHERE id = :id")
_acts = text("SELECT * FROM dead_letter_acts ORDER BY id DESC LIMIT :most")
_state_of = text("SELECT reason, code FROM parked WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record as a list shows it. behind: how many of the same aggregate wait for it."""

    id: int
    reader: str
    aggregate: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    code: str
    detail: str
    attempts: int
    age: timedelta
    behind: int


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and why."""

    who: str
    why: str


class NotPossible(Exception):
    """This cannot be done with this record; the text says why, for a person."""


# -- looking ----------------------------------------------------------------------------------------------------------


async def parked(engine: AsyncEngine, *, everything: bool = False) -> list[Parked]:
    """The dead letters, the oldest first; with `everything` also what waits by itself."""
    reasons = [*DEAD, "waiting", "gap", "behind"] if everything else list(DEAD)
    async with engine.connect() as db:
        return [_parked(row) for row in await db.execute(_list, {"reasons": reasons})]


async def look(engine: AsyncEngine, parked_id: int) -> tuple[Parked, list[str]]:
    """One record: as the list shows it, and its headers and structure, redacted. Raises NotPossible."""
    async with engine.connect() as db:
        row = (await db.execute(_one, {"id": parked_id})).one_or_none()
    if row is None:
        raise NotPossible(f"Nothing is parked under the number {parked_id}.")
    return _parked(row), _redacted(row)


async def acts(engine: AsyncEngine, most: int) -> Sequence[Any]:
    """What operators did, the newest first."""
    async with engine.connect() as db:
        return (await db.execute(_acts, {"most": most})).all()


def _parked(row: Any) -> Parked:
    return Parked(*(getattr(row, name) for name in Parked.__dataclass_fields__))


# -- acting -----------------------------------------------------------------------------------------------------------


async def redrive(
    engine: AsyncEngine, paths: Collection[Path], chosen: Collection[Parked], by: By
) -> list[str]:
    """Take these again, the oldest first, then what waited behind each. Returns what became of each.

    One that fails again stays where it is, and so do its successors.
    """
    by_reader = {path.reader.name: path for path in paths}
    outcomes = []
    for letter in sorted(chosen, key=lambda one: one.id):
        check_redrive(letter)
        act = await _begin(engine, "redrive", letter, by)
        outcome = await _again(engine, by_reader[letter.reader], letter)
        async with engine.begin() as db:
            await db.execute(_end_act, {"id": act, "outcome": outcome})
        outcomes.append(outcome)
    return outcomes


async def _again(engine: AsyncEngine, path: Path, letter: Parked) -> str:
    aggregates = [letter.aggregate or ""]
    try:
        await path.look_again(aggregates, redrive=True, most=1)
    except DecisionFailed as error:
        return f"failed again: {said(error)}"
    async with engine.connect() as db:
        left = (await db.execute(_state_of, {"id": letter.id})).one_or_none()
    if left is not None:
        return f"still parked: {left.reason} ({left.code})"
    try:
        await path.look_again(aggregates)
    except DecisionFailed:
        return "done; one behind it fails and is left to the service"
    return "done"


async def drop(engine: AsyncEngine, chosen: Collection[Parked], by: By) -> list[str]:
    """Give these up for good, the oldest first: their successors need not wait for them any more.

    They stay counted as dead, and stay on the dead-letter topic as long as that keeps them.
    """
    outcomes = []
    for letter in sorted(chosen, key=lambda one: one.id):
        check_drop(letter)
        async with engine.begin() as db:
            await _drop_one(db, letter, by)
        outcomes.append("dropped")
    return outcomes


async def _drop_one(db: AsyncConnection, letter: Parked, by: By) -> None:
    """Progress first, as everywhere. A version that is given up counts as passed, or its successor were a gap."""
    await journal.lock_progress(db, letter.reader, {(letter.topic, letter.partition): letter.offset})
    row = (await db.execute(_lock_dead, {"id": letter.id})).one_or_none()
    if row is None or row.reason not in DEAD:
        raise NotPossible(f"{letter.id} is no dead letter any more: somebody was faster.")
    envelope = _envelope(row.headers)
    if envelope is not None and envelope.subjectversion is not None and letter.reason == "failed":
        version = {"subject": envelope.subject, "version": envelope.subjectversion}
        await db.execute(_pass_version, version | {"topic": row.topic, "reader": letter.reader})
    await db.execute(_drop, {"id": letter.id})
    await db.execute(_begin_act, _act("drop", letter, by, "dropped"))


def check_redrive(letter: Parked) -> None:
    """Raises NotPossible."""
    if letter.reason == "unreadable":
        raise NotPossible(
            f"{letter.id} cannot be read, and would not be the next time: its sender has to send it anew, then drop it."
        )
    if letter.reason != "failed":
        raise NotPossible(
            f"{letter.id} is no dead letter: it is looked at again by itself ({letter.reason})."
        )


def check_drop(letter: Parked) -> None:
    """Raises NotPossible."""
    if letter.reason not in DEAD:
        raise NotPossible(
            f"{letter.id} is no dead letter: it is looked at again by itself ({letter.reason})."
        )


async def _begin(engine: AsyncEngine, act: str, letter: Parked, by: By) -> int:
    async with engine.begin() as db:
        number: int = (await db.execute(_begin_act, _act(act, letter, by, "begun"))).scalar_one()
        return number


def _act(act: str, letter: Parked, by: By, outcome: str) -> dict[str, Any]:
    return {
        "who": by.who, "act": act, "why": by.why, "parked_id": letter.id, "reader": letter.reader,
        "aggregate": letter.aggregate, "topic": letter.topic, "partition": letter.partition, "offset": letter.offset,
        "outcome": outcome,
    }  # fmt: skip


def _envelope(headers: str) -> Envelope | None:
    try:
        return Envelope.from_headers(unpack_headers(headers))
    except Unreadable:
        return None


# -- redacting --------------------------------------------------------------------------------------------------------

_HARMLESS = {
    "ce_id": re.compile(r"[0-9a-f-]{36}"),
    "ce_specversion": re.compile(r"\d\.\d"),
    "ce_type": re.compile(r"[a-z-]{1,40}\.[A-Za-z]{1,60}\.v\d{1,3}"),
    "ce_source": re.compile(r"/servicenetz/[a-z-]{1,40}"),
    "ce_time": re.compile(r"[\d:.TZ+-]{10,40}"),
    "ce_dataschema": re.compile(r"urn:servicenetz:schema:[a-z0-9.:A-Z-]{1,100}"),
    "ce_subjectversion": re.compile(r"\d{1,10}"),
    "ce_causationid": re.compile(r"[0-9a-f-]{36}"),
    "ce_correlationid": re.compile(r"[0-9a-f-]{36}"),
    "traceparent": re.compile(r"[0-9a-f-]{55}"),
    "content-type": re.compile(r"application/json"),
}
"""Headers whose values are shown when they look as they should; all others are told by their length alone."""


def _redacted(row: Any) -> list[str]:
    lines = [f"key      {_size(row.key)}"]
    for name, value in unpack_headers(row.headers):
        harmless = _HARMLESS.get(name)
        shown = (value or b"").decode("latin-1")
        known = harmless is not None and harmless.fullmatch(shown)
        lines.append(
            f"header   {name if harmless or name in _KNOWN else '(unknown)'}: {shown if known else _size(value)}"
        )
    lines.append(f"body     {_size(row.value)}")
    try:
        body = json.loads(row.value or b"")
    except (ValueError, RecursionError):
        return [*lines, "         not JSON"]
    structure = _structure(body, _field_names(row.topic), "         ")
    return lines + structure[:LARGEST_SHOWN] + (["         …"] if len(structure) > LARGEST_SHOWN else [])


_KNOWN = {"ce_subject", "ce_actor"}


def _size(value: bytes | None) -> str:
    return "null" if value is None else f"({len(value)} bytes)"


def _structure(value: Any, known: frozenset[str], indent: str) -> list[str]:
    """Names of fields that our contracts have, and kinds of values; explicit stack, since a body may be deep."""
    lines: list[str] = []
    left: list[tuple[str, str, Any]] = [(indent, "", value)]
    while left and len(lines) <= LARGEST_SHOWN:
        at, name, item = left.pop()
        lines.append(f"{at}{name}{_kind(item)}")
        if isinstance(item, dict):
            inner = [
                (f"{at}  ", f"{key if key in known else '(unknown)'}: ", part) for key, part in item.items()
            ]
            left.extend(reversed(inner))
        elif isinstance(item, list):
            left.extend(reversed([(f"{at}  ", "- ", part) for part in item[:LARGEST_SHOWN]]))
    return lines


def _kind(item: Any) -> str:
    match item:
        case None | True | False:
            return json.dumps(item)
        case dict():
            return f"object of {len(item)}"
        case list():
            return f"list of {len(item)}"
        case str():
            return f"text of {len(item)}"
        case _:
            return "number"


@cache
def _field_names(topic: str) -> frozenset[str]:
    """All names of fields that messages of this topic have, at any depth."""
    names: set[str] = set()
    for message in catalogue.TOPICS[topic].messages:
        schema = message.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            names.update(part.get("properties", {}))
    return frozenset(names)
