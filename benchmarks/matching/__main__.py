"""`make bench-matching`: the best twenty for a job, against SQL and against a scan; also how soon a replica is ready.

Writes docs/performance-matching.md. All of one size is measured in one process, one after the other.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np
import psutil

from benchmarks import many
from benchmarks.matching import ready
from benchmarks.matching.network import DAY, KINDS, TIMES, Postcodes, jobs, partners
from benchmarks.matching.scan import Scan
from benchmarks.matching.sql import Sql
from contracts.values import CustomerStatus
from matching.candidates import PartnerIndex
from matching.candidates.sieve import Asked
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Availability, Contractor, Insurance, Job, Term
from servicenetz.stack import Stack

MOST = 20
SIZES = (100_000, 1_000_000)
SEARCHES, SLOW_SEARCHES, LOOKS, UPDATES = 3_000, 40, 500, 20_000
NOBODY = ClientSide(frozenset(), frozenset())
DOCUMENT = Path(__file__).parents[2] / "docs" / "performance-matching.md"


@dataclass(frozen=True)
class Times:
    """Milliseconds of one kind of question."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        p50, p99 = np.percentile(np.array(seconds) * 1e3, [50, 99])
        return cls(float(p50), float(p99))

    def __str__(self) -> str:
        return f"{self.p50:.2f} / {self.p99:.2f}"


@dataclass(frozen=True)
class Size:
    """One number of partners. update_us: with the postings made anew as often as that needs; merge_s: once."""

    partners: int
    memory_mb: float
    search: Times
    look: Times
    scan: Times
    sql: Times
    update_us: float
    merge_s: float
    equal_ms: float


def _timed(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def measure(count: int, url: str, say: Callable[[str], None]) -> Size:
    """Everything for so many partners."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    index = PartnerIndex()
    for contractor, merit in partners(count):
        index.remember(contractor)
        index.weigh(contractor.partner_id, merit)
    index.merge()
    memory = (psutil.Process().memory_info().rss - before) / 1e6
    say(f"{count} partners in memory, {memory:.0f} MB")
    posted = jobs(SEARCHES)
    for job in posted[:200]:
        _search(index, job)
    search = Times.of([_timed(lambda job=job: _search(index, job)) for job in posted])  # type: ignore[misc]
    say(f"search {search} ms")
    look = Times.of(
        [_timed(lambda job=job: index.look(Assignment(job), NOBODY, MOST)) for job in posted[:LOOKS]]  # type: ignore[misc]
    )
    scan = _scan(index, posted[:SLOW_SEARCHES])
    say(f"scan {scan} ms")
    sql = _sql(index, url, posted[: SLOW_SEARCHES * 2])
    say(f"SQL {sql} ms")
    update_us = _update(index, count)
    return Size(count, memory, search, look, scan, sql, update_us, _timed(index.merge), _equal(count))


def _search(index: PartnerIndex, job: Job) -> list[tuple[int, int]]:
    found = index.search(_asked(index, job), MOST)
    return list(zip(found.slots.tolist(), found.points.tolist(), strict=True))


def _asked(index: PartnerIndex, job: Job) -> Asked:
    wanted = index.asked(job, NOBODY, ())
    assert wanted is not None
    return wanted


def _scan(index: PartnerIndex, posted: Sequence[Job]) -> Times:
    """Also that it finds the same."""
    scan, took = Scan(index), []
    for job in posted:
        wanted = _asked(index, job)
        begun = time.perf_counter()
        slots, points = scan.search(wanted, MOST)
        took.append(time.perf_counter() - begun)
        assert _search(index, job) == list(zip(slots.tolist(), points.tolist(), strict=True))
    return Times.of(took)


def _sql(index: PartnerIndex, url: str, posted: Sequence[Job]) -> Times:
    """The first half warms the cache. Also that it finds the same."""
    sql, took = Sql(url, index), []
    try:
        for job in posted:
            found, seconds = sql.search(_asked(index, job), MOST)
            took.append(seconds)
            assert found == _search(index, job)
    finally:
        sql.close()
    return Times.of(took[len(took) // 2 :])


def _update(index: PartnerIndex, count: int) -> float:
    """Half of them renew their insurance, half go farther than before; after each hundred comes a search."""
    lots, posted = Random(3), jobs(UPDATES // 100, seed=5)
    changed = [_changed(index, lots, lots.randrange(count)) for _ in range(UPDATES)]
    spent = 0.0
    for number, contractor in enumerate(changed):
        spent += _timed(lambda contractor=contractor: index.remember(contractor))  # type: ignore[misc]
        if number % 100 == 99:
            loose = index.loose
            took = _timed(lambda job=posted[number // 100]: _search(index, job))  # type: ignore[misc]
            spent += took if index.loose < loose else 0.0
    return spent / UPDATES * 1e6


def _changed(index: PartnerIndex, lots: Random, slot: int) -> Contractor:
    contractor = index.columns.contractor(slot)
    availability = contractor.availability
    if lots.random() < 0.5 or availability is None or availability.radius_km is None:
        until = DAY + timedelta(days=lots.randrange(400))
        return replace(
            contractor, version=contractor.version + 1, insurance=Insurance(500_000_000, DAY, until)
        )
    farther = replace(availability, radius_km=availability.radius_km + lots.randrange(1, 20))
    return replace(contractor, version=contractor.version + 1, availability=farther)


def _equal(count: int) -> float:
    """Milliseconds of a search where nothing but the id tells anybody from anybody else; the best of three."""
    ((contractor, _),) = partners(1)
    (job,) = jobs(1)
    index = PartnerIndex()
    fit = replace(
        contractor,
        place=job.place,
        customer_status=CustomerStatus.active,
        suspended=False,
        agreements=(Term(DAY, None),),
        insurance=Insurance(500_000_000, DAY, DAY + timedelta(days=365)),
        availability=Availability(100, False, 2_400, frozenset(KINDS), frozenset(TIMES), False),  # noqa: FBT003
    )
    index.remember(fit)
    rows, rest, words, merit, *_ = index.columns.arrays
    ids = np.random.default_rng(9).integers(0, 1 << 63, (2, count), dtype=np.uint64)
    index.columns.restore(*(each.repeat(count) for each in (rows, rest, words, merit)), *ids)
    index.merge()
    plain = replace(job, certifications=())
    return min(_timed(lambda: _search(index, plain)) for _ in range(3)) * 1e3


def _row(name: str, values: Sequence[object]) -> str:
    return f"| {name} | {' | '.join(str(value) for value in values)} |"


def report(sizes: Sequence[Size], at: ready.Ready, plans: Sequence[str]) -> str:
    """docs/performance-matching.md."""
    lines = [
        "# How fast candidates are found",
        "",
        "Written by `make bench-matching`; do not edit.",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}. Processes that wanted to",
        f"run when it ended: {os.getloadavg()[0]:.1f}; on a quiet machine there is one.",
        "",
        "The best 20 who pass the gate (capacity is PostgreSQL's), with exact points of all terms that need no",
        "database, for jobs that ask for one to three certifications; milliseconds, median / 99th percentile.",
        "Scan and SQL found the very same rows and points, checked in the same run.",
        "",
        _row("", [f"{size.partners:,} partners" for size in sizes]),
        _row("---", ["--:"] * len(sizes)),
        _row("in memory", [size.search for size in sizes]),
        _row("the same, put together and judged by the gate again", [size.look for size in sizes]),
        _row("numpy, all columns compared", [size.scan for size in sizes]),
        _row("PostgreSQL, GiST on (product, box of the reach)", [size.sql for size in sizes]),
        _row("SQL / memory, medians", [f"{size.sql.p50 / size.search.p50:.0f} ×" for size in sizes]),
        _row("a changed partner, µs, merges included", [f"{size.update_us:.0f}" for size in sizes]),
        _row("one merge, s", [f"{size.merge_s:.2f}" for size in sizes]),
        _row("all partners equal, ms", [f"{size.equal_ms:.0f}" for size in sizes]),
        _row("memory, MB", [f"{size.memory_mb:.0f}" for size in sizes]),
        "",
        f"A replica with {at.partners:,} partners is ready {at.from_snapshot_s:.1f} s after it began to read with a",
        f"snapshot and {ready.CHANGED_SINCE:,} changes since, {at.from_topic_s:.1f} s with nothing but the topic.",
        "",
        "Many jobs at once, by the optimiser (`benchmarks/many.py`):",
        "",
        "```",
        *plans,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _in_database(stack: Stack, count: int) -> Size:
    database = f"partners_{count}"
    stack.postgres.create_database(database)
    try:
        return measure(count, stack.postgres.superuser_url(database), print)
    finally:
        stack.postgres.drop_database(database)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs=2, default=SIZES, help="for a try; the document is left alone"
    )
    options = parser.parse_args()
    usual = tuple(options.sizes) == SIZES
    folder = Path(tempfile.mkdtemp(prefix="servicenetz-bench-"))
    try:
        with Stack(folder, services=[], say=print) as stack:
            small, large = (_in_database(stack, count) for count in options.sizes)
            codes = Postcodes.weighted().draw(Random(7), options.sizes[0])
            network = zip(codes, (each for each, _ in partners(options.sizes[0])), strict=True)
            at = asyncio.run(ready.measure(stack.kafka_bootstrap, folder / "snapshots", network))
            print(f"ready: {at}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    plans = [
        many.HEAD,
        *(many.show(many.measure(*size)) for size in (many.SIZES if usual else many.SIZES[:1])),
    ]
    text = report([small, large], at, plans)
    print(text)
    if usual:
        DOCUMENT.write_text(text, encoding="utf-8")
    figures = {
        "p50_ms_100k": small.search.p50,
        "p99_ms_100k": small.search.p99,
        "p50_ms_1m": large.search.p50,
        "p99_ms_1m": large.search.p99,
        "sql_p50_ms_1m": large.sql.p50,
        "ready_s_100k": at.from_snapshot_s,
    }
    print(f"figures: {json.dumps({name: round(value, 3) for name, value in figures.items()})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
