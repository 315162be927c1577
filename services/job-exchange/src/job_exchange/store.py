"""Rows in and out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from chassis.database import Session
from chassis.decisions import Row
from chassis.rows import TableRows, arrays, upsert_many
from contracts.values import (
    CustomerStatus,
    Jwk,
    KindOfWork,
    Material,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    VisitTerms,
    Window,
    WorkedTime,
    eur,
)
from job_exchange import tables
from job_exchange.domain import end_customers
from job_exchange.domain.end_customers import SealedEndCustomer
from job_exchange.domain.job import (
    Assignment,
    Job,
    Posting,
    StatementRecord,
    StatementState,
    Status,
    WorkOrderState,
)
from job_exchange.domain.partners import ClientAgreement, Partner
from job_exchange.domain.rate_cards import RateCard, Tariff

_certifications: Final = TypeAdapter(tuple[RequiredCertification, ...])
_materials: Final = TypeAdapter(tuple[Material, ...])
_worked: Final = TypeAdapter(tuple[WorkedTime, ...])

# -- reference data ------------------------------------------------------------------------------------------


def _read_partner(row: Any) -> Partner:
    return Partner(
        partner_id=row.partner_id,
        customer_status=CustomerStatus(row.customer_status),
        suspended=row.suspended,
        group=row.group_code,
        client_agreements=tuple(
            ClientAgreement(
                date.fromisoformat(first), date.fromisoformat(last) if last else None, percent, zone
            )
            for first, last, percent, zone in row.client_agreements
        ),
        sealing_key=Jwk.model_validate(row.sealing_key) if row.sealing_key else None,
    )


def _write_partner(partner: Partner) -> Sequence[Any]:
    agreements = [
        (
            one.valid_from.isoformat(),
            one.valid_until.isoformat() if one.valid_until else None,
            one.auto_approve_percent_over,
            one.highest_travel_zone,
        )
        for one in partner.client_agreements
    ]
    return (
        partner.partner_id,
        partner.customer_status.value,
        partner.suspended,
        partner.group,
        json.dumps(agreements),
        partner.sealing_key.model_dump_json() if partner.sealing_key else None,
    )


@lru_cache(maxsize=64)
def _known_rate_card(rate_card_id: UUID, tariffs: str) -> RateCard:
    """Every posting needs the price list, and it hardly ever changes."""
    return _rate_card(rate_card_id, json.loads(tariffs))


def _rate_card(rate_card_id: UUID, tariffs: list[dict[str, Any]]) -> RateCard:
    return RateCard(
        rate_card_id,
        tuple(
            Tariff(
                rate_card_id=rate_card_id,
                version=one["version"],
                valid_from=date.fromisoformat(one["valid_from"]),
                published_at=datetime.fromisoformat(one["published_at"]),
                per_hour=tuple((KindOfWork(kind), eur(amount)) for kind, amount in one["per_hour"]),
                travel=tuple((zone, eur(amount)) for zone, amount in one["travel"]),
                qualified=tuple(
                    (KindOfWork(kind), RequiredCertification.model_validate(asked), eur(amount))
                    for kind, asked, amount in one.get("qualified", ())
                ),
                response=tuple((ResponseTime(time), eur(amount)) for time, amount in one.get("response", ())),
                visit=VisitTerms.model_validate_json(json.dumps(one.get("visit", {}))),
            )
            for one in tariffs
        ),
    )


def _write_rate_card(card: RateCard) -> Sequence[Any]:
    tariffs = [
        {
            "version": one.version,
            "valid_from": one.valid_from.isoformat(),
            "published_at": one.published_at.isoformat(),
            "per_hour": [(kind.value, str(price.amount)) for kind, price in one.per_hour],
            "travel": [(zone, str(price.amount)) for zone, price in one.travel],
            "qualified": [
                (kind.value, asked.model_dump(), str(price.amount)) for kind, asked, price in one.qualified
            ],
            "response": [(time.value, str(price.amount)) for time, price in one.response],
            "visit": one.visit.model_dump(mode="json"),
        }
        for one in card.tariffs
    ]
    return card.rate_card_id, json.dumps(tariffs)


PARTNERS = TableRows("partner", tables.partners, read=_read_partner, write=_write_partner, memo=1000)
RATE_CARDS = TableRows(
    "rate-card",
    tables.rate_cards,
    read=lambda row: _rate_card(row.rate_card_id, row.tariffs),
    write=_write_rate_card,
    memo=100,
)


class PriceList:
    """All rate cards as one row: who posts names none, so it has to be found. Never written."""

    name = "price-list"
    current = Row(name, "current")

    _select = text("SELECT rate_card_id, tariffs::text AS tariffs FROM rate_cards ORDER BY rate_card_id")

    async def load(
        self, db: Session, ids: Collection[str], *, lock: bool
    ) -> Mapping[str, Sequence[RateCard]]:
        if lock:
            raise ValueError("the price list is looked at, not locked: a published version never changes")
        cards = tuple(
            _known_rate_card(row.rate_card_id, row.tariffs) for row in await db.execute(self._select)
        )
        return dict.fromkeys(ids, cards)

    async def save(self, _db: Session, values: Mapping[str, Sequence[RateCard]]) -> None:
        raise ValueError(f"{len(values)} price lists to write: they change as rate cards, not here")


PRICE_LIST = PriceList()

# -- end customers -------------------------------------------------------------------------------------------

END_CUSTOMERS = TableRows(
    end_customers.ROWS,
    tables.sealed_end_customers,
    read=lambda row: SealedEndCustomer(row.job_id, row.ciphertext),
    write=lambda sealed: (sealed.job_id, sealed.ciphertext),
)

# -- jobs ----------------------------------------------------------------------------------------------------


def _read_job(row: Any, statements: tuple[StatementRecord, ...] = ()) -> Job:
    return Job(
        job_id=row.job_id,
        job_number=row.job_number,
        posting=Posting(
            client_id=row.client_id,
            postcode=row.postcode,
            kind_of_work=KindOfWork(row.kind_of_work),
            required_certifications=_certifications.validate_python(row.required_certifications),
            window=Window(starts_at=row.window_starts_at, ends_at=row.window_ends_at),
            estimated_hours=row.estimated_hours,
            approves_itself_up_to_hours=row.approves_itself_up_to_hours,
            response_time=ResponseTime(row.response_time),
            insurance_sum=None if row.insurance_sum_euros is None else eur(row.insurance_sum_euros),
            highest_zone=row.highest_zone,
            offer_policy=OfferPolicy(row.offer_policy),
            rate_card_id=row.rate_card_id,
            rate_card_version=row.rate_card_version,
            own_reference=OwnReference(order_number=row.order_number, cost_centre=row.cost_centre),
            summary=row.summary,
            posted_at=row.posted_at,
            rework_of=row.rework_of,
        ),
        status=Status(row.status),
        assignment=None if row.contractor_id is None else Assignment(row.contractor_id, row.travel_zone),
        work_order=WorkOrderState(row.work_order),
        statements=statements,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _write_job(job: Job) -> Sequence[Any]:
    posting = job.posting
    return (
        job.job_id,
        job.job_number,
        job.status.value,
        posting.client_id,
        posting.postcode,
        posting.kind_of_work.value,
        _certifications.dump_json(posting.required_certifications).decode(),
        posting.window.starts_at,
        posting.window.ends_at,
        posting.estimated_hours,
        posting.approves_itself_up_to_hours,
        posting.response_time.value,
        posting.insurance_sum.amount if posting.insurance_sum else None,
        posting.highest_zone,
        posting.offer_policy.value,
        posting.rate_card_id,
        posting.rate_card_version,
        posting.own_reference.order_number,
        posting.own_reference.cost_centre,
        posting.summary,
        posting.posted_at,
        job.assignment.contractor_id if job.assignment else None,
        job.assignment.travel_zone if job.assignment else None,
        job.work_order.value,
        len(job.statements),
        job.started_at,
        job.ended_at,
        posting.rework_of,
    )


def _read_statement(row: Any) -> StatementRecord:
    return StatementRecord(
        version=row.version,
        statement_id=row.statement_id,
        contractor_id=row.contractor_id,
        hours=row.hours,
        travel_km=row.travel_km,
        performed_from=row.performed_from,
        performed_to=row.performed_to,
        materials=_materials.validate_python(row.materials),
        proof_sha256=row.proof_sha256,
        state=StatementState(row.state),
        approved_hours=row.approved_hours,
        approved_by=row.approved_by,
        worked=_worked.validate_json(json.dumps(row.worked)) if row.worked else (),
        nobody_there=row.nobody_there,
    )


def _write_statement(job_id: UUID, statement: StatementRecord) -> Sequence[Any]:
    return (
        job_id,
        statement.version,
        statement.statement_id,
        statement.contractor_id,
        statement.hours,
        statement.travel_km,
        statement.performed_from,
        statement.performed_to,
        _materials.dump_json(statement.materials).decode(),
        statement.proof_sha256,
        statement.state.value,
        statement.approved_hours,
        statement.approved_by,
        _worked.dump_json(statement.worked).decode() if statement.worked else None,
        statement.nobody_there,
    )


class JobRows(TableRows[Job]):
    """Jobs with their statements: the job's row is what is locked, and says whether there are any."""

    _select_statements = text(
        "SELECT * FROM statements WHERE job_id = ANY(CAST(:ids AS uuid[])) ORDER BY job_id, version"
    )

    def __init__(self) -> None:
        super().__init__("job", tables.jobs, read=_read_job, write=_write_job)
        self._statements = list(tables.statements.columns)
        self._upsert_statements = upsert_many(tables.statements, self._statements)

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, Job]:
        statement = self._select_locked if lock else self._select
        rows = list(await db.execute(statement, {"ids": sorted(ids)}))
        stated = [str(row.job_id) for row in rows if row.statement_count]
        statements: dict[UUID, tuple[StatementRecord, ...]] = {}
        if stated:
            found = await db.execute(self._select_statements, {"ids": stated})
            for job_id, group in groupby(found, key=lambda row: row.job_id):
                statements[job_id] = tuple(_read_statement(row) for row in group)
        return {str(row.job_id): _read_job(row, statements.get(row.job_id, ())) for row in rows}

    async def save(self, db: Session, values: Mapping[str, Job]) -> None:
        await super().save(db, values)
        statements = [
            _write_statement(job.job_id, statement) for job in values.values() for statement in job.statements
        ]
        if statements:
            await db.execute(self._upsert_statements, arrays(self._statements, statements))


JOBS = JobRows()
