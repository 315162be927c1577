"""How the story looks on the screen."""

from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table

from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.job_exchange_jobs_v1 import JobPosted
from contracts.job_exchange_work_orders_v1 import WorkOrder
from contracts.matching_assignments_v1 import Candidate, CandidatesRanked, JobAssigned, JobOffered
from contracts.replies_v1 import JobExchangeAccepted
from contracts.values import EndCustomer, RequiredCertification, Window
from dealers.community import Community
from dealers.members import Member
from servicenetz.demonstration.words import Words

BERLIN = ZoneInfo("Europe/Berlin")
WIDTH = 108
OTHERS_SHOWN = 9
CIPHER_SHOWN = 44


class Teller:
    """Prints the steps of the story."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self.words = words
        self._step = 0

    def headline(self, text: str) -> None:
        """A new part begins."""
        self._console.print()
        self._console.print(Rule(f"[bold]{text}[/]", style="cyan"), width=min(WIDTH, self._console.width))

    def step(self, key: str) -> None:
        """The next step of the story."""
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}[/]  [bold]{self.words(key)}[/]")

    def say(self, key: str, **values: object) -> None:
        """A sentence."""
        text = Padding(self.words(key, **values), (0, 0, 0, 3))
        self._console.print(text, width=min(WIDTH, self._console.width))

    def _show(self, table: Table | Panel) -> None:
        self._console.print(Padding(table, (0, 0, 0, 3)), width=min(WIDTH, self._console.width))

    def opening(self, client: Member, customer: EndCustomer, required: RequiredCertification) -> None:
        """Who needs help, and with what."""
        self.step("s1")
        product = f"{required.manufacturer} {required.product_line}"
        self.say("s1_text", client=client.name, customer=customer.name, product=product, level=required.level)

    def prices(self, reply: JobExchangeAccepted, hours: Decimal) -> None:
        """What the client learns at once."""
        self.say("number", number=reply.job_number)
        self._show(price_table(reply, hours, self.words))

    def board(self, job: JobPosted) -> None:
        """What everybody may read."""
        self.step("s2")
        self.say("s2_text")
        words = self.words
        needs = ", ".join(
            f"{c.manufacturer} {c.product_line} ≥ {c.level}" for c in job.required_certifications
        )
        rows = (
            (words("place"), job.postcode),
            (words("work"), f"{job.kind_of_work.value}: {job.summary}"),
            (words("needs"), needs),
            (words("when"), span(job.window)),
            (words("hours"), f"{job.estimated_hours} h"),
            (words("customer"), f"[dim]{words('sealed')}[/]"),
        )
        self._show(Panel(_pairs(rows), title=job.job_number, title_align="left", expand=False))

    def ranked(self, ranked: CandidatesRanked) -> None:
        """How many pass the gate, and what kept the others out."""
        self.step("s3")
        eligible = ranked.looked_at - sum(removed.count for removed in ranked.removed)
        self.say("s3_text", looked=ranked.looked_at, eligible=eligible)
        most = max((removed.count for removed in ranked.removed), default=1)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for removed in sorted(ranked.removed, key=lambda each: -each.count):
            bar = "█" * max(1, round(30 * removed.count / most))
            table.add_row(removed.constraint, f"[bold]{removed.count}[/]", f"[red]{bar}[/]")
        self._show(table)

    def offer(self, offer: JobOffered, name: str) -> None:
        """A candidate is asked."""
        words, earnings = self.words, offer.earnings
        self.say(
            "offer",
            name=f"[bold]{name}[/]",
            per_hour=words.amount(earnings.per_hour.amount),
            travel=words.amount(earnings.travel.amount),
            total=words.amount(earnings.estimated_total.amount),
        )

    def reasons(self, assigned: JobAssigned, community: Community) -> None:
        """The chosen one and the others, each with the reason."""
        self.step("s5")
        words = self.words
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        table.add_column(words("partner"))
        table.add_column(words("distance"), justify="right")
        table.add_column(words("verdict"))
        chosen = words("chosen", score=assigned.chosen.score)
        sums = [(term.name, term.points) for term in assigned.chosen.terms if term.points]
        reasons = f"[bold green]{chosen}[/]\n[dim]{self._parts(sums)}[/]"
        table.add_row(*_who(assigned.chosen, community), reasons)
        for other in assigned.others[:OTHERS_SHOWN]:
            table.add_row(*_who(other, community), self._verdict(other))
        self._show(table)

    def _verdict(self, candidate: Candidate) -> str:
        """The first constraint that failed, or what the chosen one had more, the largest part first."""
        if candidate.failed:
            failure = candidate.failed[0]
            german = failure.fact_de if self.words.language == "de" else None
            return f"[red]{failure.constraint}[/]  [dim]{german or failure.fact}[/]"
        behind = [(each.name, -each.points) for each in candidate.behind or () if each.points]
        behind.sort(key=lambda part: -abs(part[1]))
        parts = self._parts(behind, signed=True) or self.words("level")
        return f"[green]{self.words('eligible', score=candidate.score)}[/]\n[dim]{parts}[/]"

    def _parts(self, parts: Iterable[tuple[str, Decimal]], *, signed: bool = False) -> str:
        sign = "+" if signed else ""
        return ", ".join(f"{self.words(f'term {name}')} {points:{sign}.4f}" for name, points in parts)

    def work_order(self, order: WorkOrder, opened: EndCustomer, client: str, contractor: str) -> None:
        """What the contractor reads."""
        self.step("s6")
        self.say("s6_text", name=contractor)
        words = self.words
        rows = (
            (words("in_name_of"), f"[bold]{client}[/]"),
            (words("customer"), f"[bold]{opened.name}[/]"),
            (words("contact"), opened.contact or ""),
            (words("address"), f"{opened.street}, {opened.postcode} {opened.city}"),
            (words("phone"), opened.phone),
            (words("when"), span(order.window)),
            (words("notes"), opened.notes),
        )
        panel = Panel(
            _pairs(rows), title=order.job_number, title_align="left", border_style="green", expand=False
        )
        self._show(panel)

    def cannot_open(self, name: str, error: str, cipher: str) -> None:
        """What everybody else reads."""
        self.say("s6_other", name=name, error=error, cipher=cipher[:CIPHER_SHOWN])

    def done(self, name: str, hours: Decimal, estimated: Decimal, approved_by: str) -> None:
        """Arrival, statement, approval."""
        self.step("s7")
        approved = self.words("limits" if approved_by == "limits" else "client_approves")
        self.say("s7_text", name=f"[bold]{name}[/]", hours=hours, estimated=estimated, approved=approved)

    def documents(
        self, invoice: InvoiceIssued, self_billed: SelfBilledInvoiceIssued, client: str, contractor: str
    ) -> None:
        """Both legs."""
        self.step("s8")
        words = self.words
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        table.add_column(words("document"))
        table.add_column(words("for"))
        for key in ("net", "vat", "gross"):
            table.add_column(words(key), justify="right")
        legs = ((invoice, "invoice", client), (self_billed, "self_billed", contractor))
        for leg, kind, name in legs:
            amounts = (words.amount(part.amount) for part in (leg.net, leg.vat, leg.gross))
            table.add_row(f"{words(kind)} [bold]{leg.document_number}[/]", name, *amounts)
        self._show(table)
        self.say("margin", margin=words.amount(invoice.net.amount - self_billed.net.amount))

    def mails(self, mails: Iterable[tuple[str, str]]) -> None:
        """Recipient and subject of each."""
        self.step("s9")
        self.say("s9_text")
        table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
        for recipient, subject in mails:
            table.add_row(f"[dim]{recipient}[/]", subject)
        self._show(table)


def price_table(reply: JobExchangeAccepted, hours: Decimal, words: Words) -> Table:
    """The client's prices by travel zone."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column(words("zone"), justify="right")
    table.add_column(f"{words('per_hour')}, {words('net')}", justify="right")
    table.add_column(words("travel"), justify="right")
    table.add_column(words("estimate", hours=hours), justify="right")
    for price in reply.price_by_zone or ():
        plain = price.per_hour.amount * hours + price.travel.amount
        total = price.estimated_total.amount if price.estimated_total else plain
        amounts = (words.amount(a) for a in (price.per_hour.amount, price.travel.amount, total))
        table.add_row(str(price.zone), *amounts)
    return table


def span(window: Window) -> str:
    """From when to when, in German time."""
    starts, ends = window.starts_at.astimezone(BERLIN), window.ends_at.astimezone(BERLIN)
    last = f"{ends:%H:%M}" if starts.date() == ends.date() else f"{ends:%d.%m.%Y %H:%M}"
    return f"{starts:%d.%m.%Y %H:%M} – {last}"


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", value)
    return table


def _who(candidate: Candidate, community: Community) -> tuple[str, str]:
    partner = community.partners.get(candidate.contractor_id)
    name = str(candidate.contractor_id) if partner is None else partner.name
    return name, f"{candidate.distance_km} km"
