"""Mirrors chassis/src/chassis/publish.py: lock what is unsent, send it in order, await every ack, delete, commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from simulated.broker import Broker, BrokerAway, Partition, Producer
from simulated.database import Database, Table, Transaction
from simulated.scheduler import Process


class Unsent(Exception):
    """As chassis.errors.Unsent."""


class Publisher:
    """Sends what the outbox holds, through one idempotent producer."""

    def __init__(self, database: Database, broker: Broker, process: Process) -> None:
        self.database = database
        self.broker = broker
        self.process = process
        self._producer: Producer | None = None
        self.suspects: set[str] = set()
        self.sending: set[Transaction] = set()
        self.rewriting = 0

    @property
    def owes_a_rewrite(self) -> bool:
        """Whether an old message of ours may stand behind a newer one, and only this process knows."""
        return bool(self.suspects or self.rewriting) or any(transaction.ended for transaction in self.sending)

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        """Publisher.publish"""
        sending: Transaction | None = None
        try:
            with self.database.transaction(self.process) as db:
                rows = await self._take_out(db, aggregates, causes)
                if rows:
                    sending = db
                    self.sending.add(db)
                    await self._send([(row.topic, row.said) for row in rows])
                await db.commit()
        except BaseException:
            if sending:
                self.suspects.update(aggregates)
            raise
        finally:
            self.sending -= {sending}
        await self.rewrite_owed()

    async def rewrite_owed(self) -> None:
        """Publisher.rewrite_owed; an attempt that fails is itself one of unknown outcome."""
        if self.suspects:
            suspects, self.suspects = self.suspects, set()
            try:
                unsent = await self.rewrite_compacted(suspects)
            except BaseException:
                self.suspects |= suspects
                raise
            self.suspects |= unsent

    async def rewrite_compacted(self, subjects: Collection[str]) -> set[str]:
        """Publisher.rewrite_compacted; no newer message is decided meanwhile. Returns what has something unsent."""
        self.rewriting += 1
        try:
            with self.database.transaction(self.process) as db:
                waiting = await db.select("outbox")
                unsent = {(row.topic, row.said.subject) for row in waiting.values()}
                keys = await db.select("compacted", lambda key, _: key[1] in subjects)
                rows = await db.lock("compacted", keys, share=True)
                ready = [
                    (topic, said)
                    for (topic, subject), said in sorted(rows.items())
                    if (topic, subject) not in unsent
                ]
                if ready:
                    await self._send(ready)
                await db.commit()
            return {subject for topic, subject in rows if (topic, subject) in unsent}
        finally:
            self.rewriting -= 1

    async def _take_out(
        self, db: Transaction, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
    ) -> list[Any]:
        """outbox.take_out"""
        rows = await self._take_out_of(db, aggregates, causes, None)
        return [row for _, row in sorted(rows.items())]

    @staticmethod
    async def _take_out_of(
        db: Transaction,
        aggregates: Collection[str],
        causes: Mapping[Partition, tuple[int, int]],
        only: Collection[int] | None,
    ) -> Table:
        def these(key: int, row: Any) -> bool:
            if only is not None and key not in only:
                return False
            if row.aggregate in aggregates:
                return True
            topic, partition, offset = row.cause
            first, last = causes.get((topic, partition), (0, -1))
            return bool(first <= offset <= last)

        return await db.delete_locked("outbox", these)

    async def _send(self, messages: Sequence[tuple[str, Any]]) -> None:
        """Publisher._send: pipelined, in order; any failure condemns the producer."""
        producer = self._running()
        try:
            requests = [await producer.send(topic, said) for topic, said in messages]
            await producer.acks(requests)
        except BaseException as error:
            self._discard(producer)
            if isinstance(error, BrokerAway):
                raise Unsent from error
            raise

    def _running(self) -> Producer:
        """Publisher._running"""
        if self._producer is None:
            self._producer = Producer(self.broker, self.process)
        return self._producer

    def _discard(self, producer: Producer) -> None:
        """Publisher._discard, without the time it takes"""
        if self._producer is producer:
            self._producer = None
            producer.close()

    def close(self) -> None:
        """Publisher.stop, or what death does to a connection."""
        if self._producer is not None:
            self._discard(self._producer)
