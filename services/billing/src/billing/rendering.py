"""The errand `render`: an issued document becomes its files, once; what is stored is what everybody gets.

What cannot be made keeps no other document from its files; it is written down with the reason, for the worklist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from billing import archive
from billing.archive import Tampered
from billing.domain.issuing import RENDER
from billing.einvoice.made import File, Wrong
from billing.einvoice.workshop import Workshop

log = structlog.get_logger()

LONGEST_REASON = 2000
"""Characters kept of why a document cannot be made."""

_there = text("SELECT 1 FROM renderings WHERE document_number = :number LIMIT 1")
_keep = text(
    "INSERT INTO renderings (document_number, format, profile, file_name, content, sha256, report, document_sha256) "
    "VALUES (:number, :format, :profile, :name, :content, :sha256, CAST(:report AS jsonb), :document) "
    "ON CONFLICT DO NOTHING"
)
_refused = text(
    "INSERT INTO refused_renderings (document_number, reason, since, last_tried_at) "
    "VALUES (:number, :reason, now(), now()) "
    "ON CONFLICT (document_number) DO UPDATE SET reason = EXCLUDED.reason, last_tried_at = now()"
)
_no_longer_refused = text("DELETE FROM refused_renderings WHERE document_number = :number")
_again = text(
    "INSERT INTO errands (id, kind, payload, due_at, created_at) SELECT 'render-' || number, :kind, "
    "jsonb_build_object('documents', jsonb_build_array(number)), now(), now() FROM documents WHERE number = :number "
    "ON CONFLICT (id) DO UPDATE SET due_at = now() RETURNING id"
)
_of_document = text(
    "SELECT format, profile, file_name, content, sha256, report FROM renderings "
    "WHERE document_number = :number ORDER BY format"
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A stored file."""

    format: str
    profile: str
    name: str
    content: bytes
    sha256: str
    report: Mapping[str, Any]


class Renderer:
    """Does the errand. `connect`: makes the engine, when first needed."""

    def __init__(self, connect: Callable[[], AsyncEngine]) -> None:
        self._connect = connect
        self._engine: AsyncEngine | None = None
        self._workshop = Workshop()

    async def render(self, errand_id: str, payload: Mapping[str, Any]) -> None:
        """Make and keep the files of what was issued together; `documents` are the numbers.

        Raises Wrong for those that could not be made, or an SQL error: it is tried again.
        """
        if self._engine is None:
            self._engine = self._connect()
        refused = []
        for number in payload["documents"]:
            try:
                await self._make(self._engine, number)
            except (Wrong, Tampered, OSError) as error:
                log.error("document cannot be made", number=number, id=errand_id, why=str(error))
                async with self._engine.begin() as db:
                    await db.execute(_refused, {"number": number, "reason": str(error)[:LONGEST_REASON]})
                refused.append(number)
        if refused:
            raise Wrong(f"not made: {', '.join(refused)}")

    async def _make(self, engine: AsyncEngine, number: str) -> None:
        async with engine.connect() as db:
            there = (await db.execute(_there, {"number": number})).scalar() is not None
            document = None if there else await archive.document(db, number)
        if there:
            return
        if document is None:
            raise Wrong(f"there is no document {number}")
        made = await self._workshop.make(document.data)
        async with engine.begin() as db:
            await db.execute(_keep, [_row(number, document.sha256, file) for file in made])
            await db.execute(_no_longer_refused, {"number": number})

    async def close(self) -> None:
        """End the worker and close the connections."""
        await self._workshop.close()
        if self._engine is not None:
            await self._engine.dispose()


async def again(db: AsyncConnection, number: str) -> bool:
    """Have a document's files made now, where there are none yet; false when there is no such document."""
    there = (await db.execute(_again, {"number": number, "kind": RENDER})).scalar() is not None
    await db.commit()
    return there


async def of_document(db: AsyncConnection, number: str) -> list[Rendering]:
    """The stored files of a document; none when they are not made yet."""
    return [
        Rendering(row.format, row.profile, row.file_name, row.content, row.sha256, row.report)
        for row in await db.execute(_of_document, {"number": number})
    ]


def _row(number: str, document_sha256: str, file: File) -> dict[str, Any]:
    return {
        "number": number,
        "format": file.format.name,
        "profile": file.profile,
        "name": file.name,
        "content": file.content,
        "sha256": file.sha256,
        "report": json.dumps(file.report),
        "document": document_sha256,
    }
