"""What was done and seen: figures for the last line, a table for docs/reliability.md."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import psutil

from laboratory.faults import FAULTS
from laboratory.laboratory import Seen
from servicenetz.kafka import JARS
from servicenetz.postgres import BINARIES

TEMPLATE = Path(__file__).with_name("reliability.md")
PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
PACKAGES = ("faststream", "aiokafka", "sqlalchemy", "asyncpg", "uvloop")


@dataclass
class Record:
    """Grows with each fault."""

    seen: list[Seen] = field(default_factory=list)

    def enter(self, seen: Seen) -> None:
        """One more."""
        self.seen.append(seen)

    def figures(self) -> dict[str, int]:
        """As they stand in the last line."""
        return {
            "faults": len({each.fault.name for each in self.seen}),
            "seeds": len({each.seed for each in self.seen}),
            "bad_inputs": 0,
            "violations": sum(len(each.violations) for each in self.seen),
        }

    def tell(self, *, whole: bool) -> None:
        """The last line, if any fault was tried; after a run of all of them the page as well."""
        if not self.seen:
            return
        if whole:
            PAGE.write_text(self.page(), encoding="utf-8")
        print(f"figures: {json.dumps(self.figures())}")

    def page(self) -> str:
        """docs/reliability.md."""
        template = TEMPLATE.read_text(encoding="utf-8")
        table = "\n".join([*self._table(), "", *self._violations()]).rstrip()
        return template.replace("{table}", table).replace("{machine}", self._machine())

    def _table(self) -> Iterator[str]:
        yield "| fault | what happens | runs | jobs | settled | hits | heal, s | violations |"
        yield "|---|---|--:|--:|--:|--:|--:|--:|"
        order = [fault.name for fault in FAULTS]
        ordered = sorted(self.seen, key=lambda seen: order.index(seen.fault.name))
        for name, group in groupby(ordered, key=lambda seen: seen.fault.name):
            runs = list(group)
            yield (
                f"| {name} | {runs[0].fault.does} | {len(runs)} | {sum(run.jobs for run in runs)} "
                f"| {sum(run.settled for run in runs)} | {sum(run.hits for run in runs)} "
                f"| {max(run.heal_s for run in runs):.0f} | {sum(len(run.violations) for run in runs)} |"
            )
        jobs, settled, hits = (
            sum(getattr(run, name) for run in self.seen) for name in ("jobs", "settled", "hits")
        )
        figures = self.figures()
        yield (
            f"| **{figures['faults']} faults** | {figures['seeds']} seeds: {self._seeds()} | {len(self.seen)} "
            f"| {jobs} | {settled} | {hits} | {max(run.heal_s for run in self.seen):.0f} | {figures['violations']} |"
        )

    def _violations(self) -> Iterator[str]:
        for run in self.seen:
            for violation in run.violations:
                yield f"- seed {run.seed}, {run.fault.name}: {_without_ids(violation)}"

    def _seeds(self) -> str:
        return ", ".join(str(seed) for seed in dict.fromkeys(each.seed for each in self.seen))

    @staticmethod
    def _machine() -> str:
        postgres = subprocess.run(
            [str(BINARIES / "postgres"), "--version"], capture_output=True, check=True, text=True
        )
        (kafka,) = JARS.glob("kafka_*-*.jar")
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        memory_gb = psutil.virtual_memory().total / 2**30
        return (
            f"Seen on {datetime.now(UTC):%Y-%m-%d} on {psutil.cpu_count()} cores, {memory_gb:.0f} GB, "
            f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
            f"Kafka {kafka.stem.rpartition('-')[2]}, {postgres.stdout.strip()}, {packages}."
        )


def _without_ids(text: str) -> str:
    """Ids say nothing to a reader of the page."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", text)
