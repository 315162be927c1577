"""Rows in and out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from chassis.database import Session
from chassis.decisions import Row
from chassis.rows import TableRows, arrays, insert_many
from matching import tables
from matching.domain.coverage import Measured
from matching.domain.gate import least_dot
from matching.domain.model import (
    Assignment,
    Capacity,
    Contractor,
    Engagement,
    Phase,
    RateCard,
    Record,
    Round,
    capacity_key,
)
from matching.domain.standing import Deed, DeedKind, NumberedDeed, Standing, Sums
from matching.postcodes import place_of

_assignment = TypeAdapter(Assignment)
_contractor = TypeAdapter(Contractor)
_rate_card = TypeAdapter(RateCard)
_measured = TypeAdapter(Measured)
_round = TypeAdapter(Round)


def _write_assignment(value: Assignment) -> Sequence[Any]:
    job = value.job
    return (
        job.job_id,
        value.phase.value,
        job.client_id,
        value.contractor_id,
        job.week,
        job.minutes,
        value.reserved_minutes,
        _assignment.dump_json(value, exclude_defaults=True).decode(),
        json.dumps([str(offer.contractor_id) for offer in value.offers[1:]]) if value.offers[1:] else None,
    )


def _write_contractor(value: Contractor) -> Sequence[Any]:
    x, y, z = value.place or (None, None, None)
    return value.partner_id, value.version, x, y, z, least_dot(value), _contractor.dump_json(value).decode()


ASSIGNMENTS: TableRows[Assignment] = TableRows(
    "assignment",
    tables.assignment,
    read=lambda row: _assignment.validate_json(row.document),
    write=_write_assignment,
)
CONTRACTORS: TableRows[Contractor] = TableRows(
    "contractor",
    tables.contractor,
    read=lambda row: _contractor.validate_json(row.document),
    write=_write_contractor,
    memo=2000,
)
HELD: TableRows[Contractor] = TableRows(
    "held-contractor",
    tables.contractor,
    read=lambda row: _contractor.validate_json(row.document),
    write=_write_contractor,
    memo=2000,
)
"""The same rows, always asked for under lock: a decision cannot see otherwise whether it holds one."""
RATE_CARDS: TableRows[RateCard] = TableRows(
    "rate-card",
    tables.rate_card,
    read=lambda row: _rate_card.validate_json(row.document),
    write=lambda value: (value.rate_card_id, _rate_card.dump_json(value).decode()),
    memo=100,
)

COUNTRY = "DE"
COVERAGE: TableRows[Measured] = TableRows(
    "coverage",
    tables.coverage,
    read=lambda row: _measured.validate_json(row.document),
    write=lambda value: (COUNTRY, _measured.dump_json(value).decode()),
)

_every_contractor = text("SELECT document FROM contractor ORDER BY partner_id")


async def all_contractors(db: Session) -> list[Contractor]:
    """Every partner as the database has him."""
    return [_contractor.validate_json(row.document) for row in await db.execute(_every_contractor)]


class CapacityRows:
    """Capacity by `<partner>/<week>`. Written as a difference, so that the table's checks see all writers."""

    _columns = (
        "SELECT c.partner_id, c.week, c.offered_minutes, c.reserved_minutes FROM capacity c "
        "JOIN unnest(CAST(:partners AS uuid[]), CAST(:weeks AS text[])) AS t(partner_id, week) "
        "ON c.partner_id = t.partner_id AND c.week = t.week"
    )
    _select = text(_columns)
    _select_locked = text(f"{_columns} ORDER BY c.partner_id, c.week FOR UPDATE OF c")
    _insert = insert_many(tables.capacity, list(tables.capacity.columns))
    _update = text(
        "UPDATE capacity c SET reserved_minutes = c.reserved_minutes + t.more, offered_minutes = t.offered "
        "FROM unnest(CAST(:partners AS uuid[]), CAST(:weeks AS text[]), CAST(:more AS int[]), "
        "CAST(:offered AS int[])) AS t(partner_id, week, more, offered) "
        "WHERE c.partner_id = t.partner_id AND c.week = t.week"
    )

    def __init__(self, name: str) -> None:
        self.name = name

    def locked(self, partner_id: UUID, week: str) -> Row:
        return Row(self.name, capacity_key(partner_id, week), lock=True)

    def row(self, partner_id: UUID, week: str) -> Row:
        return Row(self.name, capacity_key(partner_id, week))

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, Capacity]:
        keys = [key.split("/", 1) for key in sorted(ids)]
        where = {"partners": [UUID(partner) for partner, _ in keys], "weeks": [week for _, week in keys]}
        found = await db.execute(self._select_locked if lock else self._select, where)
        return {
            capacity_key(row.partner_id, row.week): Capacity(
                row.partner_id,
                row.week,
                row.offered_minutes,
                row.reserved_minutes,
                row.reserved_minutes,
                known=True,
            )
            for row in found
        }

    async def save(self, db: Session, values: Mapping[str, Capacity]) -> None:
        new = [value for value in values.values() if not value.known]
        known = [value for value in values.values() if value.known]
        if new:
            rows = [(v.partner_id, v.week, v.offered_minutes, v.reserved_minutes) for v in new]
            await db.execute(self._insert, arrays(list(tables.capacity.columns), rows))
        if known:
            await db.execute(
                self._update,
                {
                    "partners": [value.partner_id for value in known],
                    "weeks": [value.week for value in known],
                    "more": [value.reserved_minutes - value.before_minutes for value in known],
                    "offered": [value.offered_minutes for value in known],
                },
            )


CAPACITY = CapacityRows("capacity")
"""Under lock, to be changed."""
LOADS = CapacityRows("load")
"""The same rows, only looked at."""


class _OnlyRead:
    """Rows that are a view on others."""

    name: str

    def row(self, row_id: object) -> Row:
        return Row(self.name, str(row_id))

    async def save(self, _: Session, values: Mapping[str, Any]) -> None:
        raise TypeError(f"{self.name} is a view: {sorted(values)} are not written")


class EngagementRows(_OnlyRead):
    """By partner: the jobs that are offered to him or his, not begun yet, and those he posted."""

    name = "engagement"
    _select = text(
        "SELECT a.contractor_id AS partner_id, false AS as_client, a.job_id, a.phase, a.week, a.minutes "
        "FROM assignment a WHERE a.contractor_id = ANY(CAST(:ids AS uuid[])) "
        "AND a.phase IN ('offered', 'assigned') "
        "UNION ALL "
        "SELECT CAST(other AS uuid), false, a.job_id, a.phase, a.week, a.minutes "
        "FROM assignment a CROSS JOIN jsonb_array_elements_text(a.also_asked) AS other "
        "WHERE a.also_asked IS NOT NULL AND a.also_asked ?| CAST(:names AS text[]) AND a.phase = 'offered' "
        "UNION ALL "
        "SELECT a.client_id, true, a.job_id, a.phase, a.week, a.minutes "
        "FROM assignment a WHERE a.client_id = ANY(CAST(:ids AS uuid[])) "
        "AND a.phase IN ('offered', 'assigned') "
        "ORDER BY job_id"
    )

    async def load(
        self,
        db: Session,
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, tuple[Engagement, ...]]:
        found: dict[str, list[Engagement]] = defaultdict(list)
        asked = {"ids": [UUID(each) for each in ids], "names": sorted(ids)}
        for row in await db.execute(self._select, asked):
            engagement = Engagement(row.job_id, Phase(row.phase), row.as_client, row.week, row.minutes)
            found[str(row.partner_id)].append(engagement)
        return {each: tuple(found[each]) for each in ids}


class ReachRows(_OnlyRead):
    """By postcode: id and version of every partner whose radius reaches it. What memory missed shows here."""

    name = "reach"
    _select = text(
        "SELECT t.postcode, c.partner_id, c.version FROM contractor c "
        "JOIN unnest(CAST(:postcodes AS text[]), CAST(:x AS float8[]), CAST(:y AS float8[]), "
        "CAST(:z AS float8[])) "
        "AS t(postcode, x, y, z) ON c.x * t.x + c.y * t.y + c.z * t.z >= c.least_dot ORDER BY c.partner_id"
    )

    async def load(
        self,
        db: Session,
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, tuple[tuple[UUID, int], ...]]:
        found: dict[str, list[tuple[UUID, int]]] = {each: [] for each in ids}
        places = {each: place for each in ids if (place := place_of(each)) is not None}
        where = {"postcodes": list(places)} | {
            axis: [place[number] for place in places.values()] for number, axis in enumerate("xyz")
        }
        for row in await db.execute(self._select, where):
            found[row.postcode].append((row.partner_id, row.version))
        return {each: tuple(rows) for each, rows in found.items()}


class RecordRows:
    """A job's record: only added to, so nothing is read. A transaction sees what it added itself."""

    name = "record"
    _rounds = insert_many(tables.ranking, list(tables.ranking.columns))
    _act_columns = tuple(tables.act.columns)[1:]
    _acts = insert_many(tables.act, _act_columns)
    _deed_columns = tuple(tables.deed.columns)[1:]
    _deeds = insert_many(tables.deed, _deed_columns)

    def locked(self, job_id: object) -> Row:
        return Row(self.name, str(job_id), lock=True)

    async def load(
        self,
        db: Session,  # noqa: ARG002
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, Record]:
        return {each: Record(UUID(each)) for each in ids}

    async def save(self, db: Session, values: Mapping[str, Record]) -> None:
        rounds = [
            (record.job_id, one.number, _round.dump_json(one, exclude_defaults=True).decode())
            for record in values.values()
            for one in record.rounds
        ]
        acts = [
            (record.job_id, act.kind.value, act.at, act.by, act.reason, act.contractor_id)
            for record in values.values()
            for act in record.acts
        ]
        deeds = [
            (deed.partner_id, deed.job_id, deed.kind.value, deed.amount, deed.at, False)
            for record in values.values()
            for deed in record.deeds
        ]
        if rounds:
            await db.execute(self._rounds, arrays(list(tables.ranking.columns), rounds))
        if acts:
            await db.execute(self._acts, arrays(self._act_columns, acts))
        if deeds:
            await db.execute(self._deeds, arrays(self._deed_columns, deeds))


class VersionRows:
    """By partner: the versions that this transaction takes over, all of them; only added to."""

    name = "contractor-version"
    _columns = tuple(tables.contractor_version.columns)
    _insert = insert_many(tables.contractor_version, _columns, "ON CONFLICT DO NOTHING")

    def locked(self, partner_id: object) -> Row:
        return Row(self.name, str(partner_id), lock=True)

    async def load(
        self,
        db: Session,  # noqa: ARG002
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, tuple[Contractor, ...]]:
        return dict.fromkeys(ids, ())

    async def save(self, db: Session, values: Mapping[str, Sequence[Contractor]]) -> None:
        rows = [
            (one.partner_id, one.version, _contractor.dump_json(one).decode())
            for versions in values.values()
            for one in versions
        ]
        await db.execute(self._insert, arrays(self._columns, rows))


class FreshDeedRows:
    """By partner: his deeds that are not counted yet. Saving them marks them as counted."""

    name = "fresh-deeds"
    _select = text(
        "SELECT number, partner_id, job_id, kind, amount, at FROM deed "
        "WHERE partner_id = ANY(CAST(:ids AS uuid[])) AND NOT counted ORDER BY number FOR UPDATE"
    )
    _count = text("UPDATE deed SET counted = true WHERE number = ANY(CAST(:numbers AS bigint[]))")

    def locked(self, partner_id: object) -> Row:
        return Row(self.name, str(partner_id), lock=True)

    async def load(
        self,
        db: Session,
        ids: Collection[str],
        *,
        lock: bool,  # noqa: ARG002
    ) -> Mapping[str, tuple[NumberedDeed, ...]]:
        found: dict[str, list[NumberedDeed]] = defaultdict(list)
        for row in await db.execute(self._select, {"ids": [UUID(each) for each in ids]}):
            deed = Deed(row.partner_id, row.job_id, DeedKind(row.kind), row.at, row.amount)
            found[str(row.partner_id)].append(NumberedDeed(row.number, deed))
        return {each: tuple(found[each]) for each in ids}

    async def save(self, db: Session, values: Mapping[str, Sequence[NumberedDeed]]) -> None:
        numbers = [each.number for deeds in values.values() for each in deeds]
        await db.execute(self._count, {"numbers": numbers})


class StandingRows(TableRows[Standing]):
    """Who has none yet is a newcomer. What is folded into it is locked before: that keeps two replicas in turn."""

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, Standing]:
        found = await super().load(db, ids, lock=lock)
        return {each: found.get(each) or Standing(UUID(each)) for each in ids}


ENGAGEMENTS = EngagementRows()
RECORDS = RecordRows()
VERSIONS = VersionRows()
FRESH_DEEDS = FreshDeedRows()
STANDINGS = StandingRows(
    "standing",
    tables.standing,
    read=lambda row: Standing(row.partner_id, Sums(*(getattr(row, name) for name in Sums._fields))),
    write=lambda value: (value.partner_id, *value.sums),
)
REACH = ReachRows()
