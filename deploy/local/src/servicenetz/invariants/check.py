"""Runs all checks and says of each whether it holds."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from servicenetz.invariants import books, path, people
from servicenetz.invariants.snapshot import Snapshot, read

if TYPE_CHECKING:
    from servicenetz.stack import Stack

REST_WITHIN_S = 60.0
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Where:
    """Addresses: the broker, and each service's database for psycopg; and the log files."""

    kafka_bootstrap: str
    databases: Mapping[str, str]
    logs: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One invariant. `detail`: what was counted, or what is wrong."""

    number: int
    name: str
    holds: bool
    detail: str


@dataclass
class View:
    """All that the checks look at."""

    topics: Snapshot
    databases: Mapping[str, psycopg.Connection[dict[str, Any]]]
    markers: Sequence[str]
    logs: Sequence[Path]
    at_rest: str | None = None
    notes: dict[str, object] = field(default_factory=dict)

    def rows(self, service: str, sql: str) -> list[dict[str, Any]]:
        """Rows of one service's database."""
        return self.databases[service].execute(sql).fetchall()


Check = Callable[[View], tuple[list[str], str]]
"""Returns what is wrong, and what was looked at."""

CHECKS: Sequence[tuple[int, str, Check]] = (
    (1, "each topic holds every subject version", path.versions_are_whole),
    (2, "one effect per reader and message", path.one_effect_per_message),
    (3, "one invoice and one self-billed invoice per completed job, or a hold", books.two_documents_once),
    (4, "the ledger sums to zero, per entry and in all", books.ledger_is_zero),
    (5, "document numbers have no gap and no double", books.numbers_are_gapless),
    (6, "nobody assigned beyond his capacity or without passing the gate", people.assignments_are_right),
    (7, "end customers appear nowhere readable", people.end_customers_are_hidden),
    (8, "offsets passed = done + duplicate + rejected + dead + parked", path.counts_add_up),
    (9, "at rest: no lag, empty outboxes, what is parked is known by name", path.nothing_is_left),
)


def where(stack: "Stack") -> Where:
    """The addresses of a local stack."""
    names = list(stack.services)
    databases = {name: stack.database_url(name, "postgresql") for name in names}
    return Where(stack.kafka_bootstrap, databases, logs_in(stack.folder))


def logs_in(folder: Path) -> list[Path]:
    """The logs of the stack in this folder."""
    return sorted(folder.glob("log/*.log"))


def check(
    places: Where, *, markers: Sequence[str] = (), rest_within_s: float = REST_WITHIN_S
) -> list[Result]:
    """Wait until nothing moves any more (or the time is over), then look at everything."""
    databases = {
        service: psycopg.connect(url, row_factory=dict_row, autocommit=True)
        for service, url in places.databases.items()
    }
    try:
        restless = _wait_for_rest(places, databases, rest_within_s)
        view = View(read(places.kafka_bootstrap), databases, markers, places.logs, restless)
        results = []
        for number, name, look in CHECKS:
            wrong, detail = look(view)
            shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            results.append(Result(number, name, not wrong, shown or detail))
        return results
    finally:
        for connection in databases.values():
            connection.close()


def _wait_for_rest(
    places: Where, databases: Mapping[str, psycopg.Connection[dict[str, Any]]], seconds: float
) -> str | None:
    """None once every service has taken in all there is and sent all it has; else what still moves at the end."""
    until = time.monotonic() + seconds
    while True:
        restless = path.restless(places.kafka_bootstrap, databases)
        if restless is None or time.monotonic() > until:
            return restless
        time.sleep(LOOK_EVERY_S)
