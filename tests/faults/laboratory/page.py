"""docs/reliability.md: what was done and seen as a table, in the words of reliability.md beside this file."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import psutil

from laboratory.faults import FAULTS
from laboratory.laboratory import Seen
from laboratory.record import CHECKOUT
from servicenetz.kafka import JARS
from servicenetz.postgres import BINARIES

TEMPLATE = Path(__file__).with_name("reliability.md")
PAGE = CHECKOUT / "docs" / "reliability.md"
PACKAGES = ("faststream", "aiokafka", "sqlalchemy", "asyncpg", "uvloop")


def write(seen: Sequence[Seen]) -> None:
    """Make the page anew."""
    table = "\n".join([*_table(seen), "", *_violations(seen)]).rstrip()
    text = TEMPLATE.read_text(encoding="utf-8").replace("{table}", table).replace("{machine}", _machine(seen))
    PAGE.write_text(text, encoding="utf-8")


def _table(seen: Sequence[Seen]) -> Iterator[str]:
    yield "| fault | what happens | runs | jobs | settled | hits | heal, s | violations |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    does = {fault.name: fault.does for fault in FAULTS}
    order = list(does)
    known = sorted((run for run in seen if run.fault in does), key=lambda run: order.index(run.fault))
    for name, group in groupby(known, key=lambda run: run.fault):
        yield f"| {name} | {does[name]} | {_sums(list(group))} |"
    for name in order:
        if name not in {run.fault for run in known}:
            yield f"| {name} | {does[name]} | 0 | | | | | not run |"
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in known}))
    yield f"| **together** | seeds {seeds} | {_sums(known)} |"


def _sums(runs: Sequence[Seen]) -> str:
    jobs, settled, hits = (sum(getattr(run, name) for run in runs) for name in ("jobs", "settled", "hits"))
    heal_s = max(run.heal_s for run in runs)
    return f"{len(runs)} | {jobs} | {settled} | {hits} | {heal_s:.0f} | {sum(len(run.violations) for run in runs)}"


def _violations(seen: Sequence[Seen]) -> Iterator[str]:
    for run in seen:
        for violation in run.violations:
            yield f"- seed {run.seed}, {run.fault}: {_without_ids(violation)}"


def _without_ids(text: str) -> str:
    """Ids and paths of one run say nothing to a reader of the page."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", text)
    return re.sub(r"\(all of it: [^)]*\)", "", text)


def _machine(seen: Sequence[Seen]) -> str:
    postgres = subprocess.run(
        [str(BINARIES / "postgres"), "--version"], capture_output=True, check=True, text=True
    )
    (kafka,) = JARS.glob("kafka_*-*.jar")
    days = sorted({run.day for run in seen})
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Seen on {days[0]}{f' to {days[-1]}' if days[1:] else ''} on {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"Kafka {kafka.stem.rpartition('-')[2]}, {postgres.stdout.strip()}, {packages}."
    )
