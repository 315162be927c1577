"""What kind of failure an exception is. The kinds are never mixed: each is answered in its own way (`consume.py`)."""

from __future__ import annotations

import asyncio
from enum import Enum

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

TRANSIENT_SQLSTATES = ("08", "40", "53", "57", "55P03")
"""Connection, rollback (serialization, deadlock), resources, operator intervention, lock not available."""
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
    if isinstance(error, (Conflict, PoolTimeout, asyncio.TimeoutError, OSError, KafkaError)):
        return Kind.TRANSIENT
    state = sqlstate(error)
    if state is not None:
        if state == CONFLICT_SQLSTATE or state.startswith(TRANSIENT_SQLSTATES):
            return Kind.TRANSIENT
        if state.startswith(OUR_FAULT_SQLSTATES):
            return Kind.ILL
        return Kind.DETERMINISTIC
    if isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return Kind.TRANSIENT
    return Kind.DETERMINISTIC
