"""Rows in and out: one statement for each table, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Column, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Session
from chassis.decisions import Row

T = TypeVar("T")

_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class Rows(Protocol[T]):
    """A kind of state that decisions see: an aggregate, or reference data. Implemented in each service's store.py."""

    name: str

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, T]:
        """The rows with these ids, those missing left out; locked in id order when `lock`."""
        ...

    async def save(self, db: Session, values: Mapping[str, T]) -> None:
        """Write these rows, new ones and known ones, with one statement per table."""
        ...


def insert_many(table: Table, columns: Sequence[Column[Any]], on_conflict: str = "") -> TextClause:
    """INSERT … SELECT FROM unnest: one array parameter per column, named as the column."""
    names = ", ".join(f'"{c.name}"' for c in columns)
    arrays = ", ".join(f"CAST(:{c.name} AS {_array_type(c)}[])" for c in columns)
    picked = ", ".join(f'"{c.name}"::jsonb' if isinstance(c.type, JSONB) else f'"{c.name}"' for c in columns)
    return text(
        f'INSERT INTO "{table.name}" ({names}) '  # noqa: S608  # names of tables and columns, from code
        f"SELECT {picked} FROM unnest({arrays}) AS t({names}) {on_conflict}"
    )


def upsert_many(table: Table, columns: Sequence[Column[Any]]) -> TextClause:
    """As `insert_many`; a row that is there already is overwritten."""
    key = ", ".join(f'"{c.name}"' for c in table.primary_key.columns)
    rest = ", ".join(f'"{c.name}" = EXCLUDED."{c.name}"' for c in columns if not c.primary_key)
    action = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
    return insert_many(table, columns, f"ON CONFLICT ({key}) {action}")


def arrays(columns: Sequence[Column[Any]], values: Collection[Sequence[Any]]) -> dict[str, list[Any]]:
    """The parameters of `insert_many` from rows of values, in the order of the columns."""
    if not values:
        return {c.name: [] for c in columns}
    return {c.name: list(column) for c, column in zip(columns, zip(*values, strict=True), strict=True)}


def _array_type(column: Column[Any]) -> str:
    return "text" if isinstance(column.type, JSONB) else str(column.type.compile(dialect=_dialect))


class TableRows(Generic[T]):
    """Rows that live in one table with one key column.

    read: a database row to the value; write: the value to the columns' values, in their order (JSONB as text);
    columns: those that are read and written (all by default).
    memo: so many values are kept beside the database row they were read from; a row that is the same still is not
    read into a value again. For reference data, which is loaded far more often than it changes; values are immutable.
    """

    def __init__(
        self,
        name: str,
        table: Table,
        *,
        read: Callable[[Any], T],
        write: Callable[[T], Sequence[Any]],
        columns: Sequence[Column[Any]] | None = None,
        memo: int = 0,
    ) -> None:
        (key,) = table.primary_key.columns
        self.name = name
        self._columns = list(columns or table.columns)
        self._key = key.name
        self._read = read
        self._write = write
        self._memo: dict[str, tuple[tuple[Any, ...], T]] = {}
        self._memo_most = memo
        names = ", ".join(f'"{c.name}"' for c in self._columns)
        select = (
            f'SELECT {names} FROM "{table.name}" '  # noqa: S608  # names of tables and columns, from code
            f'WHERE "{key.name}" = ANY(CAST(:ids AS {_array_type(key)}[])) ORDER BY "{key.name}"'
        )
        self._select = text(select)
        self._select_locked = text(f"{select} FOR UPDATE")
        self._upsert = upsert_many(table, self._columns)

    def row(self, row_id: object) -> Row:
        """To be seen as it is."""
        return Row(self.name, str(row_id))

    def locked(self, row_id: object) -> Row:
        """To be changed, or to stay as it is until this transaction ends."""
        return Row(self.name, str(row_id), lock=True)

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, T]:
        result = await db.execute(self._select_locked if lock else self._select, {"ids": sorted(ids)})
        if self._memo_most:
            return {(row_id := str(getattr(row, self._key))): self._value_of(row_id, row) for row in result}
        return {str(getattr(row, self._key)): self._read(row) for row in result}

    def _value_of(self, row_id: str, row: Any) -> T:
        columns = tuple(row)
        known = self._memo.get(row_id)
        if known is not None and known[0] == columns:
            return known[1]
        value = self._read(row)
        if len(self._memo) >= self._memo_most and known is None:
            del self._memo[next(iter(self._memo))]
        self._memo[row_id] = columns, value
        return value

    async def save(self, db: Session, values: Mapping[str, T]) -> None:
        await db.execute(
            self._upsert, arrays(self._columns, [self._write(value) for value in values.values()])
        )
