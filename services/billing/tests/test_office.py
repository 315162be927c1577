"""The commands for accounts, asked of a real database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from typer.testing import CliRunner

from billing.app import build, main
from billing.domain.holds import MEANINGS
from billing.domain.issuing import RENDER
from billing.einvoice.made import Wrong
from billing.einvoice.reading import embedded, read
from billing.rendering import Renderer
from billing.settings import Settings
from chassis.service import Running
from chassis.testing.network import Outside
from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import Hold, JobSettled, SettlementHeld

pytestmark = pytest.mark.stack

Start = Callable[..., Awaitable[Running]]
Billing = Callable[..., Awaitable[Any]]


@pytest.fixture
async def service(start_service: Start, outside: Outside, story: Any) -> Running:
    """With one settled job, the contractor's language being English."""
    service = await start_service(build, Settings, "billing")
    await _settle(outside, story, language="en")
    return service


async def _settle(outside: Outside, story: Any, **contractor: Any) -> str:
    """Returns the invoice's number."""
    await outside.send(story.client())
    await outside.send(story.contractor(**contractor))
    await outside.send(story.rate_card(1), actor="distributor:buchhaltung")
    await outside.send(story.completed())
    await outside.message(JobSettled, story.job_id)
    return str((await outside.message(InvoiceIssued, story.job_id)).document_number)


@pytest.fixture
def billing(service: Running) -> Billing:
    """Run `billing …` as a person would, on the service's database."""
    return _commands(service)


def _commands(service: Running) -> Billing:
    environment = {
        "BILLING_DATABASE_URL": service.engine.url.render_as_string(hide_password=False),
        "BILLING_KAFKA_BOOTSTRAP_SERVERS": service.settings.kafka_bootstrap_servers,
        "BILLING_DEVELOPMENT": "true",
    }

    async def run(*arguments: str) -> Any:
        # the commands have an event loop of their own
        return await asyncio.to_thread(lambda: CliRunner().invoke(main, list(arguments), env=environment))

    return run


async def test_the_documents_of_a_job_are_listed_shown_and_exported(
    billing: Billing, story: Any, tmp_path: Path
) -> None:
    listed = await billing("documents", "list", "--job", str(story.job_id))
    numbers = [line.split()[0] for line in listed.output.splitlines()]
    assert [number[:2] for number in numbers] == ["RE", "GS"]
    assert (await billing("documents", "list")).output.splitlines()[0].split()[0] in numbers

    shown = await billing("documents", "show", numbers[1])
    assert "self-billed-invoice (type 389)" in shown.output
    assert "seller  Systemhaus Förde KG" in shown.output
    assert re.search(r"kept until \d{4}-12-31, booked until \d{4}-12-31", shown.output)

    folder = tmp_path / "out"
    exported = await billing("documents", "export", "--job", str(story.job_id), str(folder))
    assert exported.exit_code == 0, exported.output
    endings = (".cii.xml", ".pdf", ".ubl.xml")
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        f"{number}{ending}" for number in numbers for ending in endings
    )
    xml = (folder / f"{numbers[1]}.cii.xml").read_bytes()
    assert (
        embedded((folder / f"{numbers[1]}.pdf").read_bytes()) != xml
    )  # two standards, told by their identifiers
    assert read(xml).type_code == "389"
    again = await billing("documents", "export", "--job", str(story.job_id), str(tmp_path / "again"))
    assert again.exit_code == 0
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    assert "passed: XSD" in (await billing("documents", "show", numbers[1])).output
    nothing = await billing("documents", "received", "--job", str(story.job_id), str(tmp_path / "received"))
    assert (nothing.exit_code, (tmp_path / "received").exists()) == (1, False)


async def test_a_file_is_made_once_and_never_changes(
    billing: Billing, service: Running, story: Any, tmp_path: Path
) -> None:
    assert (await billing("documents", "export", "--job", str(story.job_id), str(tmp_path))).exit_code == 0
    made = text("SELECT document_number, format, sha256, made_at FROM renderings ORDER BY 1, 2")
    async with service.engine.connect() as db:
        before = (await db.execute(made)).all()
    again = {"documents": [row.document_number for row in before]}
    await service.service.errands[RENDER]("again", again)
    async with service.engine.connect() as db:
        assert (await db.execute(made)).all() == before
    for change in ("UPDATE renderings SET content = ''", "DELETE FROM renderings", "TRUNCATE renderings"):
        with pytest.raises(DBAPIError, match="never changes"):
            async with service.engine.begin() as db:
                await db.execute(text(change))


async def test_one_document_that_cannot_be_made_keeps_no_other_from_its_files_and_is_on_the_worklist(
    start_service: Start, outside: Outside, story: Any
) -> None:
    service = await start_service(build, Settings, "billing", makes_files=False)
    run = _commands(service)
    invoice = await _settle(outside, story)
    self_billed = (await outside.message(SelfBilledInvoiceIssued, story.job_id)).document_number
    assert "no files" not in (await run("holds")).output  # asked for a moment ago

    await _spoil(service, "2030-01-01", due_on := await _due_on(service, invoice))
    renderer = Renderer(lambda: create_async_engine(service.engine.url))
    errand = {"documents": [invoice, self_billed]}
    try:
        with pytest.raises(Wrong, match=invoice):
            await renderer.render("1", errand)
        assert "passed: XSD" in (await run("documents", "show", self_billed)).output
        listed = (await run("holds")).output
        assert f"no files  {invoice}" in listed
        assert "have another SHA-256" in listed
        assert f"-> billing documents make {invoice}" in listed
        assert self_billed not in listed

        await _spoil(service, due_on, "2030-01-01")
        assert (await run("documents", "make", invoice)).exit_code == 0
        async with service.engine.connect() as db:
            asked = await db.execute(
                text("SELECT payload FROM errands WHERE id = 'render-' || :number"), {"number": invoice}
            )
            await renderer.render("2", asked.scalar_one())
        assert "no files" not in (await run("holds")).output
    finally:
        await renderer.close()
    assert (await run("documents", "make", "RE-1999-000001")).exit_code != 0


async def test_documents_that_nobody_makes_are_on_the_worklist_after_a_while(
    start_service: Start, outside: Outside, story: Any
) -> None:
    service = await start_service(build, Settings, "billing", makes_files=False)
    run = _commands(service)
    invoice = await _settle(outside, story)
    async with service.engine.begin() as db:
        await db.execute(text("UPDATE errands SET created_at = created_at - interval '6 minutes'"))
    listed = (await run("holds")).output
    assert f"no files  {invoice}" in listed
    assert "BILLING_MAKES_FILES" in listed


async def _due_on(service: Running, number: str) -> str:
    async with service.engine.connect() as db:
        asked = text("SELECT data ->> 'due_on' FROM documents WHERE number = :number")
        return str((await db.execute(asked, {"number": number})).scalar_one())


async def _spoil(service: Running, put: str, instead_of: str) -> None:
    """As somebody with all rights could; invoices only."""
    async with service.engine.begin() as db:
        await db.execute(text("SET LOCAL session_replication_role = replica"))
        await db.execute(
            text(
                "UPDATE documents SET data = jsonb_set(data, '{due_on}', to_jsonb(CAST(:put AS text))) "
                "WHERE kind = 'invoice' AND data ->> 'due_on' = :old"
            ),
            {"put": put, "old": instead_of},
        )


async def test_what_is_held_is_listed_with_why_since_when_and_what_resolves_it(
    billing: Billing, outside: Outside, story: Any
) -> None:
    held = story.another_job()
    await outside.send(held.completed(hours=Decimal(160)))
    await outside.message(SettlementHeld, held.job_id)
    listed = (await billing("holds")).output
    assert "implausible_hours" in listed
    assert str(held.job_id) in listed
    assert MEANINGS[Hold.implausible_hours].why in listed
    assert "-> billing.ResolveHold" in listed
    assert "building tax undecided  1 payables" in listed
    assert listed.endswith("1 held\n")


async def test_what_is_not_there_is_said(billing: Billing, story: Any, tmp_path: Path) -> None:
    missing = await billing("documents", "show", "RE-1999-000001")
    assert missing.exit_code != 0
    assert "there is no document RE-1999-000001" in missing.output
    other = story.another_job().job_id
    assert (await billing("documents", "list", "--job", str(other))).output == "no documents\n"
    assert (await billing("documents", "export", "--job", str(other), str(tmp_path / "x"))).exit_code != 0
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        (
            "UPDATE postings SET amount = amount + 0.01 WHERE account = 'revenue'",
            "entry does not sum to zero",
        ),
        (
            "UPDATE documents SET net = net + 1, gross = gross + 1 WHERE kind = 'invoice'",
            "not booked as it says",
        ),
        ("UPDATE documents SET data = jsonb_set(data, '{due_on}', '\"2030-01-01\"')", "not what was issued"),
        ("UPDATE documents SET running_number = 2 WHERE kind = 'invoice'", "numbers have a gap"),
        ("UPDATE counters SET last = last + 1", "numbers have a gap"),
        (
            (
                "UPDATE postings SET amount = amount + CASE account WHEN 'revenue' THEN -5 ELSE 5 END "
                "WHERE account = 'revenue' OR account LIKE 'receivable/%'"
            ),
            "balance of a receivable is not",
        ),
        (
            # a payment that no settlement knows of, booked to zero
            (
                "INSERT INTO entries (entry_id, source, happened, leg, job_id, booked_on) "
                "SELECT 'X/paid', 'X', 'paid', 'contractor', job_id, booked_on FROM entries LIMIT 1; "
                "INSERT INTO postings SELECT 'X/paid', 1, account, 5 FROM postings WHERE account LIKE 'payable/%'; "
                "INSERT INTO postings VALUES ('X/paid', 2, 'bank', -5)"
            ),
            "balance of a payable is not",
        ),
        ("DELETE FROM postings; DELETE FROM entries; DELETE FROM documents", "exactly its two documents"),
    ],
)
async def test_the_check_finds_what_somebody_with_all_rights_has_done(
    billing: Billing, service: Running, tampering: str, finding: str
) -> None:
    right = await billing("ledger", "check")
    assert (right.exit_code, "holds" in right.output) == (0, True)
    async with service.engine.begin() as db:
        await db.execute(text("SET session_replication_role = replica"))  # triggers do not fire
        for statement in tampering.split("; "):
            await db.execute(text(statement))
        await db.execute(text("SET session_replication_role = origin"))
    wrong = await billing("ledger", "check")
    assert wrong.exit_code == 1
    assert finding in wrong.output
