"""Runs all checks and says of each whether it holds."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from servicenetz.invariants import books, jobs, path, people
from servicenetz.invariants.snapshot import Snapshot, read

if TYPE_CHECKING:
    from servicenetz.stack import Stack

REST_WITHIN_S = 60.0
LOOK_EVERY_S = 0.5
LOOKS = 12
"""What goes by the clock (standings each minute, compacted messages written again by each process every five) may
disturb some looks, not one after the other."""
AGAIN_WITHIN_S = 15.0
"""Who was at rest once is soon at rest again."""


@dataclass(frozen=True, slots=True)
class Where:
    """Addresses: the broker, and each service's database for psycopg; and the log files."""

    kafka_bootstrap: str
    databases: Mapping[str, str]
    logs: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One invariant. `detail`: what was counted, or what is wrong.

    holds: None when it was not judged: while things move, topics and tables are read at different moments and
    would contradict each other although nothing is wrong.
    """

    number: int
    name: str
    holds: bool | None
    detail: str


@dataclass
class View:
    """All that the checks look at, seen at rest."""

    topics: Snapshot
    databases: Mapping[str, psycopg.Connection[dict[str, Any]]]
    markers: Sequence[str] = ()
    logs: Sequence[Path] = ()
    posted: Collection[UUID] = ()
    unordered: Collection[tuple[str, str]] = ()
    notes: dict[str, object] = field(default_factory=dict)

    def rows(self, service: str, sql: str) -> list[dict[str, Any]]:
        """Rows of one service's database."""
        return self.databases[service].execute(sql).fetchall()


Check = Callable[[View], tuple[list[str], str]]
"""Returns what is wrong, and what was looked at."""

AT_REST = (9, "at rest: no lag, empty outboxes, what is parked is known by name")
CHECKS: Sequence[tuple[int, str, Check]] = (
    (0, "each job that was posted has its end", jobs.all_have_ended),
    (1, "each topic holds every subject version", path.versions_are_whole),
    (2, "one effect per reader and message", path.one_effect_per_message),
    (3, "one invoice and one self-billed invoice per completed job, or a hold", books.two_documents_once),
    (4, "the ledger sums to zero, per entry and in all", books.ledger_is_zero),
    (5, "document numbers have no gap and no double", books.numbers_are_gapless),
    (6, "nobody assigned beyond his capacity or without passing the gate", people.assignments_are_right),
    (7, "end customers appear nowhere readable", people.end_customers_are_hidden),
    (8, "offsets passed = done + duplicate + rejected + dead + parked", path.counts_add_up),
    (*AT_REST, path.what_is_parked),
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
    places: Where,
    *,
    markers: Sequence[str] = (),
    posted: Collection[UUID] = (),
    unordered: Collection[tuple[str, str]] = (),
    rest_within_s: float = REST_WITHIN_S,
) -> list[Result]:
    """Wait until nothing moves any more, then look at everything.

    When it does not come to rest within `rest_within_s`, nothing but that is said. posted: jobs somebody knows of by
    himself; each must have come to an end. unordered: (topic, subject) whose messages were put in disorder on purpose.
    """
    databases = {
        service: psycopg.connect(url, row_factory=dict_row, autocommit=True)
        for service, url in places.databases.items()
    }
    bootstrap = places.kafka_bootstrap
    snapshot = Snapshot()

    def look() -> list[Result]:
        nonlocal snapshot
        snapshot = read(bootstrap)
        view = View(snapshot, databases, markers, places.logs, posted, unordered)
        with ExitStack() as one_moment:
            for database in databases.values():
                one_moment.enter_context(database.transaction())
                database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return [_judge(number, name, check, view) for number, name, check in CHECKS]

    try:
        results = undisturbed(
            wait=lambda until: _wait_for_rest(places, databases, until),
            look=look,
            moved=lambda: path.restless(bootstrap, databases) or snapshot.moved(bootstrap),
            within_s=rest_within_s,
        )
        if isinstance(results, str):
            return [_not_at_rest(number, name, results) for number, name, _ in CHECKS]
        return results
    finally:
        for connection in databases.values():
            connection.close()


def undisturbed(
    *,
    wait: Callable[[float], str | None],
    look: Callable[[], list[Result]],
    moved: Callable[[], str | None],
    within_s: float,
) -> list[Result] | str:
    """What was seen while nothing moved; else what still moves when time is up.

    Topics are read first and tables after them: a timer that fires in between, or while the tables are read, would
    make them contradict each other, and its message is on its way or on the topic by the end. So one look counts only
    when nothing has moved since before it began, and who was at rest once is looked at again. wait: until it rests or a
    monotonic time has come.
    """
    restless: str | None = None
    for _ in range(LOOKS):
        restless = wait(time.monotonic() + within_s)
        within_s = min(within_s, AGAIN_WITHIN_S)
        if restless is not None:
            break
        seen = look()
        restless = moved()
        if restless is None:
            return seen
    return str(restless)


def _judge(number: int, name: str, look: Check, view: View) -> Result:
    wrong, detail = look(view)
    shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    return Result(number, name, not wrong, shown or detail)


def _not_at_rest(number: int, name: str, restless: str) -> Result:
    if (number, name) == AT_REST:
        return Result(number, name, holds=False, detail=f"not at rest: {restless}")
    return Result(number, name, None, "not judged: not at rest")


def _wait_for_rest(
    places: Where, databases: Mapping[str, psycopg.Connection[dict[str, Any]]], until: float
) -> str | None:
    """None once every service has taken in all there is and sent all it has; else what still moves at the end."""
    while True:
        restless = path.restless(places.kafka_bootstrap, databases)
        if restless is None or time.monotonic() > until:
            return restless
        time.sleep(LOOK_EVERY_S)
