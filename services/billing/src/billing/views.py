"""What decisions only look at: views on documents and settlements, never written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from billing.domain.documents import Kind
from billing.domain.reversals import Frozen
from chassis.database import Session
from chassis.decisions import Row
from chassis.rows import Rows


class DocumentRows:
    """A job's documents that may still be reversed, by its id: number to what was frozen. Never written."""

    name = "documents"

    _select = text(
        "SELECT number, kind, job_id, partner_id, issued_on, net, vat, statement_version, data FROM documents "
        "WHERE job_id = ANY(CAST(:ids AS uuid[])) AND preceding IS NULL ORDER BY number"
    )
    _kinds: Final = {kind.word: kind for kind in Kind}

    async def load(
        self, db: Session, ids: Collection[str], *, lock: bool
    ) -> Mapping[str, Mapping[str, Frozen]]:
        if lock:
            raise ValueError("documents never change: they are looked at, not locked")
        found: dict[str, dict[str, Frozen]] = {}
        for row in await db.execute(self._select, {"ids": sorted(ids)}):
            found.setdefault(str(row.job_id), {})[row.number] = Frozen(
                kind=self._kinds[row.kind],
                number=row.number,
                partner_id=row.partner_id,
                issued_on=row.issued_on,
                net=row.net,
                vat=row.vat,
                statement_version=row.statement_version,
                data=row.data,
            )
        return found

    async def save(self, _: Session, values: Mapping[str, Mapping[str, Frozen]]) -> None:
        raise ValueError(f"documents are made by settlements: {sorted(values)}")


DOCUMENTS = DocumentRows()


class HeldRows:
    """Which settlements wait for a row, by `<rows>/<id>` of that row: job ids. A view, never written."""

    name = "held"

    _select = text(
        "SELECT waiting_for, job_id FROM settlements "
        "WHERE waiting_for = ANY(CAST(:ids AS text[])) ORDER BY job_id"
    )

    def row(self, rows: Rows[Any], row_id: object) -> Row:
        """Those that wait for this row."""
        return Row(self.name, self.key(rows, row_id))

    def key(self, rows: Rows[Any], row_id: object) -> str:
        """How settlements name what they wait for."""
        return f"{rows.name}/{row_id}"

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, tuple[str, ...]]:
        if lock:
            raise ValueError(
                "held settlements are looked at, not locked: they are woken and decide for themselves"
            )
        found: dict[str, tuple[str, ...]] = {}
        for row in await db.execute(self._select, {"ids": sorted(ids)}):
            found[row.waiting_for] = (*found.get(row.waiting_for, ()), str(row.job_id))
        return found

    async def save(self, _: Session, values: Mapping[str, tuple[str, ...]]) -> None:
        raise ValueError(f"held settlements change as settlements: {sorted(values)}")


HELD = HeldRows()


class OwnNumberRows:
    """The jobs that a contractor has billed himself, by `<contractor>/<number>` of his invoice. A view, never written.

    The index settlements_own_number_once holds it too, should two come in the same moment.
    """

    name = "own-numbers"

    _select = text(
        "SELECT contractor_id || '/' || numbered.number AS key, job_id FROM settlements, "
        "LATERAL (VALUES (more -> 'own_booked' ->> 'number'), (more -> 'own_invoice' ->> 'number')) "
        "AS numbered(number) WHERE contractor_id = ANY(CAST(:contractors AS uuid[])) "
        "AND (more ? 'own_booked' OR more ? 'own_invoice') "
        "AND contractor_id || '/' || numbered.number = ANY(CAST(:ids AS text[])) ORDER BY job_id"
    )

    def key(self, contractor_id: UUID, number: str) -> str:
        """How an own invoice's number is told from that of another contractor."""
        return f"{contractor_id}/{number}"

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, tuple[str, ...]]:
        if lock:
            raise ValueError("numbers of own invoices are looked at, not locked: the index holds them")
        contractors = sorted({one.split("/", 1)[0] for one in ids})
        found: dict[str, tuple[str, ...]] = {}
        for row in await db.execute(self._select, {"ids": sorted(ids), "contractors": contractors}):
            found[row.key] = (*found.get(row.key, ()), str(row.job_id))
        return found

    async def save(self, _: Session, values: Mapping[str, tuple[str, ...]]) -> None:
        raise ValueError(f"numbers of own invoices change with settlements: {sorted(values)}")


OWN_NUMBERS = OwnNumberRows()
