"""Commands for the people in accounts: documents to read, books to check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import archive, page, worklist
from billing.archive import Archived, Tampered
from billing.audit import audit
from billing.domain.holds import MEANINGS
from billing.settings import Settings
from chassis import database

T = TypeVar("T")

MOST_LISTED = 200
_PARTNER_ACCOUNTS = ("receivable", "payable")

documents = typer.Typer(no_args_is_help=True, help="Issued documents: list, read, export.")
ledger = typer.Typer(no_args_is_help=True, help="The double-entry books.")
holds = typer.Typer(help="What is held: why, since when, and what resolves it.")

Job = Annotated[UUID | None, typer.Option("--job", help="the job's id")]


@documents.command("show")
def show(
    number: Annotated[str, typer.Argument(help="such as RE-2026-000001")],
    html: Annotated[Path | None, typer.Option("--html", help="write the page to this file")] = None,
) -> None:
    """Show one document: a summary, or with --html the readable page as a file."""
    found = _read(lambda db: archive.document(db, number))
    if found is None:
        raise SystemExit(f"billing: there is no document {number}")
    if html is None:
        typer.echo(_summary(found))
    else:
        html.write_text(page.render(found.data, found.sha256), encoding="utf-8")
        typer.echo(f"{found.number} -> {html}")


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
) -> None:
    """Write a job's documents as pages, NUMBER.html each."""
    found = _read(lambda db: archive.of_job(db, str(job)))
    if not found:
        raise SystemExit(f"billing: there are no documents for job {job}")
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        file = folder / f"{one.number}.html"
        file.write_text(page.render(one.data, one.sha256), encoding="utf-8")
        typer.echo(file)


@holds.callback(invoke_without_command=True)
def list_holds() -> None:
    """The worklist, oldest first: settlements that are held, and payables that wait for a classification."""
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
    except (OSError, SQLAlchemyError) as error:
        raise SystemExit(f"billing: the database cannot be asked: {error}") from error


async def _ask(settings: Settings, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = database.connect(settings, "billing")
    try:
        async with engine.connect() as db:
            return await question(db)
    finally:
        await engine.dispose()
