"""Rows in and out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from billing import tables
from billing.domain.classes import Classified, FeeClass, WorkClass
from billing.domain.documents import Document
from billing.domain.ledger import Entry, Happened
from billing.domain.partners import Contact, Partner, Party, Period
from billing.domain.rate_cards import RateCard
from billing.domain.settlements import Lack, OwnInvoice, Received, Settlement
from billing.domain.work import CompletedWork, Occasion
from chassis.database import Session
from chassis.rows import TableRows, arrays, insert_many
from contracts.billing_commands_v1 import FeeNature, TaxTreatment
from contracts.billing_payables_v1 import BuildingTax
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.billing_settlements_v1 import Hold
from contracts.values import (
    Address,
    KindOfWork,
    Leg,
    OwnReference,
    PostalAddress,
    RequiredCertification,
    ResponseTime,
    State,
    VatCategory,
    WorkedTime,
)

_versions: Final = TypeAdapter(tuple[RateCardVersion, ...])
_certifications: Final = TypeAdapter(tuple[RequiredCertification, ...])
_worked: Final = TypeAdapter(tuple[WorkedTime, ...])

# -- reference data ----------------------------------------------------------------------------------------


def _read_partner(row: Any) -> Partner:
    more = row.details
    scheme, contact = more.get("electronic_address"), more.get("contact")
    return Partner(
        partner_id=row.partner_id,
        party=Party(
            name=row.name,
            address=_read_address(row.address),
            vat_id=row.vat_id,
            tax_number=row.tax_number,
            customer_number=row.customer_number,
            registration=more.get("registration"),
            electronic_address=(scheme[0], scheme[1]) if scheme else None,
            contact=Contact(*contact) if contact else None,
        ),
        language=row.language,
        self_billing=_periods(row.self_billing),
        client=_periods(more.get("client", ())),
        contractor=_periods(more.get("contractor", ())),
        small_business=_periods(more.get("small_business", ())),
        building_certificates=_periods(more.get("building_certificates", ())),
        building_tax_exemptions=_periods(more.get("building_tax_exemptions", ())),
        iban=more.get("iban"),
        leitweg_id=more.get("leitweg_id"),
    )


def _read_address(stored: Mapping[str, str]) -> Address | PostalAddress:
    domestic = stored["country"] == "DE" and len(stored["postcode"]) == 5  # digits
    return Address.model_validate(stored) if domestic else PostalAddress.model_validate(stored)


def _periods(stored: Iterable[Sequence[str | None]]) -> tuple[Period, ...]:
    return tuple(
        Period(date.fromisoformat(first), date.fromisoformat(last) if last else None)
        for first, last in stored
        if first
    )


def _days(periods: Iterable[Period]) -> list[tuple[str, str | None]]:
    return [
        (one.valid_from.isoformat(), one.valid_until.isoformat() if one.valid_until else None)
        for one in periods
    ]


def _write_partner(partner: Partner) -> Sequence[Any]:
    party = partner.party
    contact = party.contact
    details = {
        "registration": party.registration,
        "electronic_address": party.electronic_address,
        "contact": (contact.name, contact.phone, contact.email) if contact else None,
        "client": _days(partner.client),
        "contractor": _days(partner.contractor),
        "small_business": _days(partner.small_business),
        "building_certificates": _days(partner.building_certificates),
        "building_tax_exemptions": _days(partner.building_tax_exemptions),
        "iban": partner.iban,
        "leitweg_id": partner.leitweg_id,
    }
    return (
        partner.partner_id,
        party.name,
        party.address.model_dump_json(),
        partner.language,
        party.customer_number,
        party.vat_id,
        party.tax_number,
        json.dumps(_days(partner.self_billing)),
        json.dumps({name: value for name, value in details.items() if value}),
    )


def _read_rate_card(row: Any) -> RateCard:
    return RateCard(row.rate_card_id, _versions.validate_python(row.versions))


def _write_rate_card(card: RateCard) -> Sequence[Any]:
    return card.rate_card_id, len(card.versions), _versions.dump_json(card.versions).decode()


def _read_work_class(row: Any) -> Classified[WorkClass]:
    read = [
        WorkClass(
            date.fromisoformat(one["valid_from"]),
            one["building_work"],
            one["repair"],
            one["connected_with_property"],
            one["note"],
        )
        for one in row.classes
    ]
    return Classified(row.kind_of_work, tuple(read))


def _write_work_class(of: Classified[WorkClass]) -> Sequence[Any]:
    classes = [
        {
            "valid_from": one.valid_from.isoformat(),
            "building_work": one.building_work,
            "repair": one.repair,
            "connected_with_property": one.connected_with_property,
            "note": one.note,
        }
        for one in of.classes
    ]
    return of.word, json.dumps(classes)


def _read_fee_class(row: Any) -> Classified[FeeClass]:
    read = [
        FeeClass(date.fromisoformat(one["valid_from"]), FeeNature(one["nature"]), one["note"])
        for one in row.classes
    ]
    return Classified(row.fee, tuple(read))


def _write_fee_class(of: Classified[FeeClass]) -> Sequence[Any]:
    classes = [
        {"valid_from": one.valid_from.isoformat(), "nature": one.nature.value, "note": one.note}
        for one in of.classes
    ]
    return of.word, json.dumps(classes)


PARTNERS = TableRows("partner", tables.partners, read=_read_partner, write=_write_partner, memo=1000)
RATE_CARDS = TableRows("rate-card", tables.rate_cards, read=_read_rate_card, write=_write_rate_card, memo=100)
WORK_CLASSES = TableRows("work-class", tables.work_classes, read=_read_work_class, write=_write_work_class)
FEE_CLASSES = TableRows("fee-class", tables.fee_classes, read=_read_fee_class, write=_write_fee_class)

# -- settlements -------------------------------------------------------------------------------------------


def _read_settlement(row: Any) -> Settlement:
    more = row.more or {}
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
        occasion=Occasion(more.get("occasion", Occasion.done)),
        response_time=ResponseTime(more.get("response_time", ResponseTime.unknown)),
        worked=_worked.validate_json(json.dumps(more.get("worked", ()))),
        approved_up_to=_decimal(more.get("approved_up_to")),
        rework_of=UUID(more["rework_of"]) if "rework_of" in more else None,
        hours_of_notice=_decimal(more.get("hours_of_notice")),
    )
    return Settlement(
        work=work,
        lack=Lack(Hold(row.hold), row.waiting_for) if row.hold is not None else None,
        held_since=row.held_since,
        settled_at=row.settled_at,
        resolution_note=row.resolution_note,
        issued_version=row.issued_version,
        invoice_number=row.invoice_number,
        self_billed_number=row.self_billed_number,
        own_invoice=_read_own_invoice(more.get("own_invoice")),
        own_booked=_read_own_invoice(more.get("own_booked")),
        objected_on=row.objected_on,
        building_tax=BuildingTax(row.building_tax),
        late_building_tax=_decimal(more.get("late_building_tax")) or Decimal("0.00"),
        paid=row.paid,
        payouts=more.get("payouts", 0),
        waived=frozenset(map(Hold, more.get("waived", ()))),
        state=State(more["state"]) if "state" in more else None,
        decided={Leg(leg): TaxTreatment(how) for leg, how in more.get("decided", {}).items()},
    )


def _decimal(stored: str | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)


def _read_own_invoice(stored: Mapping[str, str] | None) -> OwnInvoice | None:
    if stored is None:
        return None
    return OwnInvoice(
        number=stored["number"],
        issued_on=date.fromisoformat(stored["issued_on"]),
        net=Decimal(stored["net"]),
        vat=Decimal(stored["vat"]),
        category=VatCategory(stored["category"]),
        withheld=Decimal(stored["withheld"]),
    )


def _write_own_invoice(own: OwnInvoice | None) -> dict[str, str] | None:
    if own is None:
        return None
    return {
        "number": own.number,
        "issued_on": own.issued_on.isoformat(),
        "net": f"{own.net:f}",
        "vat": f"{own.vat:f}",
        "category": own.category.value,
        "withheld": f"{own.withheld:f}",
    }


def _write_more(of: Settlement) -> str | None:
    """What most settlements have nothing of; null when there is none of it."""
    work = of.work
    more = {
        "occasion": work.occasion.value if work.occasion is not Occasion.done else None,
        "response_time": work.response_time.value if work.response_time is not ResponseTime.unknown else None,
        "worked": [one.model_dump(mode="json") for one in work.worked],
        "approved_up_to": _written(work.approved_up_to),
        "rework_of": str(work.rework_of) if work.rework_of else None,
        "hours_of_notice": _written(work.hours_of_notice),
        "own_invoice": _write_own_invoice(of.own_invoice),
        "own_booked": _write_own_invoice(of.own_booked),
        "late_building_tax": _written(of.late_building_tax or None),
        "payouts": of.payouts,
        "waived": sorted(one.value for one in of.waived),
        "state": of.state.value if of.state else None,
        "decided": {leg.value: how.value for leg, how in of.decided.items()},
    }
    there = {name: value for name, value in more.items() if value}
    return json.dumps(there) if there else None


def _written(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


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
        settlement.issued_version,
        settlement.invoice_number,
        settlement.self_billed_number,
        settlement.objected_on,
        settlement.building_tax.value,
        settlement.paid,
        _write_more(settlement),
    )


def _write_document(document: Document) -> Sequence[Any]:
    return (
        document.number,
        document.kind.word,
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
        document.statement_version,
        document.preceding,
    )


def _write_entry(entry: Entry) -> Sequence[Any]:
    return (
        entry.entry_id,
        entry.source,
        entry.happened.value,
        entry.leg.value,
        entry.job_id,
        entry.source if entry.happened is Happened.issued else None,
        entry.booked_on,
    )


def _write_received(work: CompletedWork, one: Received) -> Sequence[Any]:
    digest = hashlib.sha256(one.content).hexdigest()
    return work.job_id, digest, work.contractor_id, one.number, one.at, one.content


class SettlementRows(TableRows[Settlement]):
    """Settlements, with the documents, book entries and received files they bring: written once, never read here."""

    def __init__(self) -> None:
        super().__init__("settlement", tables.settlements, read=_read_settlement, write=_write_settlement)
        self._documents = [column for column in tables.documents.columns if column.name != "chain_sha256"]
        self._entries = list(tables.entries.columns)
        self._postings = list(tables.postings.columns)
        self._received = list(tables.received_invoices.columns)
        self._insert_documents = insert_many(tables.documents, self._documents)
        self._insert_received = insert_many(
            tables.received_invoices, self._received, "ON CONFLICT (job_id, sha256) DO NOTHING"
        )
        self._insert_entries = insert_many(tables.entries, self._entries)
        self._insert_postings = insert_many(tables.postings, self._postings)

    async def save(self, db: Session, values: Mapping[str, Settlement]) -> None:
        await super().save(db, values)
        documents = [document for settlement in values.values() for document in settlement.issued]
        if documents:
            # the trigger that chains them needs the one before to be there
            documents.sort(key=lambda one: (one.number_range, one.running_number))
            rows = [_write_document(document) for document in documents]
            await db.execute(self._insert_documents, arrays(self._documents, rows))
        received = [_write_received(of.work, one) for of in values.values() for one in of.received]
        if received:
            await db.execute(self._insert_received, arrays(self._received, received))
        entries = [entry for settlement in values.values() for entry in settlement.booked]
        if not entries:
            return
        await db.execute(
            self._insert_entries, arrays(self._entries, [_write_entry(entry) for entry in entries])
        )
        postings = [
            (entry.entry_id, line, posting.account, posting.amount)
            for entry in entries
            for line, posting in enumerate(entry.postings, start=1)
        ]
        await db.execute(self._insert_postings, arrays(self._postings, postings))


SETTLEMENTS = SettlementRows()
