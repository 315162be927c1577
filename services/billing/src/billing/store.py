"""Rows in and out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import tables
from billing.domain.documents import Document
from billing.domain.partners import Partner, Party, SelfBillingAgreement
from billing.domain.rate_cards import RateCard
from billing.domain.settlements import CompletedWork, Lack, Settlement
from chassis.decisions import Row
from chassis.rows import TableRows, arrays, insert_many
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.billing_settlements_v1 import Hold
from contracts.values import Address, KindOfWork, OwnReference, RequiredCertification

_versions: Final = TypeAdapter(tuple[RateCardVersion, ...])
_certifications: Final = TypeAdapter(tuple[RequiredCertification, ...])

# -- reference data ----------------------------------------------------------------------------------------


def _read_partner(row: Any) -> Partner:
    return Partner(
        partner_id=row.partner_id,
        party=Party(
            name=row.name,
            address=Address.model_validate(row.address),
            vat_id=row.vat_id,
            tax_number=row.tax_number,
            customer_number=row.customer_number,
        ),
        language=row.language,
        self_billing=tuple(
            SelfBillingAgreement(date.fromisoformat(first), date.fromisoformat(last) if last else None)
            for first, last in row.self_billing
        ),
    )


def _write_partner(partner: Partner) -> Sequence[Any]:
    agreements = [
        (one.valid_from.isoformat(), one.valid_until.isoformat() if one.valid_until else None)
        for one in partner.self_billing
    ]
    party = partner.party
    return (
        partner.partner_id,
        party.name,
        party.address.model_dump_json(),
        partner.language,
        party.customer_number,
        party.vat_id,
        party.tax_number,
        json.dumps(agreements),
    )


def _read_rate_card(row: Any) -> RateCard:
    return RateCard(row.rate_card_id, _versions.validate_python(row.versions))


def _write_rate_card(card: RateCard) -> Sequence[Any]:
    return card.rate_card_id, len(card.versions), _versions.dump_json(card.versions).decode()


PARTNERS = TableRows("partner", tables.partners, read=_read_partner, write=_write_partner)
RATE_CARDS = TableRows("rate-card", tables.rate_cards, read=_read_rate_card, write=_write_rate_card)

# -- settlements -------------------------------------------------------------------------------------------


def _read_settlement(row: Any) -> Settlement:
    work = CompletedWork(
        job_id=row.job_id,
        job_number=row.job_number,
        client_id=row.client_id,
        contractor_id=row.contractor_id,
        postcode=row.postcode,
        kind_of_work=KindOfWork(row.kind_of_work),
        certifications=_certifications.validate_python(row.certifications),
        statement_version=row.statement_version,
        hours=row.hours,
        performed_from=row.performed_from,
        performed_to=row.performed_to,
        travel_zone=row.travel_zone,
        rate_card_id=row.rate_card_id,
        rate_card_version=row.rate_card_version,
        own_reference=OwnReference(order_number=row.order_number, cost_centre=row.cost_centre),
    )
    lack = Lack(Hold(row.hold), row.waiting_for) if row.hold is not None else None
    return Settlement(work, lack, row.held_since, row.settled_at, row.resolution_note)


def _write_settlement(settlement: Settlement) -> Sequence[Any]:
    work, lack = settlement.work, settlement.lack
    return (
        work.job_id,
        work.job_number,
        work.client_id,
        work.contractor_id,
        work.postcode,
        work.kind_of_work.value,
        _certifications.dump_json(work.certifications).decode(),
        work.statement_version,
        work.hours,
        work.performed_from,
        work.performed_to,
        work.travel_zone,
        work.rate_card_id,
        work.rate_card_version,
        work.own_reference.order_number,
        work.own_reference.cost_centre,
        lack.hold.value if lack else None,
        lack.of if lack else None,
        settlement.held_since,
        settlement.resolution_note,
        settlement.settled_at,
    )


def _write_document(document: Document) -> Sequence[Any]:
    return (
        document.number,
        document.kind.name.replace("_", "-"),
        document.number_range,
        document.running_number,
        document.job_id,
        document.partner_id,
        document.issued_on,
        document.due_on,
        document.net,
        document.vat,
        document.gross,
        document.text,
        document.sha256,
    )


class SettlementRows(TableRows[Settlement]):
    """Settlements, with the documents and book entries they make: written once, never read back here."""

    def __init__(self) -> None:
        super().__init__("settlement", tables.settlements, read=_read_settlement, write=_write_settlement)
        self._documents = list(tables.documents.columns)
        self._entries = list(tables.entries.columns)
        self._postings = list(tables.postings.columns)
        self._insert_documents = insert_many(tables.documents, self._documents)
        self._insert_entries = insert_many(tables.entries, self._entries)
        self._insert_postings = insert_many(tables.postings, self._postings)

    async def save(self, db: AsyncConnection, values: Mapping[str, Settlement]) -> None:
        await super().save(db, values)
        documents = [document for settlement in values.values() for document in settlement.issued]
        entries = [entry for settlement in values.values() for entry in settlement.booked]
        if not documents:
            return
        await db.execute(
            self._insert_documents,
            arrays(self._documents, [_write_document(document) for document in documents]),
        )
        await db.execute(
            self._insert_entries,
            arrays(self._entries, [(entry.source, entry.source, entry.booked_on) for entry in entries]),
        )
        postings = [
            (entry.source, line, posting.account, posting.amount)
            for entry in entries
            for line, posting in enumerate(entry.postings, start=1)
        ]
        await db.execute(self._insert_postings, arrays(self._postings, postings))


SETTLEMENTS = SettlementRows()


class HeldRows:
    """Which settlements wait for a row, by `<rows>/<id>` of that row: job ids. A view, never written."""

    name = "held"

    _select = text(
        "SELECT waiting_for, job_id FROM settlements "
        "WHERE waiting_for = ANY(CAST(:ids AS text[])) ORDER BY job_id"
    )

    def row(self, rows: TableRows[Any], row_id: object) -> Row:
        """Those that wait for this row."""
        return Row(self.name, self.key(rows, row_id))

    def key(self, rows: TableRows[Any], row_id: object) -> str:
        """How settlements name what they wait for."""
        return f"{rows.name}/{row_id}"

    async def load(
        self, db: AsyncConnection, ids: Collection[str], *, lock: bool
    ) -> Mapping[str, tuple[str, ...]]:
        if lock:
            raise ValueError(
                "held settlements are looked at, not locked: they are woken and decide for themselves"
            )
        found: dict[str, tuple[str, ...]] = {}
        for row in await db.execute(self._select, {"ids": sorted(ids)}):
            found[row.waiting_for] = (*found.get(row.waiting_for, ()), str(row.job_id))
        return found

    async def save(self, _: AsyncConnection, values: Mapping[str, tuple[str, ...]]) -> None:
        raise ValueError(f"held settlements change as settlements: {sorted(values)}")


HELD = HeldRows()
