"""A few hundred jobs at once, live on the screen, and the table of what came of them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dealers.book import Book, Job, State
from dealers.community import Community
from dealers.report import Report
from servicenetz.demonstration.words import Words

BAR = 40
NEWS = 10
COLOURS: Mapping[State, str] = {
    State.sent: "white",
    State.posted: "blue",
    State.offered: "cyan",
    State.assigned: "magenta",
    State.started: "yellow",
    State.stated: "yellow",
    State.disputed: "red",
    State.completed: "green",
    State.held: "red",
    State.settled: "bold green",
    State.unfilled: "red",
    State.cancelled: "dim",
    State.refused: "dim red",
}


class Board:
    """What is drawn while the jobs run."""

    def __init__(self, jobs: int, community: Community) -> None:
        self._jobs = jobs
        self._community = community
        self._book: Book | None = None
        self._news: deque[Text] = deque(maxlen=NEWS)
        self._told: dict[UUID, State] = {}

    def take(self, book: Book) -> None:
        """Something has happened."""
        self._book = book
        for job in book.jobs.values():
            if job.state is not self._told.get(job.job_id) and job.state is not State.sent:
                self._told[job.job_id] = job.state
                self._news.append(self._line(job))

    def __rich__(self) -> Group:
        """Bars by state above, the newest lines below."""
        states = self._book.states() if self._book else {}
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
        for state, colour in COLOURS.items():
            count = states.get(state, 0)
            bar = "█" * round(BAR * count / self._jobs) or ("▏" if count else "")
            table.add_row(f"   {state.value}", Text(str(count), justify="right"), Text(bar, style=colour))
        lines = [*self._news, *[Text("")] * (NEWS - len(self._news))]
        return Group(table, Panel(Group(*lines), border_style="dim"))

    def _line(self, job: Job) -> Text:
        poster = self._community.partners.get(job.client_id)
        client = _short(poster.name) if poster else "?"
        contractor = self._community.partners.get(job.contractor_id) if job.contractor_id else None
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{job.job_number or '–':<10}", "dim")
        text.append(f"{job.state.value:<10}", COLOURS[job.state])
        text.append(f"{job.postcode}  {client}")
        if contractor is not None:
            text.append(" → ", "dim")
            text.append(_short(contractor.name))
        if job.refusal is not None:
            text.append(f"  {job.refusal}", "red")
        return text


def _short(name: str) -> str:
    return name if len(name) <= 34 else name[:33] + "…"


@dataclass(frozen=True, slots=True)
class Sums:
    """What is not in the topics of the simulation: seen at the stack itself."""

    ledger: Decimal
    entries: int
    mails: int


def summary(report: Report, sums: Sums, words: Words) -> Table:
    """The run in numbers."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    good, bad = "bold green", "bold red"

    def row(name: str, value: object, detail: str = "", style: str = "bold") -> None:
        table.add_row(f"   {words(name)}", Text(str(value), style=style), detail)

    row("posted", report.posted, f"{report.offers} offers, {report.commands} {words('commands')}")
    row("refused", sum(report.refused_postings.values()), _reasons(report.refused_postings))
    row("assigned", report.assigned)
    row(
        "time_to_assign",
        _seconds(report.time_to_assign_p50_s),
        f"p99 {_seconds(report.time_to_assign_p99_s)}",
    )
    row("settled", report.settled, style=good)
    row("unfilled", report.unfilled, _reasons(report.unfilled_because))
    row("cancelled", report.cancelled)
    row("open", len(report.open), style=bad if report.open else "bold")
    people = words("people", no_shows=report.no_shows, given_back=report.given_back, disputed=report.disputed)
    row("went_wrong", "", people)
    row("refused_commands", sum(report.refused_commands.values()), _reasons(report.refused_commands))
    row(
        "documents",
        report.invoices + report.self_billed,
        words("two_each" if report.two_documents_each else "not_two_each"),
        good if report.two_documents_each else bad,
    )
    row("invoiced", words.amount(report.net_invoiced), words("net"))
    row("paid_out", words.amount(report.net_self_billed), words("net"))
    row("ledger", words.amount(sums.ledger), f"{sums.entries} entries", bad if sums.ledger else good)
    row("orders", report.work_orders_opened, "", bad if report.work_orders_closed else "bold")
    row("mails", sums.mails)
    return table


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counts.items())


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"
