"""A database as PostgreSQL is in READ COMMITTED, as far as the path can tell: snapshots per statement, row locks.

Each statement is one step, and each wait for a lock another. What a transaction wrote is seen by others when it has
committed; FOR UPDATE waits, then sees the newest row, or that it is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simulated.scheduler import Process, Scheduler, step, wait

LOCK_TICKS = 200
"""lock_timeout: 10 s."""
IDLE_TICKS = 300
"""idle_in_transaction_session_timeout: 15 s."""

Key = Any
Table = dict[Key, Any]
Lock = tuple[str, Key]


class Away(Exception):
    """The connection broke, a time-out ended the transaction, or nobody knows whether it was committed."""


class Conflict(Exception):
    """As chassis.errors.Conflict, or a unique key that another replica took: done again it is decided anew."""


class Database:
    """Tables by name, rows by key."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.tables: dict[str, Table] = defaultdict(dict)
        self.holders: dict[Lock, dict[Transaction, bool]] = {}
        self.open: list[Transaction] = []
        self.commit_is_unclear: Callable[[], bool] = lambda: False
        self.committed: list[Callable[[Mapping[Lock, Any]], None]] = []
        """Called with what a commit wrote: how the invariants watch."""
        self._sequence = 0
        scheduler.watch(self._end_the_idle)

    @contextmanager
    def transaction(self, process: Process) -> Iterator[Transaction]:
        """As Path._transaction: rolled back when the block raises. The block itself says when to commit."""
        made = Transaction(self, process)
        self.open.append(made)
        try:
            yield made
        finally:
            made.end()

    def next_id(self) -> int:
        """An identity column: given out at once, whether or not the transaction commits."""
        self._sequence += 1
        return self._sequence

    def cut(self, whom: Collection[Transaction]) -> None:
        """These connections break: what is not committed is rolled back."""
        for transaction in list(whom):
            transaction.end()

    def cut_off(self, process: Process) -> None:
        """What the server does when a process is gone."""
        self.cut([transaction for transaction in self.open if transaction.process is process])

    def _end_the_idle(self, now: int) -> None:
        self.cut([t for t in self.open if not t.waiting and now - t.touched > IDLE_TICKS])

    @property
    def now(self) -> int:
        return self._scheduler.now


class Transaction:
    """One transaction on a connection of its own."""

    def __init__(self, database: Database, process: Process) -> None:
        self.database = database
        self.process = process
        self.touched = database.now
        self.waiting = False
        self.ended = False
        self._written: dict[Lock, Any] = {}
        self._locks: set[Lock] = set()

    # -- statements ---------------------------------------------------------------------------------------------------

    async def select(self, table: str, where: Callable[[Key, Any], bool] | None = None) -> Table:
        """What is committed, and what this transaction wrote."""
        await self._statement()
        return self._seen(table, where)

    async def lock(self, table: str, keys: Collection[Key], *, share: bool = False) -> Table:
        """SELECT … FOR UPDATE (or SHARE), in key order, of those rows that exist when the statement begins."""
        await self._statement()
        found: Table = {}
        there = self._seen(table, None)
        for key in sorted(key for key in keys if key in there):
            await self._acquire((table, key), share=share)
            row = self._row(table, key)
            if row is not None:
                found[key] = row
        return found

    async def insert(self, table: str, rows: Mapping[Key, Any]) -> set[Key]:
        """INSERT … ON CONFLICT DO NOTHING, in key order; waits for who is inserting the same key."""
        await self._statement()
        new: set[Key] = set()
        for key in sorted(rows):
            if self._row(table, key) is None:
                await self._acquire((table, key))
            if self._row(table, key) is None:
                self._written[(table, key)] = rows[key]
                new.add(key)
        return new

    async def save(self, table: str, rows: Mapping[Key, Any]) -> None:
        """INSERT … ON CONFLICT DO UPDATE, or UPDATE, in key order; None deletes."""
        await self._statement()
        for key in sorted(rows):
            await self._acquire((table, key))
            self._written[(table, key)] = rows[key]

    async def add(self, table: str, rows: Collection[Any]) -> None:
        """INSERT with an identity column."""
        await self._statement()
        for row in rows:
            self._written[(table, self.database.next_id())] = row

    async def delete_locked(self, table: str, where: Callable[[Key, Any], bool]) -> Table:
        """WITH … FOR UPDATE … DELETE … RETURNING: those that match when it begins and are still there when locked."""
        await self._statement()
        gone: Table = {}
        for key in sorted(self._seen(table, where)):
            await self._acquire((table, key))
            row = self._row(table, key)
            if row is not None and where(key, row):
                self._written[(table, key)] = None
                gone[key] = row
        return gone

    async def advisory(self, keys: Collection[Key]) -> None:
        """pg_advisory_xact_lock, in key order."""
        await self._statement()
        for key in sorted(keys):
            await self._acquire(("advisory", key))

    async def commit(self) -> None:
        """Raises Away when it failed, or when the answer was lost although it succeeded."""
        await self._statement()
        unclear = self.database.commit_is_unclear()
        tables = self.database.tables
        for (table, key), row in self._written.items():
            if row is None:
                tables[table].pop(key, None)
            else:
                tables[table][key] = row
        for look in self.database.committed:
            look(self._written)
        self.end()
        if unclear:
            raise Away("the answer to the commit was lost")
        await step()

    def end(self) -> None:
        """Roll back what is not committed; let the locks go."""
        if self.ended:
            return
        self.ended = True
        self.database.open.remove(self)
        for lock in self._locks:
            holders = self.database.holders[lock]
            del holders[self]
            if not holders:
                del self.database.holders[lock]

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _statement(self) -> None:
        await step()
        self._check()
        self.touched = self.database.now

    def _check(self) -> None:
        if self.ended:
            raise Away("the server has ended this transaction")

    async def _acquire(self, lock: Lock, *, share: bool = False) -> None:
        if lock in self._locks and (share or not self.database.holders[lock][self]):
            return
        if not self._free(lock, share):
            self.waiting = True
            got = await wait(lambda: self.ended or self._free(lock, share), LOCK_TICKS)
            self.waiting = False
            self.touched = self.database.now
            self._check()
            if not got:
                raise Away("waited too long for a lock")
        self.database.holders.setdefault(lock, {})[self] = share
        self._locks.add(lock)

    def _free(self, lock: Lock, share: bool) -> bool:
        holders = self.database.holders.get(lock)
        return not holders or all(other is self or (share and shared) for other, shared in holders.items())

    def _row(self, table: str, key: Key) -> Any:
        if (table, key) in self._written:
            return self._written[(table, key)]
        return self.database.tables[table].get(key)

    def _seen(self, table: str, where: Callable[[Key, Any], bool] | None) -> Table:
        rows = dict(self.database.tables[table])
        if self._written:
            for (name, key), row in self._written.items():
                if name == table:
                    if row is None:
                        rows.pop(key, None)
                    else:
                        rows[key] = row
        if where is None:
            return rows
        return {key: row for key, row in rows.items() if where(key, row)}
