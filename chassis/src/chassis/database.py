"""The connection pool, with the time-outs that free what a frozen process holds; and a batch's transaction in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Protocol

import asyncpg
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.settings import ServiceSettings

BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver says of a connection that is gone, or that the server ended while nothing was under way on it."""
ERRORS = (SQLAlchemyError, asyncpg.PostgresError, *BROKEN, OSError)
"""What talking to the database raises, through SQLAlchemy or without it."""

SESSION = {
    "application_name": "",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "20s",
    # above the 10 s that acks may take, below the 300 s poll interval: a frozen replica lets go long before
    "idle_in_transaction_session_timeout": "15s",
    "transaction_timeout": "45s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # rows are few and keys are arrays: a compiled plan costs more than it saves
    "jit": "off",
}


def connect(settings: ServiceSettings, service: str, *, as_owner: bool = False) -> AsyncEngine:
    """The service's engine. No connection is made yet.

    as_owner: as who owns the tables, where that is somebody else than the service's own role.
    """
    owner = settings.owner_database_url if as_owner else None
    return create_async_engine(
        str(owner or settings.database_url),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        hide_parameters=True,  # an SQL error that is logged must not quote rows
        pool_timeout=10,
        pool_recycle=1800,
        connect_args={
            "server_settings": SESSION | {"application_name": f"servicenetz {service}"},
            "timeout": 5,
            "command_timeout": 30,
            "record_class": _Row,
        },
    )


class Session(Protocol):
    """What statements are executed with: a `transaction` here, or a connection of SQLAlchemy's."""

    @property
    def engine(self) -> AsyncEngine:
        """The pool it comes from."""
        ...

    # positional, since SQLAlchemy has other names for them
    async def execute(
        self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /
    ) -> Iterable[Any]:
        """The rows, with their columns as attributes. Raises what `ERRORS` says."""
        ...


class _Row(asyncpg.Record):  # type: ignore[misc]  # asyncpg has no types
    """A row with its columns as attributes, as SQLAlchemy's are."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _Transaction:
    """Statements go to the driver itself: what runs twenty times for each batch is not worth three times its price."""

    def __init__(self, engine: AsyncEngine, driver: Any) -> None:
        self.engine = engine
        self._driver = driver

    async def execute(
        self, statement: TextClause, parameters: Mapping[str, Any] | None = None, /
    ) -> Iterable[Any]:
        sql, names = _compiled(statement)
        rows: list[Any] = await self._driver.fetch(sql, *[(parameters or {})[name] for name in names])
        return rows


@asynccontextmanager
async def transaction(engine: AsyncEngine, *, keep: bool = True) -> AsyncIterator[Session]:
    """A transaction on a connection of the pool; committed at the end, or rolled back when not to `keep`.

    A connection that is broken, or was left in the middle of something, is closed: the server rolls back.
    """
    async with engine.connect() as pooled:
        driver = await _alive(pooled)
        at_work = driver.transaction()
        try:
            await at_work.start()
            yield _Transaction(engine, driver)
            await (at_work.commit() if keep else at_work.rollback())
        except Exception:
            await _give_up(pooled, driver, at_work)
            raise
        except BaseException:
            await pooled.invalidate()
            raise


async def _alive(pooled: AsyncConnection) -> Any:
    """The driver of a connection that is there. Those that ended while they lay in the pool are no failed attempts."""
    while True:
        driver: Any = (await pooled.get_raw_connection()).driver_connection
        if not driver.is_closed():
            return driver
        await pooled.invalidate()


async def _give_up(pooled: AsyncConnection, driver: Any, at_work: Any) -> None:
    """Roll back, if there is still something to do it with."""
    try:
        if driver.is_in_transaction():
            await at_work.rollback()
    except ERRORS:
        await pooled.invalidate()
    else:
        if driver.is_closed():
            await pooled.invalidate()


@cache
def _compiled(statement: TextClause) -> tuple[str, list[str]]:
    """The statement as the driver takes it, and the names of its parameters in their order."""
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    return compiled.string, list(compiled.positiontup or ())
