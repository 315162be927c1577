"""Issued documents, read back as they were frozen; and own invoices of contractors, as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.documents import canonical, fingerprint

_SELECT = "SELECT number, kind, job_id, issued_on, net, gross, data, sha256 FROM documents"
_one = text(f"{_SELECT} WHERE number = :number")
_of_job = text(f"{_SELECT} WHERE job_id = CAST(:job AS uuid) ORDER BY number_range, running_number")
_received = text(
    "SELECT number, received_at, sha256, content FROM received_invoices "
    "WHERE job_id = CAST(:job AS uuid) ORDER BY received_at, sha256"
)
_newest = text(f"{_SELECT} ORDER BY issued_on DESC, running_number DESC, kind LIMIT :most")


class Tampered(Exception):
    """A document's data no longer have the fingerprint they were issued with."""


@dataclass(frozen=True, slots=True)
class Archived:
    """An issued document."""

    number: str
    kind: str
    job_id: str
    issued_on: date
    net: Decimal
    gross: Decimal
    data: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class ReceivedInvoice:
    """A contractor's own e-invoice, the exact bytes."""

    number: str
    received_at: datetime
    sha256: str
    content: bytes


async def received_for(db: AsyncConnection, job_id: str) -> list[ReceivedInvoice]:
    """What the contractor of a job has sent, the oldest first."""
    rows = await db.execute(_received, {"job": job_id})
    return [ReceivedInvoice(row.number, row.received_at, row.sha256, row.content) for row in rows]


async def document(db: AsyncConnection, number: str) -> Archived | None:
    """The document of this number. Raises Tampered."""
    row = (await db.execute(_one, {"number": number})).one_or_none()
    return _archived(row) if row else None


async def of_job(db: AsyncConnection, job_id: str) -> list[Archived]:
    """All documents of a job. Raises Tampered."""
    return [_archived(row) for row in await db.execute(_of_job, {"job": job_id})]


async def newest(db: AsyncConnection, most: int) -> list[Archived]:
    """The newest documents first. Raises Tampered."""
    return [_archived(row) for row in await db.execute(_newest, {"most": most})]


def _archived(row: Any) -> Archived:
    data = row.data
    if fingerprint(canonical(data)) != row.sha256:
        raise Tampered(f"{row.number} is not what was issued: its data have another SHA-256")
    return Archived(
        row.number, row.kind, str(row.job_id), row.issued_on, row.net, row.gross, data, row.sha256
    )
