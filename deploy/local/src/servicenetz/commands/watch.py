"""`servicenetz watch`: the jobs of the stack that is up and their states, live from the topics."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich import box
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contracts import partner_registry_partners_v1
from contracts.catalogue import message_name
from contracts.job_exchange_jobs_v1 import JobPosted
from contracts.messages import Message
from contracts.partner_registry_partners_v1 import Partner
from dealers.book import Book, Job
from dealers.course import Course
from dealers.simulation import TOPICS
from dealers.wire import Heard, Listener, newest
from servicenetz.console import console, read_addresses
from servicenetz.demonstration.crowd import COLOURS
from servicenetz.stack import default_folder

NOT_UP = 2
SHOWN = 25


class Watched:
    """The newest jobs, as a table."""

    def __init__(self, partners: Iterable[Message], only: UUID | None) -> None:
        self._names = {each.partner_id: each.name for each in partners if isinstance(each, Partner)}
        self._only = only
        self._book = Book()
        self._last: dict[UUID, str] = {}

    def take(self, heard: Iterable[Heard]) -> None:
        """What has happened."""
        for each in heard:
            message = each.message
            if isinstance(message, Partner):
                self._names[message.partner_id] = message.name
            if message is None or (self._only is not None and getattr(message, "job_id", None) != self._only):
                continue
            if isinstance(message, JobPosted) and message.job_id not in self._book.jobs:
                self._book.enter(Job.of(message, Course(), each.at))
            job = self._book.hear(message, each.at)
            if job is not None:
                self._last[job.job_id] = message_name(type(message))

    def __rich__(self) -> Table:
        """The newest on top."""
        jobs = list(self._book.jobs.values())
        table = Table(
            box=box.SIMPLE_HEAD,
            header_style="bold",
            title=f"{len(jobs)} jobs, {self._book.open} of them open",
            title_justify="left",
            caption="Ctrl-C ends it",
            caption_justify="left",
        )
        for name in ("job", "state", "place", "client", "contractor", "last heard"):
            table.add_column(name, no_wrap=True)
        for job in reversed(jobs[-SHOWN:]):
            table.add_row(
                job.job_number or str(job.job_id),
                Text(job.state.value, COLOURS[job.state]),
                job.postcode,
                self._name(job.client_id),
                self._name(job.contractor_id),
                self._last.get(job.job_id, ""),
            )
        return table

    def _name(self, partner_id: UUID | None) -> str:
        return "" if partner_id is None else self._names.get(partner_id, str(partner_id))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    job: Annotated[UUID | None, typer.Option("--job", help="Only this job, from its beginning.")] = None,
    folder: Annotated[Path | None, typer.Option(help="State folder of the stack that is up.")] = None,
) -> None:
    """Jobs and their states, live; Ctrl-C ends it. With --job also what happened before."""
    addresses = read_addresses(folder or default_folder())
    if addresses is None:
        console.print("Nothing runs here. Start it with [bold]make up[/].")
        raise typer.Exit(NOT_UP)
    try:
        asyncio.run(_watch(addresses["kafka"], job))
    except KeyboardInterrupt:
        console.print("[dim]Not watching any more; everything keeps running.[/]")


async def _watch(bootstrap: str, only: UUID | None) -> None:
    partners = (await newest(bootstrap, partner_registry_partners_v1.TOPIC)).values()
    watched = Watched(partners, only)
    async with Listener(bootstrap, TOPICS, from_start=only is not None) as listener:
        with Live(watched, console=console, refresh_per_second=4):
            while True:
                watched.take(await listener.next(0.25))
