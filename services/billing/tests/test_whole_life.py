"""One settlement's whole life on real Kafka and PostgreSQL; the books are right after every step."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from own_invoices import BOMB, ubl
from sqlalchemy import text

from billing.app import build
from billing.archive import received_for
from billing.audit import audit
from billing.settings import Settings
from chassis.service import Running
from chassis.testing.network import Outside
from contracts.billing_commands_v1 import (
    ClassifyWork,
    EstimateJob,
    ObjectToSelfBilling,
    RecordPayout,
    SubmitOwnInvoice,
)
from contracts.billing_payables_v1 import (
    OwnInvoiceBooked,
    PayoutRecorded,
    SelfBilledInvoiceIssued,
    SelfBillingObjected,
)
from contracts.billing_settlements_v1 import JobSettled, SettlementCorrected
from contracts.catalogue import replies_of
from contracts.replies_v1 import BillingAccepted
from contracts.values import KindOfWork, Leg, ResponseTime, eur

pytestmark = pytest.mark.stack

CLERK = "distributor:buchhaltung"
REPLIES = replies_of("billing")
Start = Callable[..., Awaitable[Running]]

OWN_INVOICE = ubl("235.50", net="284.50", tax="54.06", gross="338.56")
WITH_A_BOMB = BOMB + OWN_INVOICE.replace("2026-117", "&a11;")


async def test_from_the_statement_to_the_payout_the_books_are_right_at_every_step(
    start_service: Start, outside: Outside, story: Any
) -> None:
    billing = await start_service(build, Settings, "billing", makes_files=False)
    contractor = f"partner:{story.contractor_id}"

    async def ask(command: Any, actor: str = CLERK) -> Any:
        return await outside.reply_to(await outside.send(command, actor=actor), REPLIES)

    async def books() -> tuple[Any, ...]:
        async with billing.engine.connect() as db:
            found = await audit(db)
        assert found.findings == ()
        assert found.total == 0
        return (found.documents, found.margin, found.of("payable"), found.of("suspense"), found.of("bank"))

    await outside.send(story.client())
    await outside.send(story.contractor())
    assert isinstance(await ask(story.rate_card(1)), BillingAccepted)
    plain = ClassifyWork(
        kind_of_work=KindOfWork.installation, valid_from=date(2026, 1, 1), building_work=False, note="Anlagen"
    )
    assert isinstance(await ask(plain), BillingAccepted)
    sums = [Decimal(amount) for amount in ("0.00", "67.75", "-385.26", "-338.56", "54.06", "0.00")]
    nothing, margin, first_payable, payable, input_vat, _ = sums

    margin_of_others = _estimate(story, story.client_id, Leg.contractor)
    assert (await ask(margin_of_others, f"partner:{story.client_id}")).code == "no-contractor-agreement"
    told = await ask(_estimate(story, story.contractor_id, Leg.contractor), contractor)
    assert told.estimate.net == eur("323.75")

    await outside.send(story.completed())
    await outside.message(JobSettled, story.job_id)
    assert await books() == (2, margin, first_payable, nothing, nothing)

    await outside.send(story.corrected())
    await outside.message(SettlementCorrected, story.job_id)
    assert await books() == (6, Decimal("59.50"), payable, nothing, nothing)

    live = await outside.message(SelfBilledInvoiceIssued, story.job_id, nth=2)
    objection = ObjectToSelfBilling(
        job_id=story.job_id,
        contractor_id=story.contractor_id,
        document_number=live.document_number,
        reason="Ich schreibe selbst",
    )
    assert isinstance(await ask(objection, contractor), BillingAccepted)
    await outside.message(SelfBillingObjected, story.job_id)
    assert await books() == (6, Decimal("59.50"), payable, input_vat, nothing)
    payout = RecordPayout(job_id=story.job_id, amount=eur("338.56"), paid_on=date(2026, 3, 20))
    assert (await ask(payout)).code == "payable-stopped"

    assert isinstance(await ask(_own_invoice(story, OWN_INVOICE), contractor), BillingAccepted)
    await outside.message(OwnInvoiceBooked, story.job_id)
    booked = await books()
    assert booked == (6, Decimal("59.50"), payable, nothing, nothing)

    async with billing.engine.connect() as db:
        (received,) = await received_for(db, str(story.job_id))
    assert (received.number, received.content) == ("2026-117", OWN_INVOICE.encode())

    before = await _rows(billing)
    assert (await ask(_own_invoice(story, WITH_A_BOMB), contractor)).code == "not-xml"
    other = story.another_job()
    await outside.send(other.completed())
    await outside.message(JobSettled, other.job_id)
    live = await outside.message(SelfBilledInvoiceIssued, other.job_id)
    objection = objection.model_copy(update={"job_id": other.job_id, "document_number": live.document_number})
    assert isinstance(await ask(objection, contractor), BillingAccepted)
    same_number = await ask(_own_invoice(other, OWN_INVOICE), contractor)
    assert same_number.code == "number-used"
    assert await _rows(billing, other) == before

    assert isinstance(await ask(payout), BillingAccepted)
    await outside.message(PayoutRecorded, story.job_id)
    assert (await books())[4] == payable
    assert (await ask(payout)).code == "nothing-open"


def _estimate(story: Any, partner_id: UUID, side: Leg) -> EstimateJob:
    return EstimateJob(
        rate_card_id=story.rate_card_id,
        version=1,
        partner_id=partner_id,
        side=side,
        kind_of_work=KindOfWork.installation,
        required_certifications=[],
        hours=Decimal("3.50"),
        zone=2,
        postcode="24937",
        response_time=ResponseTime.scheduled,
    )


def _own_invoice(story: Any, content: str) -> SubmitOwnInvoice:
    encoded = base64.b64encode(content.encode()).decode()
    pieces = [encoded[start : start + 20_000] for start in range(0, len(encoded), 20_000)]
    return SubmitOwnInvoice(job_id=story.job_id, contractor_id=story.contractor_id, content_base64=pieces)


async def _rows(billing: Running, without: Any = None) -> list[Any]:
    """All postings, but those of one job."""
    asked = text(
        "SELECT p.* FROM postings p JOIN entries e USING (entry_id) "
        "WHERE e.job_id IS DISTINCT FROM CAST(:without AS uuid) ORDER BY entry_id, line"
    )
    async with billing.engine.connect() as db:
        rows = await db.execute(asked, {"without": str(without.job_id) if without else None})
        return [tuple(row) for row in rows]
