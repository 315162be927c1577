"""What kind of failure an exception is. The kinds are never mixed: each is answered in its own way (`consume.py`)."""

from __future__ import annotations

import asyncio
from enum import Enum

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.database import BROKEN

TRANSIENT_SQLSTATES = ("08", "40", "53", "57", "55P03", "25P03", "25P04")
"""Connection, rollback (serialization, deadlock), resources, operator intervention, lock not available; a transaction
that was idle or open for too long, which is how a process that was frozen finds out."""
OUR_FAULT_SQLSTATES = ("28", "42")
"""Credentials; a missing table, column or right. 42 would fail for every message alike."""
CONFLICT_SQLSTATE = "23505"
"""Unique violation: two replicas made the same row at once. Seen again, the row is there, so it is tried again."""


class Kind(Enum):
    TRANSIENT = "transient"
    ILL = "ill"
    DETERMINISTIC = "deterministic"


class Conflict(Exception):
    """Another replica changed the same thing since we looked; done again it is decided on what is there now."""


class Ill(Exception):
    """Several different aggregates fail alike in a row: it is us, not the messages."""


class Unsent(Exception):
    """What was decided is committed, but the broker has not acknowledged it: wait and publish again."""


class Leaked(Exception):
    """A CancelledError that nobody asked for came out of a call: let through, it would end whoever waits for it."""


class DecisionFailed(Exception):
    """Our code failed on this item; the cause says how. `where` names the record, or the timer, for the log."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


class TooLarge(Exception):
    """A message of ours would not fit its topic: an error in the service, found before the commit."""


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, wherever the driver put it."""
    cause: BaseException | None = error
    while cause is not None:
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if isinstance(state, str):
            return state
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


def classify(error: BaseException) -> Kind:
    """TRANSIENT: wait and try again. ILL: stop and be unready. DETERMINISTIC: this message alone is at fault."""
    if isinstance(error, Ill):
        return Kind.ILL
    if isinstance(error, DecisionFailed):
        return Kind.DETERMINISTIC
    if isinstance(error, (Conflict, Unsent, Leaked, PoolTimeout, OSError, KafkaError)):
        return Kind.TRANSIENT
    state = sqlstate(error)
    if state is not None:
        if state == CONFLICT_SQLSTATE or state.startswith(TRANSIENT_SQLSTATES):
            return Kind.TRANSIENT
        if state.startswith(OUR_FAULT_SQLSTATES):
            return Kind.ILL
        return Kind.DETERMINISTIC
    if isinstance(error, (InterfaceError, *BROKEN)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return Kind.TRANSIENT
    return Kind.DETERMINISTIC


def leaked(error: BaseException) -> bool:
    """Whether this is a CancelledError although nobody cancelled the task it came up in."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and not task.cancelling()


def signature(error: BaseException) -> str:
    """The same failure has the same signature: its type, SQLSTATE if it has one, and the line it was raised at."""
    cause = error
    while isinstance(cause, (DecisionFailed, Ill, Leaked, Unsent)) and cause.__cause__ is not None:
        cause = cause.__cause__
    trace = cause.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    state = sqlstate(cause)
    return f"{type(cause).__qualname__}{f' {state}' if state else ''}@{where}"


def said(error: BaseException) -> str:
    """An error for logs and operators: type, SQLSTATE and place, never its text, which may quote a message."""
    kind, _, where = signature(error).partition("@")
    return f"{kind} at {where.rsplit('/', 1)[-1]}" if where else kind


ALIKE = 3
"""So many different aggregates failing alike in a row, none succeeding between: it is us."""


class Alike:
    """Which aggregates failed in which way since something last went well."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}

    def add(self, error: BaseException, about: str) -> set[str]:
        """Note one more failure; returns all aggregates that failed like it."""
        alike = self._seen.setdefault(signature(error), set())
        alike.add(about)
        return alike

    def too_many(self, error: BaseException) -> bool:
        """Whether it is us, not the messages."""
        return len(self._seen.get(signature(error), ())) >= ALIKE

    def clear(self) -> None:
        """Something went well."""
        self._seen.clear()
