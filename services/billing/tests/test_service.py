"""Billing on real Kafka and PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from billing.app import build
from billing.audit import Audit, audit
from billing.settings import Settings
from billing.tables import metadata
from chassis.errors import sqlstate
from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts.billing_commands_v1 import ObjectToSelfBilling, RecordOwnInvoice, ResolveHold
from contracts.billing_payables_v1 import OwnInvoiceBooked, SelfBilledInvoiceIssued
from contracts.billing_rate_cards_v1 import RateCard
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import Hold, JobSettled, SettlementHeld
from contracts.catalogue import replies_of
from contracts.ids import uuid7
from contracts.replies_v1 import BillingAccepted, BillingRejected
from contracts.values import KindOfWork, VatCategory

pytestmark = pytest.mark.stack

CLERK = "distributor:buchhaltung"
REPLIES = replies_of("billing")
Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def billing(start_service: Start) -> Running:
    return await start_service(build, Settings, "billing", hold_after_seconds=0.5)


async def _publish(outside: Outside, command: Any) -> Any:
    return await outside.reply_to(await outside.send(command, actor=CLERK), REPLIES)


async def _prepare(outside: Outside, story: Any) -> None:
    """Prices and both partners are known."""
    await outside.send(story.client())
    await outside.send(story.contractor())
    assert isinstance(await _publish(outside, story.rate_card(1)), BillingAccepted)


async def test_an_objection_and_his_own_invoice_right_behind_it_are_both_booked(
    start_service: Start, outside: Outside, story: Any
) -> None:
    """They lay on the topic while billing was away: one batch, and one transaction decides twice about one job."""
    before = await start_service(build, Settings, "billing", makes_files=False)
    await _prepare(outside, story)
    await outside.send(story.completed())
    his = await outside.message(SelfBilledInvoiceIssued, story.job_id)
    await before.stop()
    objection = ObjectToSelfBilling(
        job_id=story.job_id,
        contractor_id=story.contractor_id,
        document_number=his.document_number,
        reason="Stunden fehlen",
    )
    own = RecordOwnInvoice(
        job_id=story.job_id,
        own_number="2026-117",
        issued_on=his.issued_on,
        net=his.net,
        vat=his.vat,
        gross=his.gross,
        vat_category=VatCategory.S,
    )
    await outside.send(objection, actor=f"partner:{story.contractor_id}")
    await outside.send(own, actor=CLERK)
    url = str(before.settings.database_url)
    billing = await start_service(build, Settings, "billing", makes_files=False, database_url=url)
    await outside.message(OwnInvoiceBooked, story.job_id)
    async with billing.engine.connect() as db:
        found = await audit(db)
    assert found.findings == ()
    assert found.of("suspense") == 0, "what the objection put there, the invoice took"


async def _audit(service: Running) -> Audit:
    async with service.engine.connect() as db:
        return await audit(db)


async def _count(service: Running, question: str, **parameters: Any) -> Any:
    async with service.engine.connect() as db:
        return (await db.execute(text(question), parameters)).scalar_one()


# -- settlement ----------------------------------------------------------------------------------------------


async def test_a_completed_job_is_settled_once_although_it_is_told_three_times(
    billing: Running, outside: Outside, story: Any
) -> None:
    await _prepare(outside, story)
    completed = story.completed()
    first = await outside.send(completed, version=7)
    await outside.message(JobSettled, story.job_id)

    await outside.send(completed, version=7, message_id=first)  # redelivered
    await outside.send(completed, version=7)  # sent again under a new id
    news = await outside.send(completed, version=8)  # told again as if it were news
    last = story.another_job()
    await outside.send(last.completed())
    await outside.message(JobSettled, last.job_id)
    # of one partition, so all before it have passed too
    await until(lambda: _taken_in(billing, news))

    assert len(outside.messages(InvoiceIssued, story.job_id)) == 1
    assert len(outside.messages(SelfBilledInvoiceIssued, story.job_id)) == 1
    assert len(outside.messages(JobSettled, story.job_id)) == 1
    kinds = "SELECT string_agg(kind, ' ' ORDER BY kind) FROM documents WHERE job_id = CAST(:job AS uuid)"
    assert await _count(billing, kinds, job=str(story.job_id)) == "invoice self-billed-invoice"
    found = await _audit(billing)
    assert found.findings == ()
    assert (found.total, found.margin) == (Decimal(0), Decimal("135.50"))


async def _taken_in(service: Running, message_id: UUID) -> bool:
    return bool(
        await _count(service, "SELECT count(*) FROM inbox WHERE message_id = :id", id=str(message_id))
    )


async def test_an_old_job_keeps_its_price_when_a_new_version_is_published(
    billing: Running, outside: Outside, story: Any
) -> None:
    await _prepare(outside, story)
    assert isinstance(await _publish(outside, story.rate_card(2, client="120.00")), BillingAccepted)
    card = await outside.message(RateCard, story.rate_card_id, nth=2)
    assert [version.version for version in card.versions] == [1, 2]

    new = story.another_job()
    await outside.send(story.completed(rate_card_version=1))
    await outside.send(new.completed(rate_card_version=2))
    old_invoice = await outside.message(InvoiceIssued, story.job_id)
    new_invoice = await outside.message(InvoiceIssued, new.job_id)
    assert (old_invoice.net.amount, new_invoice.net.amount) == (Decimal("391.50"), Decimal("479.00"))


async def test_a_version_that_is_not_the_next_is_refused(
    billing: Running, outside: Outside, story: Any
) -> None:
    refusal = await _publish(outside, story.rate_card(2))
    assert isinstance(refusal, BillingRejected)
    assert (refusal.code, refusal.field) == ("version-not-next", "version")
    reply = await outside.reply_to(
        await outside.send(story.rate_card(1), actor=f"partner:{story.client_id}"), REPLIES
    )
    assert isinstance(reply, BillingRejected)
    assert reply.code == "not-allowed"
    assert outside.messages(RateCard, story.rate_card_id) == []


# -- holds ---------------------------------------------------------------------------------------------------


async def test_data_that_is_a_little_late_holds_nothing(
    start_service: Start, outside: Outside, story: Any
) -> None:
    billing = await start_service(build, Settings, "billing")
    await outside.send(story.completed())
    await until(lambda: _parked(billing))
    await _prepare(outside, story)
    await outside.message(JobSettled, story.job_id)
    assert outside.messages(SettlementHeld, story.job_id) == []


async def _parked(service: Running) -> bool:
    return bool(await _count(service, "SELECT count(*) FROM parked WHERE reason = 'waiting'"))


async def test_holds_are_named_and_resolve_by_themselves_one_after_the_other(
    billing: Running, outside: Outside, story: Any
) -> None:
    await outside.send(story.completed())
    first = await outside.message(SettlementHeld, story.job_id)
    assert first.hold is Hold.missing_rate_card

    await _publish(outside, story.rate_card(1))
    second = await outside.message(SettlementHeld, story.job_id, nth=2)
    assert second.hold is Hold.missing_partner

    await outside.send(story.client())
    await outside.send(story.contractor(self_billing=False))
    third = await outside.message(SettlementHeld, story.job_id, nth=3)
    assert third.hold is Hold.missing_self_billing_agreement
    assert outside.messages(InvoiceIssued, story.job_id) == []

    refusal = await outside.reply_to(
        await outside.send(ResolveHold(job_id=story.job_id, note="eilt"), actor=CLERK), REPLIES
    )
    assert isinstance(refusal, BillingRejected)
    assert refusal.code == "still-held"

    await outside.send(story.contractor())
    await outside.message(JobSettled, story.job_id)
    assert len(outside.messages(InvoiceIssued, story.job_id)) == 1
    assert await _count(billing, "SELECT count(*) FROM timers") == 0

    refusal = await outside.reply_to(
        await outside.send(ResolveHold(job_id=story.job_id, note="eilt"), actor=CLERK), REPLIES
    )
    assert refusal.code == "not-held"


async def test_a_clerk_resolves_a_hold_that_slept_through_its_call(
    billing: Running, outside: Outside, story: Any
) -> None:
    await _prepare(outside, story)
    await outside.send(story.contractor(self_billing=False))
    await until(lambda: _agreements(billing, story, 0))
    await outside.send(story.completed())
    await outside.message(SettlementHeld, story.job_id)
    async with billing.engine.begin() as db:
        # as if the call had come in the moment before the hold was written
        await db.execute(
            text("UPDATE partners SET self_billing = :agreed WHERE partner_id = CAST(:id AS uuid)"),
            {"agreed": '[["2026-01-01", null]]', "id": str(story.contractor_id)},
        )
    command = ResolveHold(job_id=story.job_id, note="Vereinbarung liegt vor")
    assert isinstance(
        await outside.reply_to(await outside.send(command, actor=CLERK), REPLIES), BillingAccepted
    )
    await outside.message(JobSettled, story.job_id)
    note = "SELECT resolution_note FROM settlements WHERE job_id = CAST(:job AS uuid)"
    assert await _count(billing, note, job=str(story.job_id)) == "Vereinbarung liegt vor"


async def _agreements(service: Running, story: Any, number: int) -> bool:
    question = (
        "SELECT coalesce(max(jsonb_array_length(self_billing)), -1) FROM partners "
        "WHERE partner_id = CAST(:id AS uuid)"
    )
    return bool(await _count(service, question, id=str(story.contractor_id)) == number)


RESTRICTED, CHECK_FAILED, NO_SUCH_ROW, NOT_UNIQUE = "23001", "23514", "23503", "23505"

# -- what the database refuses by itself ---------------------------------------------------------------------


@pytest.fixture
async def settled(billing: Running, outside: Outside, story: Any) -> Running:
    """A service with one settled job in its books."""
    await _prepare(outside, story)
    await outside.send(story.completed())
    await outside.message(JobSettled, story.job_id)
    return billing


UNCHANGEABLE = (
    "UPDATE documents SET net = net + 1, gross = gross + 1",
    'UPDATE documents SET data = data || \'{"note": "x"}\'',
    "DELETE FROM documents",
    "TRUNCATE documents CASCADE",
    "UPDATE entries SET booked_on = booked_on + 1",
    "DELETE FROM entries",
    "UPDATE postings SET account = 'revenue'",
    "DELETE FROM postings",
    "TRUNCATE postings",
    "DELETE FROM rate_cards",
    "UPDATE rate_cards SET versions = jsonb_set(versions, '{0,valid_from}', '\"2020-01-01\"')",
    "UPDATE rate_cards SET versions = '[]', newest_version = 0",
)


async def test_what_is_issued_booked_or_published_never_changes(settled: Running) -> None:
    for statement in UNCHANGEABLE:
        assert await _refused(settled, statement) == RESTRICTED, statement
    assert (await _audit(settled)).findings == ()


POSTING = "INSERT INTO postings SELECT entry_id"
_NEXT = """
    INSERT INTO documents (number, kind, number_range, running_number, job_id, partner_id, issued_on, due_on, net, vat,
        gross, data, sha256, statement_version, preceding)
    SELECT '{number}', '{kind}', {range}, {running}, job_id, partner_id, issued_on, due_on, {sign} net, {sign} vat,
        {sign} gross, data || jsonb_build_object('number', '{number}', 'kind', '{kind}'), sha256, statement_version,
        {preceding}
    FROM documents WHERE kind = '{of}'
"""


def _document(**fields: str) -> str:
    chosen = {
        "number": "X-2",
        "kind": "invoice",
        "range": "number_range",
        "running": "2",
        "sign": "",
        "preceding": "NULL",
        "of": "invoice",
    }
    return _NEXT.format(**(chosen | fields))


_CORRECTION = {"kind": "invoice-correction", "range": "'invoice-correction-2026'", "running": "1"}


async def test_the_database_refuses_what_would_break_the_books(settled: Running) -> None:
    unbalanced = f"{POSTING}, 9, 'revenue', 0.01 FROM entries LIMIT 1"
    assert await _refused(settled, unbalanced) == CHECK_FAILED
    assert await _refused(settled, f"{POSTING}, 9, 'petty-cash', 0 FROM entries LIMIT 1") == CHECK_FAILED
    assert await _refused(settled, f"{POSTING} || 'X', 1, 'revenue', 0 FROM entries LIMIT 1") == NO_SUCH_ROW
    booked_again = (
        "INSERT INTO entries (entry_id, source, happened, leg, job_id, document_number, booked_on) "
        "SELECT 'X', source, happened, leg, job_id, document_number, booked_on "
        "FROM entries LIMIT 1"
    )
    assert await _refused(settled, booked_again) == NOT_UNIQUE
    assert (await _audit(settled)).findings == ()


async def test_the_database_refuses_documents_that_have_no_place(settled: Running) -> None:
    assert await _refused(settled, _document()) == NOT_UNIQUE  # a second one for this statement
    assert await _refused(settled, _document(running="3")) == CHECK_FAILED  # a gap
    unmirrored = _document(**_CORRECTION, preceding="number")
    assert await _refused(settled, unmirrored) == CHECK_FAILED
    assert await _refused(settled, _document(**_CORRECTION, sign="-")) == CHECK_FAILED  # of nothing
    async with settled.engine.begin() as db:
        await db.execute(text(_document(**_CORRECTION, sign="-", preceding="number")))
    twice = _document(**(_CORRECTION | {"running": "2"}), number="X-3", sign="-", preceding="number")
    assert await _refused(settled, twice) == NOT_UNIQUE
    of_it = _document(
        **(_CORRECTION | {"running": "2", "of": "invoice-correction"}),
        number="X-3",
        sign="-",
        preceding="number",
    )
    assert await _refused(settled, of_it) == CHECK_FAILED  # a correction of a correction


async def test_an_entry_is_weighed_at_commit_and_not_before(settled: Running) -> None:
    """Postings of one entry come one after the other; only their sum at the end counts."""
    async with settled.engine.begin() as db:
        await db.execute(
            text(
                "INSERT INTO entries (entry_id, source, happened, leg, job_id, booked_on) "
                "SELECT 'X-1', 'X', 'paid', 'contractor', job_id, '2026-03-05' "
                "FROM settlements"
            )
        )
        for line, amount in ((1, Decimal("5.00")), (2, Decimal("-5.00"))):
            await db.execute(
                text("INSERT INTO postings VALUES ('X-1', :line, 'revenue', :amount)"),
                {"line": line, "amount": amount},
            )
    added_later = "INSERT INTO postings VALUES ('X-1', 3, 'revenue', 0.01)"
    assert await _refused(settled, added_later) == CHECK_FAILED


async def _refused(service: Running, statement: str) -> str | None:
    """The SQLSTATE that this statement is refused with, at the latest at commit."""
    with pytest.raises(DBAPIError) as refused:
        async with service.engine.begin() as db:
            await db.execute(text(statement))
    return sqlstate(refused.value)


# -- tables --------------------------------------------------------------------------------------------------


async def test_the_migrated_database_is_what_tables_py_says(billing: Running) -> None:
    async with billing.engine.connect() as db:
        found = await db.run_sync(
            lambda sync: {
                table: {
                    column["name"]: (column["type"].compile(dialect=sync.dialect), column["nullable"])
                    for column in inspect(sync).get_columns(table)
                }
                for table in metadata.tables
            }
        )
        dialect = db.dialect
    for name, table in metadata.tables.items():
        said = {
            column.name: (column.type.compile(dialect=dialect), column.nullable) for column in table.columns
        }
        assert found[name] == said, name


async def test_a_job_without_a_price_on_its_card_is_held_by_name(
    billing: Running, outside: Outside, story: Any
) -> None:
    await _prepare(outside, story)
    await outside.send(story.completed(kind_of_work=KindOfWork.dismantling))
    held = await outside.message(SettlementHeld, story.job_id)
    assert held.hold is Hold.missing_rate_card
    assert (await _audit(billing)).documents == 0
    unknown = ResolveHold(job_id=uuid7(), note="?")
    refusal = await outside.reply_to(await outside.send(unknown, actor=CLERK), REPLIES)
    assert refusal.code == "unknown-settlement"
