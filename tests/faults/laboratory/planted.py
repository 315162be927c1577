"""Bugs that the laboratory has to find. Each takes one rule of the message path away, in this process only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from chassis import journal, outbox
from chassis.batch import Batch
from chassis.consume import Consumer
from chassis.database import Session, transaction
from chassis.journal import Partition
from chassis.path import Path
from chassis.publish import Publisher
from laboratory.replacing import replace


def publish_before_commit() -> None:
    """What is decided is sent while the transaction is still open."""
    save = Path._save

    async def saved(path: Path, db: Session, batch: Batch) -> None:
        await save(path, db, batch)
        rows = await outbox.take_out(db, batch.aggregates, {})
        if rows:
            await path._publisher._send(rows)

    replace(Path, "_save", saved)


def rows_deleted_before_acks() -> None:
    """The outbox forgets a message before the broker has it."""

    async def publish(
        publisher: Publisher, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
    ) -> None:
        async with transaction(publisher._engine) as db:
            rows = await outbox.take_out(db, aggregates, causes)
        if rows:
            await publisher._send(rows)

    replace(Publisher, "publish", publish)


def offsets_before_work() -> None:
    """Offsets are committed when records are handed over, not when they are through."""
    settle = Consumer._settle

    async def settled(consumer: Consumer, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            consumer._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        await consumer._commit()
        await settle(consumer, records)

    replace(Consumer, "_settle", settled)


def inbox_skipped() -> None:
    """Nothing is known for a repeat."""

    async def take_in(_db: Session, _reader: str, _items: Collection[Any]) -> dict[Any, Any]:
        return {}

    replace(journal, "take_in", take_in)


def order_lost() -> None:
    """What leaves together leaves in any order."""
    send = Publisher._send
    lots = Random(1)

    async def sent(publisher: Publisher, rows: Sequence[Any]) -> None:
        await send(publisher, lots.sample(list(rows), len(rows)))

    replace(Publisher, "_send", sent)


BUGS: Mapping[str, Callable[[], None]] = {
    "publish-before-commit": publish_before_commit,
    "rows-deleted-before-acks": rows_deleted_before_acks,
    "offsets-before-work": offsets_before_work,
    "inbox-skipped": inbox_skipped,
    "order-lost": order_lost,
}


def plant(bug: str) -> None:
    """Raises KeyError."""
    BUGS[bug]()
