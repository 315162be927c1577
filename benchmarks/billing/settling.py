"""Settlements per second through billing's own decisions and rows, and the same rows put in by a bare program.

Ours, for each batch of completed jobs: load the reference rows, decide (price, tax, both documents frozen, both
entries), lock the counters, save settlements, documents, entries and postings, commit. The bare program gets exactly
the rows that ours has written, ready-made, and puts them into the same tables (same keys, same triggers) with asyncpg:
one INSERT … SELECT FROM unnest per table and batch, one transaction per batch. Both commit for real.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from billing.app import MIGRATIONS
from billing.domain import issuing
from billing.domain.rate_cards import publish
from billing.domain.settlements import Facts, Settlement, Terms
from billing.domain.work import CompletedWork
from billing.settings import Settings
from billing.store import PARTNERS, RATE_CARDS, SETTLEMENTS, WORK_CLASSES
from billing.translation import completed_work, partner_from
from chassis import database, migrate, outbox
from chassis.database import transaction
from chassis.decisions import Decision, Numbered
from contracts.billing_commands_v1 import PublishRateCard
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobCompleted, Statement
from contracts.partner_registry_partners_v1 import Agreement
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import (
    Address,
    AgreementKind,
    CustomerStatus,
    KindOfWork,
    OwnReference,
    WorkPrice,
    ZoneTravel,
    eur,
)

TABLES = ("settlements", "documents", "entries", "postings")
PARTNERS_IN_ALL = 200
DAY = date(2026, 3, 4)
RATE_CARD_ID = uuid7()


@dataclass(frozen=True, slots=True)
class Round:
    """Settlements per second of ours and of the bare program, and how many rows each settlement is."""

    ours: float
    bare: float
    rows: float


class Bench:
    """A database with reference data, filled and emptied in turn."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._terms: Terms = settings.terms()
        self._partners = [uuid7() for _ in range(PARTNERS_IN_ALL)]

    async def round(self, jobs: int, batch: int) -> Round:
        """Ours first, then the bare program with the rows that ours has left."""
        await migrate.prepare(self._settings, "billing", MIGRATIONS)
        engine = database.connect(self._settings, "billing")
        try:
            await self._reference_data(engine)
            works = [self._work(number) for number in range(jobs)]
            begun = time.perf_counter()
            for first in range(0, jobs, batch):
                await self._settle(engine, works[first : first + batch])
            ours = jobs / (time.perf_counter() - begun)
        finally:
            await engine.dispose()
        rows, bare = await self._bare(batch)
        return Round(ours, bare, rows / jobs)

    # -- ours --------------------------------------------------------------------------------------------------

    async def _reference_data(self, engine: AsyncEngine) -> None:
        card = publish(None, _rate_card(), [], datetime.now(UTC)).state
        partners = [partner_from(_partner(partner_id)) for partner_id in self._partners]
        async with engine.begin() as db:
            await RATE_CARDS.save(db, {str(RATE_CARD_ID): card})
            await PARTNERS.save(db, {str(one.partner_id): one for one in partners})

    async def _settle(self, engine: AsyncEngine, works: Sequence[CompletedWork]) -> None:
        now = datetime.now(UTC)
        async with transaction(engine) as db:
            cards = await RATE_CARDS.load(db, {str(RATE_CARD_ID)}, lock=False)
            wanted = {str(one) for work in works for one in (work.client_id, work.contractor_id)}
            partners = await PARTNERS.load(db, wanted, lock=False)
            classes = await WORK_CLASSES.load(db, {KindOfWork.installation.value}, lock=False)
            decided = []
            for work in works:
                facts = Facts(
                    terms=self._terms,
                    card=cards[str(work.rate_card_id)],
                    client=partners[str(work.client_id)],
                    contractor=partners[str(work.contractor_id)],
                    work_class=classes.get(work.kind_of_work.value),
                )
                decided.append(issuing.settle(None, work, facts, now))
            settled: dict[str, Settlement] = {}
            numbered = [one for one in decided if isinstance(one, Numbered)]
            counters = await outbox.lock_counters(db, {name for one in numbered for name in one.ranges})
            for one in numbered:
                for name in one.ranges:
                    counters[name] += 1
                decision: Decision[Settlement] = one.then([counters[name] for name in one.ranges])
                settled[str(decision.state.work.job_id)] = decision.state
            await SETTLEMENTS.save(db, settled)
            await outbox.save_counters(db, counters)

    def _work(self, number: int) -> CompletedWork:
        job_id = uuid7()
        client = self._partners[number % PARTNERS_IN_ALL]
        contractor = self._partners[(number + 1) % PARTNERS_IN_ALL]
        return completed_work(_completed(job_id, client, contractor))

    # -- the bare program --------------------------------------------------------------------------------------

    async def _bare(self, batch: int) -> tuple[int, float]:
        """Rows in all, and settlements per second."""
        url = str(self._settings.database_url).replace("+asyncpg", "")
        db = await asyncpg.connect(url)
        try:
            columns = {table: await _columns(db, table) for table in TABLES}
            jobs = [row["job_id"] for row in await db.fetch("SELECT job_id FROM settlements ORDER BY job_id")]
            batches = [
                await _rows_of(db, columns, jobs[first : first + batch])
                for first in range(0, len(jobs), batch)
            ]
            # no trigger of ours may be in the way of emptying; they are back before anything is measured
            await db.execute("SET session_replication_role = replica")
            await db.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
            await db.execute("SET session_replication_role = origin")
            statements = {table: _insert(table, columns[table]) for table in TABLES}
            begun = time.perf_counter()
            for rows in batches:
                async with db.transaction():
                    for table in TABLES:
                        await db.execute(statements[table], *rows[table])
            seconds = time.perf_counter() - begun
            return sum(len(rows[table][0]) for rows in batches for table in TABLES), len(jobs) / seconds
        finally:
            await db.close()


async def _columns(db: asyncpg.Connection, table: str) -> list[tuple[str, str]]:
    rows = await db.fetch(
        "SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type FROM pg_attribute a "
        "WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        table,
    )
    return [(row["name"], row["type"]) for row in rows]


def _insert(table: str, columns: Sequence[tuple[str, str]]) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"${place}::{kind}[]" for place, (_, kind) in enumerate(columns, start=1))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608  # names from the catalogue


_OF_JOBS = {
    "settlements": "SELECT * FROM settlements WHERE job_id = ANY($1) ORDER BY job_id",
    "documents": "SELECT * FROM documents WHERE job_id = ANY($1) ORDER BY number_range, running_number",
    "entries": "SELECT * FROM entries WHERE job_id = ANY($1) ORDER BY entry_id",
    "postings": "SELECT p.* FROM postings p JOIN entries e USING (entry_id) WHERE e.job_id = ANY($1) "
    "ORDER BY entry_id, line",
}


async def _rows_of(
    db: asyncpg.Connection, columns: dict[str, list[tuple[str, str]]], jobs: list[UUID]
) -> dict[str, list[list[Any]]]:
    """What one batch wrote, as one array per column."""
    found = {}
    for table in TABLES:
        rows = await db.fetch(_OF_JOBS[table], jobs)
        found[table] = [[row[name] for row in rows] for name, _ in columns[table]]
    return found


# -- what is settled -----------------------------------------------------------------------------------------


def _rate_card() -> PublishRateCard:
    return PublishRateCard(
        rate_card_id=RATE_CARD_ID,
        version=1,
        valid_from=date(2026, 1, 1),
        prices=[
            WorkPrice(
                kind_of_work=KindOfWork.installation,
                client_per_hour=eur("95.00"),
                contractor_per_hour=eur("78.50"),
            )
        ],
        zones=[ZoneTravel(zone=1, up_to_km=30, client_flat=eur("29.00"), contractor_flat=eur("24.00"))],
    )


def _partner(partner_id: UUID) -> PartnerPublished:
    agreement = Agreement(
        kind=AgreementKind.contractor,
        valid_from=date(2026, 1, 1),
        self_billing_agreed=True,
        auto_approve_percent_over=0,
        highest_travel_zone=6,
    )
    return PartnerPublished(
        partner_id=partner_id,
        customer_number=f"B{partner_id.hex[-12:].upper()}",
        name="Telefonbau Muster GmbH",
        address=Address(street="Hauptstraße 1", postcode="24937", city="Flensburg"),
        language="de",
        customer_status=CustomerStatus.active,
        tax_number="15/123/45678",
        agreements=[agreement],
        certifications=[],
        suspended=False,
        excluded_partner_ids=[],
    )


def _completed(job_id: UUID, client_id: UUID, contractor_id: UUID) -> JobCompleted:
    statement = Statement(
        statement_id=uuid7(),
        version=1,
        hours="3.50",  # type: ignore[arg-type]  # decimal text is read too
        travel_km=20,
        performed_from=DAY,
        performed_to=DAY,
        materials=[],
    )
    return JobCompleted(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=client_id,
        contractor_id=contractor_id,
        postcode="24937",
        kind_of_work=KindOfWork.installation,
        required_certifications=[],
        statement=statement,
        travel_zone=1,
        rate_card_id=RATE_CARD_ID,
        rate_card_version=1,
        own_reference=OwnReference(order_number="B-4711"),
        approved_by="client",
        completed_at=datetime.now(UTC),
    )
