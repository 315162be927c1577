"""`make bench-profile`: where the time goes, per service, while whole lifecycles run.

py-spy looks at each service from outside, a hundred times a second, and writes down the stack of each thread that
runs or wants to run. A stack is put to the stage of its innermost frame that says something: a call from SQLAlchemy
into asyncpg is asyncpg's, pydantic called by `items.decode` is decoding. What waits is not counted.
"""

import asyncio
import contextlib
import re
import signal
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from benchmarks.network import Network
from benchmarks.usage import cpu_seconds, used
from servicenetz.stack import Stack

SAMPLES_PER_S = 100
HOTTEST = 14
STATEMENTS = 25
EXTENSION = "pg_stat_statements"
PY_SPY = Path(sys.executable).with_name("py-spy")

STAGES: tuple[tuple[str, str], ...] = (
    ("asyncpg", r"asyncpg/"),
    ("SQLAlchemy", r"sqlalchemy/"),
    ("mail", r"aiosmtplib/|email/|/mail\.py"),
    ("fetch", r"aiokafka/consumer/"),
    ("publish", r"aiokafka/producer/|chassis/publish\.py"),
    ("Kafka client", r"aiokafka/"),
    ("encode", r"chassis/outgoing\.py|pack_headers|contracts/envelope\.py to_|contracts/messages\.py write"),
    ("decode", r"chassis/(items|tolerant|identity)\.py|contracts/(envelope|messages|actor)\.py"),
    ("seal", r"contracts/seal\.py|joserfc/|/sealing\.py"),
    ("rows", r"/(store|tables)\.py|chassis/(rows|journal|outbox|parked)\.py"),
    ("domain", r"/domain/|/(inbound|outbound|candidates|sight|translation|office)\.py"),
    ("batch", r"chassis/(batch|path)\.py"),
    ("beside", r"chassis/(keeper|errands|health|metrics|reference|consume|telemetry)\.py|prometheus_client/"),
    ("event loop", r""),
)  # fmt: skip
"""Stage and what the frame looks like, as `file function`; the first that fits. `batch` is the path's own work in
memory, `mail` what the registry writes to its partners, `beside` timers, errands, indexes, metrics and the consumer
around the path."""

_STAGES = [(stage, re.compile(pattern)) for stage, pattern in STAGES[:-1]]
_FRAME = re.compile(r"^(?P<function>.*) \((?P<file>[^()]*)\)$")


class CannotLook(Exception):
    """py-spy was not let in, since it needs ptrace; what it said."""


@dataclass(frozen=True)
class ServiceProfile:
    """One service's samples: `stages` and `hottest` are shares of them, `inside` counts a function's callees too."""

    service: str
    cpu_ms: float
    samples: int
    stages: Mapping[str, float]
    hottest: Sequence[tuple[str, float]]
    inside: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class ReaderLoad:
    """How one reader's batches were: `records` each on average and the time from poll to acknowledged."""

    reader: str
    batches: int
    records: float
    ms: float


@dataclass(frozen=True)
class Statement:
    """One statement as the database server saw it."""

    database: str
    text: str
    calls: int
    total_ms: float
    rows: int


@dataclass(frozen=True)
class Profile:
    """All of it, with the rates that say how much the looking cost."""

    lifecycles: int
    per_s: float
    unobserved_per_s: float
    cpu_ms: Mapping[str, float]
    services: Sequence[ServiceProfile]
    readers: Sequence[ReaderLoad]
    statements: Sequence[Statement]


async def profile(stack: Stack, network: Network, lifecycles: int) -> Profile:
    """Run so many lifecycles twice, unobserved and observed.

    Needs a network that is set up and warm. Statements are counted if `count_statements` was called before the
    network was made.
    """
    unobserved = await network.run(lifecycles)
    loads = _loads(stack)
    before = cpu_seconds(stack)
    reset_statements(stack)
    with tempfile.TemporaryDirectory(prefix="servicenetz-profile-") as folder:
        async with _observed(stack, Path(folder)) as files:
            per_s = await network.run(lifecycles)
        cpu = {
            name: seconds * 1000 / lifecycles for name, seconds in used(before, cpu_seconds(stack)).items()
        }
        services = [
            read_samples(name, path.read_text(encoding="utf-8"), cpu[name]) for name, path in files.items()
        ]
    readers = [
        ReaderLoad(reader, int(n - m), (r - q) / max(1, n - m), (s - t) * 1000 / max(1, n - m))
        for reader, (n, r, s) in _loads(stack).items()
        for m, q, t in [loads.get(reader, (0.0, 0.0, 0.0))]
        if n > m
    ]
    return Profile(lifecycles, per_s, unobserved, cpu, services, readers, statements(stack))


@contextlib.asynccontextmanager
async def _observed(stack: Stack, folder: Path) -> AsyncIterator[Mapping[str, Path]]:
    """py-spy beside each service; the files are complete when this ends."""
    files = {instance.name: folder / f"{instance.name}.txt" for instance in stack.instances if instance.alive}
    observers = [
        await asyncio.create_subprocess_exec(
            str(PY_SPY), "record", "--pid", str(instance.pid), "--format", "raw", "--nolineno",
            "--rate", str(SAMPLES_PER_S), "--nonblocking", "--output", str(files[instance.name]),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )
        for instance in stack.instances
        if instance.alive
    ]  # fmt: skip
    try:
        await asyncio.sleep(
            1.0
        )  # it reads the interpreter's symbols first, and says nothing into a pipe when it has
        yield files
    finally:
        for observer in observers:
            if observer.returncode is None:
                observer.send_signal(signal.SIGINT)
        for observer in observers:
            _, said = await observer.communicate()
            if observer.returncode != 0:
                raise CannotLook(said.decode().strip()[-300:])


def read_samples(service: str, text: str, cpu_ms: float) -> ServiceProfile:
    """From py-spy's raw format: a line for each stack, `outermost;…;innermost count`."""
    stages: Counter[str] = Counter()
    own: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, number = line.rpartition(" ")
        count = int(number)
        frames = [_frame(frame) for frame in stack.split(";")]
        stages[_stage(frames)] += count
        own[frames[-1]] += count
        for frame in set(frames):
            if _is_ours(frame):
                inside[frame] += count
    total = max(1, stages.total())
    return ServiceProfile(
        service,
        cpu_ms,
        stages.total(),
        {stage: stages[stage] / total for stage, _ in STAGES},
        [(frame, count / total) for frame, count in own.most_common(HOTTEST)],
        [(frame, count / total) for frame, count in inside.most_common(HOTTEST)],
    )


def _frame(text: str) -> str:
    """`function (file)` as `file function`."""
    found = _FRAME.match(text)
    return f"{found['file']} {found['function']}" if found else text


def _stage(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for stage, pattern in _STAGES:
            if pattern.search(frame):
                return stage
    return STAGES[-1][0]


def _is_ours(frame: str) -> bool:
    return frame.startswith(
        ("chassis/", "contracts/", "matching/", "billing/", "job_exchange/", "partner_registry/")
    )


def _loads(stack: Stack) -> dict[str, tuple[float, float, float]]:
    """By service and reader: batches, records and seconds so far, from the services' own metrics."""
    found: dict[str, list[float]] = {}
    wanted = {
        "servicenetz_batch_seconds_count": 0,
        "servicenetz_batch_records_sum": 1,
        "servicenetz_batch_seconds_sum": 2,
    }
    for instance in stack.instances:
        if not instance.alive:
            continue
        with urllib.request.urlopen(f"{instance.http_url}/metrics", timeout=5) as answer:  # noqa: S310  # our own
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in wanted:
                    reader = f"{instance.name} {sample.labels['reader']}"
                    found.setdefault(reader, [0.0, 0.0, 0.0])[wanted[sample.name]] = sample.value
    return {reader: (n, records, seconds) for reader, (n, records, seconds) in found.items()}


# -- the database server's own count ----------------------------------------------------------------------------------


def count_statements(stack: Stack) -> None:
    """Have the server count statements; it is started again for it, and the services with it."""
    with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as db:
        loaded = db.execute("SHOW shared_preload_libraries").fetchone()
        if loaded and EXTENSION in loaded[0]:
            return
        db.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        db.execute("ALTER SYSTEM SET pg_stat_statements.track_utility = on")
    for service in stack.services.values():
        service.stop()
    stack.postgres.restart()
    stack.postgres.wait_until_ready()
    for service in stack.services.values():
        service.start()
    stack.wait_until_ready()
    with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


def reset_statements(stack: Stack) -> None:
    """Count from now on, if they are counted at all."""
    with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as db:
        if _are_counted(db):
            db.execute("SELECT pg_stat_statements_reset()")


def statements(stack: Stack) -> list[Statement]:
    """What took the server longest, most first; nothing if they are not counted."""
    with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as db:
        if not _are_counted(db):
            return []
        rows = db.execute(
            "SELECT d.datname, s.query, s.calls, s.total_exec_time + s.total_plan_time, s.rows "
            "FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname <> 'postgres' "
            "ORDER BY 4 DESC LIMIT %s",
            [STATEMENTS],
        ).fetchall()
    return [Statement(row[0], " ".join(row[1].split()), *row[2:]) for row in rows]


def _are_counted(db: psycopg.Connection) -> bool:
    return bool(db.execute("SELECT 1 FROM pg_extension WHERE extname = %s", [EXTENSION]).fetchone())


# -- shown ------------------------------------------------------------------------------------------------------------


def show(found: Profile, console: Console) -> None:
    """As tables: by process, stage, reader, function and statement."""
    console.print(
        f"{found.lifecycles} lifecycles, {found.per_s:.0f}/s while observed, {found.unobserved_per_s:.0f}/s unobserved"
    )
    table = _table("CPU ms per lifecycle", "process", "ms")
    for name, ms in sorted(found.cpu_ms.items(), key=lambda pair: -pair[1]):
        table.add_row(name, f"{ms:.2f}")
    table.add_row("all", f"{sum(found.cpu_ms.values()):.2f}")
    console.print(table)

    table = _table("CPU ms per lifecycle by stage", "stage", *[s.service for s in found.services], "all")
    for stage, _ in STAGES:
        each = [service.stages[stage] * service.cpu_ms for service in found.services]
        table.add_row(stage, *[f"{ms:.2f}" for ms in each], f"{sum(each):.2f}")
    console.print(table)

    table = _table("batches", "reader", "batches", "records each", "ms each", "ms per record")
    for load in found.readers:
        table.add_row(
            load.reader, str(load.batches), f"{load.records:.1f}", f"{load.ms:.1f}",
            f"{load.ms / load.records:.2f}" if load.records else "",
        )  # fmt: skip
    console.print(table)

    for service in found.services:
        for title, shares in (("itself", service.hottest), ("with what it calls", service.inside)):
            _show_shares(f"{service.service}: {title}, of {service.samples} samples", shares, console)

    table = _table(
        "PostgreSQL, longest in all", "database", "calls", "ms in all", "ms each", "rows each", "statement"
    )
    for each_statement in found.statements:
        calls = each_statement.calls
        table.add_row(
            each_statement.database, str(calls), f"{each_statement.total_ms:.0f}",
            f"{each_statement.total_ms / calls:.2f}", f"{each_statement.rows / calls:.1f}",
            each_statement.text[:110],
        )  # fmt: skip
    console.print(table)


def _show_shares(title: str, shares: Iterable[tuple[str, float]], console: Console) -> None:
    table = _table(title, "function", "%")
    for name, share in shares:
        table.add_row(name, f"{100 * share:.1f}")
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        is_text = number == 0 or name == "statement"
        table.add_column(name, justify="left" if is_text else "right", no_wrap=name != "statement")
    return table
