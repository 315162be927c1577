"""Commands for the people in accounts: documents to read, books to check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import archive, rendering, worklist
from billing.archive import Archived, Tampered
from billing.audit import audit
from billing.domain.holds import MEANINGS
from billing.domain.retention import books_kept_until, document_kept_until
from billing.rendering import Rendering
from billing.settings import Settings
from chassis import database

T = TypeVar("T")

MOST_LISTED = 200
LOOK_AGAIN_SECONDS = 0.3
NOT_TRIED = "Nobody has made its e-invoice yet: is there a replica with BILLING_MAKES_FILES?"
_PARTNER_ACCOUNTS = ("receivable", "payable")

documents = typer.Typer(no_args_is_help=True, help="Issued documents: list, read, export.")
ledger = typer.Typer(no_args_is_help=True, help="The double-entry books.")
holds = typer.Typer(help="What is held: why, since when, and what resolves it.")

Job = Annotated[UUID | None, typer.Option("--job", help="the job's id")]


@documents.command("show")
def show(number: Annotated[str, typer.Argument(help="such as RE-2026-000001")]) -> None:
    """Show one document: what it says, and the files that were made of it."""
    found = _read(lambda db: archive.document(db, number))
    if found is None:
        raise SystemExit(f"billing: there is no document {number}")
    typer.echo(_summary(found))
    for file in _read(lambda db: rendering.of_document(db, number)):
        passed = ", ".join(file.report["passed"])
        typer.echo(f"  {file.name}  {len(file.content)} bytes, {file.profile}; passed: {passed}")
        typer.echo(f"  sha256 {file.sha256}")


@documents.command("list")
def list_documents(job: Job = None) -> None:
    """List the documents of a job, or the newest of all."""
    found = _read(lambda db: archive.of_job(db, str(job)) if job else archive.newest(db, MOST_LISTED))
    for one in found:
        typer.echo(f"{one.number}  {one.kind:<20} {one.issued_on}  {one.gross:>12} EUR  job {one.job_id}")
    if not found:
        typer.echo("no documents")


@documents.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="is made if it is not there")],
    job: Annotated[UUID, typer.Option("--job", help="the job's id")],
    wait_seconds: Annotated[float, typer.Option("--wait", help="for files that are being made")] = 30.0,
) -> None:
    """Write a job's documents as they are stored: NUMBER.pdf (ZUGFeRD), NUMBER.cii.xml, NUMBER.ubl.xml (XRechnung)."""
    files, missing = _read(lambda db: _files(db, str(job), wait_seconds))
    if not files and not missing:
        raise SystemExit(f"billing: there are no documents for job {job}")
    folder.mkdir(parents=True, exist_ok=True)
    for one in files:
        file = folder / one.name
        file.write_bytes(one.content)
        typer.echo(file)
    if missing:
        raise SystemExit(f"billing: not made yet: {', '.join(missing)}; `billing holds` says why")


@documents.command("received")
def received(
    folder: Annotated[Path, typer.Argument(help="is made if it is not there")],
    job: Annotated[UUID, typer.Option("--job", help="the job's id")],
) -> None:
    """Write the own e-invoices that a job's contractor has sent, as they came: received-1.xml, received-2.xml."""
    found = _read(lambda db: archive.received_for(db, str(job)))
    if not found:
        raise SystemExit(f"billing: nothing was received for job {job}")
    folder.mkdir(parents=True, exist_ok=True)
    for place, one in enumerate(found, start=1):
        file = folder / f"received-{place}.xml"
        file.write_bytes(one.content)
        typer.echo(f"{file}  {one.number}  {one.received_at:%Y-%m-%d %H:%M}  sha256 {one.sha256}")


@documents.command("make")
def make(number: Annotated[str, typer.Argument(help="such as RE-2026-000001")]) -> None:
    """Have a document's files made now. What is stored already stays as it is."""
    if not _read(lambda db: rendering.again(db, number)):
        raise SystemExit(f"billing: there is no document {number}")
    typer.echo(
        f"{number}: asked for; `billing documents show {number}` lists the files, `billing holds` says why not"
    )


@holds.callback(invoke_without_command=True)
def list_holds() -> None:
    """The worklist, oldest first: held settlements, payables nobody can pay out, documents without files."""
    found = _read(worklist.holds)
    for one in found:
        meaning = MEANINGS[one.hold]
        typer.echo(f"{one.since:%Y-%m-%d %H:%M}  {one.hold.value}  job {one.job_number}  {one.job_id}")
        typer.echo(f"    {meaning.why} Waits for {one.waiting_for}.")
        typer.echo(f"    -> {meaning.resolved_by}")
    for waiting in _read(worklist.undecided_building_tax):
        typer.echo(
            f"{waiting.since:%Y-%m-%d}        building tax undecided  {waiting.payables} payables, "
            f"{waiting.gross:,.2f} EUR"
        )
        typer.echo(
            f"    Nobody has said whether {waiting.kind_of_work} is building work (§ 48 EStG); not paid out."
        )
        typer.echo(
            "    -> billing.ClassifyWork, once for the kind of work; or a § 48b certificate (RecordTaxCertificate)"
        )
    for missing in _read(worklist.without_files):
        typer.echo(f"{missing.since:%Y-%m-%d %H:%M}  no files  {missing.number}  job {missing.job_id}")
        typer.echo(f"    {missing.reason or NOT_TRIED}")
        typer.echo(f"    -> billing documents make {missing.number}, once the reason is gone")
    typer.echo(f"{len(found)} held")


@ledger.command("check")
def check() -> None:
    """Recompute all balances from the postings; exit code 1 when anything is not as it must be."""
    found = _read(audit)
    for balance in found.balances:
        if balance.account.split("/")[0] not in _PARTNER_ACCOUNTS:
            typer.echo(f"{balance.account:<34} {balance.amount:>16,.2f}  {balance.postings:>7} postings")
    for kind in _PARTNER_ACCOUNTS:
        accounts = [balance for balance in found.balances if balance.account.startswith(f"{kind}/")]
        postings = sum(balance.postings for balance in accounts)
        typer.echo(
            f"{kind} ({len(accounts)} partners)".ljust(34)
            + f" {found.of(kind):>16,.2f}  {postings:>7} postings"
        )
    typer.echo(f"{'sum of all':<34} {found.total:>16,.2f}")
    typer.echo(f"{'margin':<34} {found.margin:>16,.2f}  {found.documents:>7} documents")
    for finding in found.findings:
        typer.echo(f"WRONG: {finding}", err=True)
    if found.findings:
        raise typer.Exit(1)
    typer.echo("every entry and the whole sum to zero; numbers without gap; documents as issued: holds")


async def _files(db: AsyncConnection, job_id: str, wait_seconds: float) -> tuple[list[Rendering], list[str]]:
    """The stored files of a job's documents, and the numbers of those that have none when the wait is over."""
    until = time.monotonic() + wait_seconds
    while True:
        numbers = [one.number for one in await archive.of_job(db, job_id)]
        stored = {number: await rendering.of_document(db, number) for number in numbers}
        missing = [number for number, files in stored.items() if not files]
        if not missing or time.monotonic() > until:
            return [file for files in stored.values() for file in files], missing
        await db.rollback()  # a transaction that waits sees nothing new
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _summary(found: Archived) -> str:
    data = found.data
    lines = [
        f"{data['number']}  {data['kind']} (type {data['type_code']})",
        f"  issued  {data['issued_on']}, due {data['due_on']}",
        f"  seller  {data['seller']['name']}",
        f"  buyer   {data['buyer']['name']}",
        f"  issuer  {data['issuer']['name']}",
    ]
    for line in data["lines"]:
        lines.append(
            f"  {line['quantity']:>7} {line['unit']:<3} × {line['unit_price']:>9} = {line['net']:>10}"
        )
        lines.append(f"          {line['text']}")
    lines.append(f"  net {data['net']}, VAT {_rates(data)} {data['vat']}, gross {data['gross']} EUR")
    if "tax" in data:
        lines.append(f"  tax by row {data['tax']['rule']}: {data['tax']['source']}")
    kept = f"{document_kept_until(found.issued_on)}, booked until {books_kept_until(found.issued_on)}"
    lines.append(f"  kept until {kept} (law; nothing of it is erased before)")
    lines.append(f"  sha256 {found.sha256}")
    return "\n".join(lines)


def _rates(data: Mapping[str, Any]) -> str:
    rows = data.get("vat_breakdown") or [{"category": "S", "rate": data.get("vat_rate")}]
    return ", ".join(f"{row['category']} {row['rate'] or '–'} %" for row in rows)


def _read(question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Ask the service's database. Raises SystemExit with a sentence when it cannot be asked."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SystemExit(f"billing: settings: {problems}") from None
    try:
        return asyncio.run(_ask(settings, question))
    except Tampered as error:
        raise SystemExit(f"billing: {error}") from error
    except database.ERRORS as error:
        raise SystemExit(f"billing: the database cannot be asked: {error}") from error


async def _ask(settings: Settings, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = database.connect(settings, "billing")
    try:
        async with engine.connect() as db:
            return await question(db)
    finally:
        await engine.dispose()
