"""What waits for a person: held settlements, payables whose building tax nobody can tell, documents without files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.issuing import RENDER
from contracts.billing_settlements_v1 import Hold

_holds = text(
    "SELECT job_id, job_number, hold, waiting_for, held_since FROM settlements "
    "WHERE hold IS NOT NULL ORDER BY held_since, job_id LIMIT :most"
)
_undecided = text(
    "SELECT s.kind_of_work, count(*) AS payables, sum(d.gross) AS gross, min(d.issued_on) AS since "
    "FROM settlements s JOIN documents d ON d.number = s.self_billed_number "
    "WHERE s.building_tax = 'undecided' AND s.paid = 0 GROUP BY s.kind_of_work ORDER BY 1"
)
_without_files = text(
    "WITH asked AS (SELECT jsonb_array_elements_text(payload -> 'documents') AS number, "
    "min(created_at) AS since FROM errands WHERE kind = :kind GROUP BY 1) "
    "SELECT d.number, d.job_id, r.reason, coalesce(r.since, a.since, d.issued_on) AS since FROM documents d "
    "LEFT JOIN refused_renderings r ON r.document_number = d.number LEFT JOIN asked a ON a.number = d.number "
    "WHERE NOT EXISTS (SELECT FROM renderings f WHERE f.document_number = d.number) "
    "AND d.data ->> 'form' <> '1' AND (r.reason IS NOT NULL OR a.since IS NULL "
    "OR a.since < now() - make_interval(mins => :minutes)) ORDER BY since, d.number LIMIT :most"
)
MOST = 1000
FILES_MAY_TAKE_MINUTES = 5
"""Rendering is asked for with the document and done within seconds, unless many came at once."""


@dataclass(frozen=True, slots=True)
class Held:
    """A settlement that waits."""

    job_id: UUID
    job_number: str
    hold: Hold
    waiting_for: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Undecided:
    """Payables of one kind of work that are not paid out before it is classified. gross in euros."""

    kind_of_work: str
    payables: int
    gross: Decimal
    since: date


@dataclass(frozen=True, slots=True)
class WithoutFiles:
    """An issued document whose e-invoice nobody has. reason: why it could not be made; None: nobody has tried."""

    number: str
    job_id: UUID
    reason: str | None
    since: datetime


async def holds(db: AsyncConnection) -> list[Held]:
    """Oldest first, at most a thousand."""
    rows = await db.execute(_holds, {"most": MOST})
    return [Held(row.job_id, row.job_number, Hold(row.hold), row.waiting_for, row.held_since) for row in rows]


async def undecided_building_tax(db: AsyncConnection) -> list[Undecided]:
    """By kind of work."""
    rows = await db.execute(_undecided)
    return [Undecided(row.kind_of_work, row.payables, row.gross, row.since) for row in rows]


async def without_files(db: AsyncConnection) -> list[WithoutFiles]:
    """Issued documents that could not be made into files, or that wait for it longer than it may take."""
    asked = {"kind": RENDER, "minutes": FILES_MAY_TAKE_MINUTES, "most": MOST}
    rows = await db.execute(_without_files, asked)
    return [WithoutFiles(row.number, row.job_id, row.reason, row.since) for row in rows]
