"""What is told of a run: the table, the last line and docs/performance.md, all from the same results."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.fairness import BOUND_MS, PROBES_PER_S
from benchmarks.flow import HEADER_BYTES, body_bytes_per_lifecycle, messages_per_lifecycle
from benchmarks.profiling import STAGES, Profile
from benchmarks.results import Results
from benchmarks.traffic import Traffic

TEMPLATE = Path(__file__).with_name("performance.template.md")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
FULL_RATE = 0.9
"""A backlog drains at the full rate when it loses no more than what two runs differ by anyway."""
NOT_MEASURED = "not measured in this run"


@dataclass(frozen=True)
class Line:
    """One figure next to its aim. met: None where none was set, or nothing measured."""

    what: str
    seen: str
    aim: str = ""
    met: bool | None = None


def figures(results: Results) -> dict[str, float]:
    """The last line."""
    rates, delays = results.rates, results.delays
    return {
        "lifecycles_per_s": round(rates.median(lambda each: each.ours_per_s), 1),
        "bare_per_s": round(rates.median(lambda each: each.bare_per_s), 1),
        "ratio_to_bare": round(rates.ratio_to_bare, 3),
        "ratio_to_first_try": round(rates.ratio_to_first_try, 1),
        "assign_p50_ms": round(delays.p50_ms, 1),
        "assign_p99_ms": round(delays.p99_ms, 1),
        "rss_mb_per_service": round(results.rest.rss_mb, 1),
        "idle_core_percent": round(results.rest.core_percent, 2),
    }


def lines(results: Results) -> Iterator[Line]:
    """The table, in the order of the issue's aims."""
    rates, rest, delays = results.rates, results.rest, results.delays
    bare, ours, first = (
        rates.median(of)
        for of in (
            lambda each: each.bare_per_s,
            lambda each: each.ours_per_s,
            lambda each: each.first_try_per_s,
        )
    )
    yield Line("bare batched program", f"{bare:.0f} lifecycles/s")
    yield Line("Servicenetz", f"{ours:.0f} lifecycles/s")
    yield Line("Servicenetz while e-invoices are made", f"{results.rendering.per_s:.0f} lifecycles/s")
    yield Line("first try", f"{first:.1f} lifecycles/s")
    yield Line(
        "Servicenetz to bare program", f"{rates.ratio_to_bare:.2f}", "≥ 0.6", rates.ratio_to_bare >= 0.6
    )
    yield Line(
        "Servicenetz to first try", f"{rates.ratio_to_first_try:.1f}", "≥ 30", rates.ratio_to_first_try >= 30
    )
    at = f"post to assigned at {delays.per_s:.0f} jobs/s"
    yield Line(f"{at}, p50", f"{delays.p50_ms:.0f} ms", "≤ 25 ms", delays.p50_ms <= 25)
    yield Line(f"{at}, p99", f"{delays.p99_ms:.0f} ms", "≤ 100 ms", delays.p99_ms <= 100)
    yield from _backlog(results, ours)
    loss = results.replicas.loss_percent
    yield Line("loss with two replicas of each", f"{loss:.0f} %", "≤ 15 %", loss <= 15)
    yield Line(
        "memory at rest, largest but matching", f"{rest.rss_mb:.0f} MB", "≤ 120 MB", rest.rss_mb <= 120
    )
    yield Line(
        "memory at rest, matching", f"{rest.matching_rss_mb:.0f} MB", "≤ 200 MB", rest.matching_rss_mb <= 200
    )
    yield Line(
        "the four idle services together",
        f"{rest.core_percent:.1f} % of a core",
        "≤ 3 %",
        rest.core_percent <= 3,
    )
    yield _growth(results)
    fair = results.fairness
    yield Line(
        f"p99 beside a flood of {fair.flood:,} in one partition", f"{fair.beside.p99_ms:.0f} ms",
        f"≤ {BOUND_MS:.0f} ms", fair.within_bound,
    )  # fmt: skip


def _backlog(results: Results, ours: float) -> Iterator[Line]:
    drain, flood = results.drain, results.flood
    if drain is None:
        yield Line("a backlog drains at the full rate", NOT_MEASURED)
    else:
        share = drain.per_s / ours
        yield Line(
            f"backlog of {drain.jobs:,} jobs drains at", f"{drain.per_s:.0f}/s, {100 * share:.0f} % of the rate",
            f"≥ {100 * FULL_RATE:.0f} %", share >= FULL_RATE,
        )  # fmt: skip
        yield Line(
            "memory meanwhile, second half to first", f"{drain.growth_percent:+.0f} %", "flat (≤ 10 %)",
            drain.growth_percent <= 10,
        )  # fmt: skip
    if flood is None:
        yield Line("memory before a million messages", NOT_MEASURED)
    else:
        yield Line(
            f"memory before {flood.messages:,} messages", f"{flood.highest_mb:.0f} MB at most, "
            f"{flood.growth.percent:+.0f} % in the second half", "bounded (≤ 10 %)", flood.growth.percent <= 10,
        )  # fmt: skip


def _growth(results: Results) -> Line:
    growth = results.growth
    if growth is None:
        return Line("cost per job, ten times as many in the tables", NOT_MEASURED)
    return Line(
        f"cost per job from {growth.small.jobs:,} to {growth.large.jobs:,} jobs in the tables",
        f"{growth.percent:+.0f} % time, {growth.cpu_percent:+.0f} % CPU", "≤ 10 %", growth.percent <= 10,
    )  # fmt: skip


def show(results: Results, console: Console) -> None:
    """The table, on the console."""
    table = Table(title=f"make bench ({results.plan}, {results.took_s / 60:.1f} min)", title_justify="left")
    for name in ("", "seen", "aim", "met"):
        table.add_column(name)
    for line in lines(results):
        table.add_row(line.what, line.seen, line.aim, _word(line.met))
    console.print(table)
    _show_traffic(results.traffic, console)


def _show_traffic(traffic: Traffic, console: Console) -> None:
    """To see whether `flow` still says what Servicenetz does."""
    table = Table(title="bytes of a body", title_justify="left")
    for name in ("message", "bytes"):
        table.add_column(name)
    for kind, size in sorted(traffic.body_of.items()):
        table.add_row(kind, f"{size:.0f}")
    console.print(table)


def page(results: Results) -> str:
    """docs/performance.md, whole."""
    machine, fair, rest = results.machine, results.fairness, results.rest
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        plan=results.plan,
        minutes=f"{results.took_s / 60:.0f}",
        partners=results.partners,
        processor=machine.processor,
        cores=machine.cores,
        memory=f"{machine.memory_gb:.0f}",
        system=machine.system,
        load=f"{machine.load:.1f}",
        commit=machine.commit,
        date=f"{machine.began:%Y-%m-%d %H:%M} UTC",
        versions=", ".join(f"{name} {number}" for name, number in machine.versions.items()),
        table=_markdown(
            ("", "seen", "aim", "met"),
            [(line.what, line.seen, line.aim, _word(line.met)) for line in lines(results)],
        ),
        rounds=_rounds(results),
        messages=messages_per_lifecycle(),
        bytes=f"{body_bytes_per_lifecycle():,}",
        seen_messages=f"{results.traffic.messages:.1f}",
        seen_bytes=f"{results.traffic.body_bytes:,.0f}",
        seen_headers=f"{results.traffic.header_bytes / results.traffic.messages:.0f}",
        headers=HEADER_BYTES,
        rest=_markdown(
            ("service", "RSS", "PSS", "% of a core"),
            [
                (name, f"{each.rss_mb:.0f} MB", f"{each.pss_mb:.0f} MB", f"{rest.by_service[name]:.2f}")
                for name, each in sorted(rest.memory.items())
            ],
        ),
        bound=f"{BOUND_MS:.0f}",
        probes=f"{PROBES_PER_S:.0f}",
        flood=f"{fair.flood:,}",
        flood_s=f"{fair.drained_s:.0f}",
        alone=f"{fair.alone.p50_ms:.0f} ms and {fair.alone.p99_ms:.0f} ms",
        beside=f"{fair.beside.p50_ms:.0f} ms and {fair.beside.p99_ms:.0f} ms",
        late=f"{results.delays.late_ms:.0f}",
        replicas=", ".join(
            f"{one:.0f} and {two:.0f}"
            for one, two in zip(results.replicas.one_per_s, results.replicas.two_per_s, strict=True)
        ),
        rendering=f"{results.rendering.per_s:.0f}",
        rendered=f"{results.rendering.rendered} of {results.rendering.jobs}",
        growth=_growth_rows(results),
        profile=NOT_MEASURED if results.profile is None else _stages(results.profile),
    )


def _rounds(results: Results) -> str:
    return _markdown(
        ("round", "bare/s", "Servicenetz/s", "until mailed/s", "first try/s", "CPU ms of ours",
         "rows of ours", "rows of bare", "messages of bare"),
        [
            (str(number), f"{each.bare_per_s:.0f}", f"{each.ours_per_s:.0f}", f"{each.mailed_per_s:.0f}",
             f"{each.first_try_per_s:.1f}", f"{each.cpu_ms:.1f}", f"{each.rows:.0f}",
             f"{each.bare_rows:.0f}", f"{each.bare_messages:.0f}")
            for number, each in enumerate(results.rates.rounds, start=1)
        ],
    )  # fmt: skip


def _growth_rows(results: Results) -> str:
    if results.growth is None:
        return NOT_MEASURED.capitalize() + "."
    return _markdown(
        ("jobs in the tables", "rows in all", "lifecycles/s", "CPU ms per lifecycle"),
        [
            (f"{cost.jobs:,}", f"{cost.rows:,}", f"{cost.median_per_s:.0f}", f"{cost.cpu_ms:.1f}")
            for cost in (results.growth.small, results.growth.large)
        ],
    )


def _stages(profile: Profile) -> str:
    services = profile.services
    rows = [(stage, *[f"{each.stages[stage] * each.cpu_ms:.2f}" for each in services]) for stage, _ in STAGES]
    beside = ", ".join(
        f"{name} {ms:.2f}"
        for name, ms in profile.cpu_ms.items()
        if name not in {each.service for each in services}
    )
    total = ("all", *[f"{each.cpu_ms:.2f}" for each in services])
    table = _markdown(("stage", *[each.service for each in services]), [*rows, total])
    return f"{table}\n\nBesides, in ms: {beside}."


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _word(met: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[met]
