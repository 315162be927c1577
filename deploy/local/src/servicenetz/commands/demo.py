"""`servicenetz demo`: one job step by step, then a few hundred over Germany, then whether all of it holds."""

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import psycopg
import typer
from rich.live import Live
from rich.markup import escape

from dealers.cast import CAST
from dealers.community import NotSettled
from dealers.members import Member, members
from dealers.report import Report
from dealers.simulation import TOPICS, Dealers
from servicenetz.commands.check import table as invariants_table
from servicenetz.console import console
from servicenetz.demonstration import papers
from servicenetz.demonstration.crowd import Board, Sums, summary
from servicenetz.demonstration.ear import Ear, NotHeard
from servicenetz.demonstration.story import CUSTOMER, Story, StoryFailed, Told
from servicenetz.demonstration.teller import Teller
from servicenetz.demonstration.words import Words
from servicenetz.invariants import Result, check, where
from servicenetz.stack import Stack, StackError, checkout, default_folder, owner_of

SETTLED_AT_LEAST = 300
PER_SECOND = 14.0
MAILS_WITHIN_S = 8.0
STORY_MAILS = 6
MARKERS = (CUSTOMER.name, CUSTOMER.street, CUSTOMER.phone)
"""The story's end customer: nowhere readable but with client, contractor and distributor."""
ENVIRONMENT = {"MATCHING_OFFER_EXPIRY_SECONDS": "6"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


@dataclass(frozen=True, slots=True)
class Play:
    """What was asked for."""

    jobs: int
    partners: int
    seed: int
    words: Words
    out: Path

    def cast_and_crowd(self) -> list[Member]:
        """Everybody who takes part."""
        return [*CAST, *members(self.seed, self.partners)]


def demo(
    jobs: Annotated[int, typer.Option(min=1, max=20_000, help="Jobs after the story.")] = 420,
    partners: Annotated[int, typer.Option(min=50, max=20_000, help="Dealers.")] = 1_000,
    seed: Annotated[int, typer.Option(min=1, max=9_999, help="The same seed: the same dealers.")] = 1,
    lang: Annotated[Literal["en", "de"], typer.Option(help="Language of the story.")] = "en",
    keep: Annotated[bool, typer.Option("--keep/--fresh", help="Go on with what earlier demos left.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder for the papers; out/ of this checkout.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="State folder; .servicenetz/demo of this checkout.")
    ] = None,
) -> None:
    """One job step by step, then a few hundred over Germany, on real Kafka and PostgreSQL; then the proof.

    Exit code 0: enough jobs settled, two documents for each, and everything holds that must always be true.
    """
    words = Words(lang)
    play = Play(jobs, partners, seed, words, out or checkout() / "out")
    place = folder or default_folder() / "demo"
    if not keep and owner_of(place) is None:
        shutil.rmtree(place, ignore_errors=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)
    begun = time.monotonic()
    console.print(f"[bold]Servicenetz[/]  {words('start')}")
    stack = Stack(place, environment=ENVIRONMENT, say=_say)
    try:
        stack.start()
        try:
            problems = asyncio.run(_play(stack, play, begun))
        finally:
            _stop(stack, words)
    except KeyboardInterrupt:
        console.print(f"\n{words('interrupted')}")
        raise typer.Exit(130) from None
    except (StackError, NotSettled, NotHeard, StoryFailed, papers.PapersMissing) as error:
        console.print(f"[red]✗[/] {escape(str(error))}")
        raise typer.Exit(1) from None
    if problems:
        console.print(f"\n[bold red]✗ {escape(words('bad', why='; '.join(problems)))}[/]")
        raise typer.Exit(1)


async def _play(stack: Stack, play: Play, begun: float) -> list[str]:
    """The whole of it; returns what is not as it should be."""
    words = play.words
    teller = Teller(console, words)
    key = json.loads(stack.sealing_public_key.read_text(encoding="utf-8"))
    mails_before = stack.mail.count()
    async with Dealers(stack.kafka_bootstrap, key, play.cast_and_crowd(), seed=play.seed) as dealers:
        await _settle_in(dealers, play)
        teller.headline(words("story"))
        async with Ear(stack.kafka_bootstrap, TOPICS) as ear:
            told = await Story(dealers.community, dealers.sender, ear, key, teller).run()
        mails = await _mails(stack, told, mails_before)
        teller.mails((str(mail["To"]), str(mail["Subject"])) for mail in mails)
        teller.headline(words("crowd", jobs=play.jobs))
        teller.say("crowd_text")
        report = await _crowd(dealers, play)
    teller.headline(words("summary"))
    console.print(summary(report, _sums(stack, mails_before), words))
    with console.status(words("checking")):
        results = await asyncio.to_thread(check, where(stack), markers=MARKERS)
    console.print()
    console.print(invariants_table(results))
    _write_papers(stack, play, told, mails, dealers)
    problems = _problems(report, results, play)
    if not problems:
        seconds = time.monotonic() - begun
        documents = report.invoices + report.self_billed
        good = words("good", settled=report.settled, documents=documents, seconds=seconds)
        console.print(f"\n[bold green]✓ {good}[/]")
    return problems


async def _settle_in(dealers: Dealers, play: Play) -> None:
    begun = time.monotonic()
    with console.status(play.words("settling")) as status:

        def say(settled: int, of: int) -> None:
            status.update(f"{play.words('settling')}  {settled}/{of}")

        await dealers.settle_in(say=say)
        left = await dealers.tidy_up()
    count = len(dealers.community.members)
    _say(play.words("settled_in", count=count, seconds=time.monotonic() - begun))
    if left:
        _say(play.words("tidied_up", count=left))


async def _crowd(dealers: Dealers, play: Play) -> Report:
    board = Board(play.jobs, dealers.community)
    with Live(board, console=console, refresh_per_second=6, transient=True):
        return await dealers.trade(play.jobs, per_second=PER_SECOND, progress=board.take)


async def _mails(stack: Stack, told: Told, before: int) -> list[EmailMessage]:
    """The story's mails; they are sent on the side, so they may come a little later."""
    ends = time.monotonic() + MAILS_WITHIN_S
    number = told.posting.job_number
    found: list[EmailMessage] = []
    while len(found) < STORY_MAILS and time.monotonic() < ends:
        await asyncio.sleep(0.2)
        caught = await asyncio.to_thread(stack.mail.messages)
        found = [mail for mail in caught[before:] if number in str(mail["Subject"]) + mail.get_content()]
    return found


def _sums(stack: Stack, mails_before: int) -> Sums:
    with psycopg.connect(stack.database_url("billing", "postgresql")) as db:
        row = db.execute("SELECT coalesce(sum(amount), 0), count(DISTINCT entry_id) FROM postings").fetchone()
    ledger, entries = row or (Decimal(0), 0)
    return Sums(ledger, entries, stack.mail.count() - mails_before)


def _write_papers(stack: Stack, play: Play, told: Told, mails: list[EmailMessage], dealers: Dealers) -> None:
    community = dealers.community
    client = community.member(told.posting.client_id)
    contractor = community.member(told.assigned.contractor_id)
    if client is None or contractor is None:
        raise StoryFailed("The story's people are not of this community.")
    names = {"client": client.name, "contractor": contractor.name, "client_mail": client.email}
    files = papers.write(stack, told, names, mails, play.out)
    console.print(f"\n[bold]{play.words('files')}[/]")
    here = Path.cwd()
    for file in files:
        shown = file.relative_to(here) if file.is_relative_to(here) else file
        console.print(f"   {shown}", soft_wrap=True, markup=False)


def _problems(report: Report, results: Sequence[Result], play: Play) -> list[str]:
    problems = []
    least = min(SETTLED_AT_LEAST, play.jobs // 2)
    if report.settled < least:
        problems.append(f"{report.settled} jobs settled, at least {least} should be")
    if not report.two_documents_each:
        problems.append("not two documents for each settled job")
    if report.open:
        problems.append(f"{len(report.open)} jobs without an end: {', '.join(map(str, report.open[:3]))}")
    if report.work_orders_closed:
        problems.append(f"{report.work_orders_closed} work orders did not open with their contractor's key")
    problems += [f"invariant {result.number} is broken" for result in results if not result.holds]
    return problems


def _say(text: str) -> None:
    console.print(f"  [green]✓[/] {text}")


def _stop(stack: Stack, words: Words) -> None:
    """A second Ctrl-C during the stop kills."""
    console.print(f"[dim]{words('stopping')}[/]")
    try:
        stack.stop()
    except KeyboardInterrupt:
        stack.kill_all()
        stack.stop()
        raise


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
