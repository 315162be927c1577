"""What waits for a person: held settlements, and payables whose building tax nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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
MOST = 1000


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


async def holds(db: AsyncConnection) -> list[Held]:
    """Oldest first, at most a thousand."""
    rows = await db.execute(_holds, {"most": MOST})
    return [Held(row.job_id, row.job_number, Hold(row.hold), row.waiting_for, row.held_since) for row in rows]


async def undecided_building_tax(db: AsyncConnection) -> list[Undecided]:
    """By kind of work."""
    rows = await db.execute(_undecided)
    return [Undecided(row.kind_of_work, row.payables, row.gross, row.since) for row in rows]
