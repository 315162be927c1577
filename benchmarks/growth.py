"""What a job costs when many others lie in the tables.

The tables are filled by SQL: every row of one settled job, in all four databases, is copied as often as asked, with a
job id of its own and whatever else must be unique. Constraints and indexes hold as for real rows; triggers that add
up books or fire at each row are off meanwhile, since a copy of balanced entries is balanced.
"""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from benchmarks.fleet import Fleet
from benchmarks.network import Network
from benchmarks.usage import cpu_seconds, used

AGE_DAYS = 60
"""The copies' ids are that old at most: older than any that follows, as in a real table."""


@dataclass(frozen=True)
class Copied:
    """A table's rows of one job, and what differs in a copy: column to SQL over `t` (the row) and `s` (the copy).

    s.job is the copy's job id, s.n its number from 1, s.age the (negative) interval of its id's time from now.
    """

    table: str
    of_job: str
    changes: Mapping[str, str]


_JOB = {"job_id": "s.job"}
_OF_JOB = "t.job_id = %(job)s::text::uuid"
_SUBJECT = {"subject": "s.job::text"}
_VERSIONS = Copied("subject_versions", "t.subject = %(job)s::text", _SUBJECT)
_NUMBER = "t.{} || '-' || s.n"
_INBOX = Copied(
    "inbox",
    "t.received_at BETWEEN %(since)s AND %(until)s",
    # a day older, so that a copy is never copied again
    {"message_id": "uuidv7(s.age)::text", "received_at": "t.received_at - interval '1 day'"},
)

ROWS: Mapping[str, Sequence[Copied]] = {
    "job-exchange": (
        Copied("jobs", _OF_JOB, _JOB),
        Copied("statements", _OF_JOB, _JOB),
        Copied("sealed_end_customers", _OF_JOB, _JOB),
        Copied("compacted", "t.subject = %(job)s::text", _SUBJECT),
        _VERSIONS,
        _INBOX,
    ),
    "matching": (
        Copied(
            "assignment",
            _OF_JOB,
            _JOB | {"document": "replace(t.document, %(job)s::text, s.job::text)"},
        ),
        _VERSIONS,
        _INBOX,
    ),
    "billing": (
        Copied(
            "settlements",
            _OF_JOB,
            _JOB | {name: _NUMBER.format(name) for name in ("invoice_number", "self_billed_number")},
        ),
        Copied(
            "documents",
            _OF_JOB,
            _JOB
            | {
                "number": _NUMBER.format("number"),
                "number_range": "'copies-' || t.number_range",
                "running_number": "s.n",
                "data": f"jsonb_set(t.data, '{{number}}', to_jsonb({_NUMBER.format('number')}))",
            },
        ),
        Copied(
            "entries",
            _OF_JOB,
            _JOB | {name: _NUMBER.format(name) for name in ("entry_id", "source", "document_number")},
        ),
        Copied(
            "postings",
            "t.entry_id IN (SELECT entry_id FROM entries WHERE job_id = %(job)s::text::uuid)",
            {"entry_id": _NUMBER.format("entry_id")},
        ),
        _VERSIONS,
        _INBOX,
    ),
    "partner-registry": (Copied("correspondence", _OF_JOB, _JOB), _VERSIONS, _INBOX),
}


@dataclass(frozen=True)
class Cost:
    """With so many jobs in the tables: lifecycles per second of each round, and CPU of all processes for one."""

    jobs: int
    rows: int
    per_s: Sequence[float]
    cpu_ms: float

    @property
    def median_per_s(self) -> float:
        """Over the rounds."""
        return statistics.median(self.per_s)


@dataclass(frozen=True)
class Growth:
    """Two sizes of the same tables."""

    small: Cost
    large: Cost

    @property
    def percent(self) -> float:
        """By how much a job takes longer with the larger tables."""
        return 100 * (self.small.median_per_s / self.large.median_per_s - 1)

    @property
    def cpu_percent(self) -> float:
        """By how much it takes more CPU."""
        return 100 * (self.large.cpu_ms / self.small.cpu_ms - 1)


async def growth(
    fleet: Fleet, network: Network, sizes: tuple[int, int], rounds: int, lifecycles: int
) -> Growth:
    """Fill up to the first size, measure, fill up to the second, measure again."""
    (template,) = network.jobs(1)
    await fleet.rest()
    since = datetime.now(UTC)
    await network.post([template])
    await network.until_settled([template])
    await fleet.rest()
    copied = {"job": template.key.decode(), "since": since, "until": datetime.now(UTC)}
    costs, there = [], 0
    for size in sizes:
        await asyncio.to_thread(_fill, fleet, copied, there, size)
        there = size
        costs.append(await _cost(fleet, network, size, rounds, lifecycles))
    return Growth(*costs)


async def _cost(fleet: Fleet, network: Network, size: int, rounds: int, lifecycles: int) -> Cost:
    await network.run(max(20, lifecycles // 5))
    await fleet.rest()
    before = cpu_seconds(fleet.stack)
    per_s = [await network.run(lifecycles) for _ in range(rounds)]
    await fleet.rest()
    spent = sum(used(before, cpu_seconds(fleet.stack)).values())
    rows = await asyncio.to_thread(_rows, fleet)
    return Cost(size, rows, per_s, spent * 1000 / (rounds * lifecycles))


def _fill(fleet: Fleet, template: Mapping[str, object], there: int, size: int) -> None:
    """Copies number there + 1 to size, then what autovacuum would do within minutes."""
    for service, tables in ROWS.items():
        with _database(fleet, service) as db:
            db.execute("SET session_replication_role = replica")  # no triggers
            db.execute(
                "CREATE TEMPORARY TABLE copies AS SELECT n, age, uuidv7(age) AS job "
                "FROM generate_series(%s::int, %s::int) AS n, "
                "make_interval(secs => -86400 * %s::float8 * (1 - n / %s::float8)) AS age",
                [there + 1, size, AGE_DAYS, size],
            )
            for copied in tables:
                db.execute(_copy(db, copied), template)
            db.execute("VACUUM (ANALYZE)")


def _copy(db: psycopg.Connection, copied: Copied) -> sql.Composed:
    """INSERT … SELECT of the template's rows, once for each copy."""
    found = db.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
        [copied.table],
    )
    names = [str(row[0]) for row in found]
    picked = [
        sql.SQL(copied.changes[name])
        if name in copied.changes
        else sql.SQL("t.{}").format(sql.Identifier(name))
        for name in names
    ]
    return sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {picked} FROM {table} t, copies s WHERE {of_job}"
    ).format(
        table=sql.Identifier(copied.table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        picked=sql.SQL(", ").join(picked),
        of_job=sql.SQL(copied.of_job),
    )


def _rows(fleet: Fleet) -> int:
    """Rows in all tables, as the last ANALYZE counted them."""
    total = 0
    for service in ROWS:
        with _database(fleet, service) as db:
            row = db.execute("SELECT sum(n_live_tup)::bigint FROM pg_stat_user_tables").fetchone()
            total += int(row[0] or 0) if row else 0
    return total


def _database(fleet: Fleet, service: str) -> psycopg.Connection:
    return psycopg.connect(fleet.stack.postgres.superuser_url(service.replace("-", "_")), autocommit=True)
