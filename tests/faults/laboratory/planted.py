"""Bugs that the laboratory has to find. Each takes a rule of the message path away, in this process only.

All of them are there from the start and none is in force until the order says which: members settle in unharmed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from chassis import journal, outbox
from chassis.batch import Batch
from chassis.consume import Consumer
from chassis.database import Session, transaction
from chassis.journal import Partition
from chassis.path import Path
from chassis.publish import Publisher
from laboratory.orders import Orders
from laboratory.replacing import replace

BUG = "bug"
"""Its text is the bug's name; it stands until it is withdrawn."""

Instead = Callable[[object, str, Callable[..., Awaitable[Any]]], None]
"""Puts a function of the bug in the place of the chassis' own, for as long as the bug is in force."""


def publish_before_commit(instead: Instead) -> None:
    """What is decided is sent while the transaction is still open."""
    save = Path._save

    async def saved(path: Path, db: Session, batch: Batch) -> None:
        await save(path, db, batch)
        rows = await outbox.take_out(db, batch.aggregates, {})
        if rows:
            await path._publisher._send(rows)

    instead(Path, "_save", saved)


def rows_deleted_before_acks(instead: Instead) -> None:
    """The outbox forgets a message before the broker has it."""

    async def publish(
        publisher: Publisher, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]
    ) -> None:
        async with transaction(publisher._engine) as db:
            rows = await outbox.take_out(db, aggregates, causes)
        if rows:
            await publisher._send(rows)

    instead(Publisher, "publish", publish)


def offsets_believed(instead: Instead) -> None:
    """A reader begins where its offsets say, however little it has done by then."""

    async def believed(consumer: Consumer, _: AIOKafkaConsumer) -> None:
        consumer._newly_assigned = False

    instead(Consumer, "_stay_behind_progress", believed)


def offsets_before_work(instead: Instead) -> None:
    """Offsets are committed when records are handed over, not when they are through.

    That alone does no harm: a reader goes back to its own progress (docs/decisions/0011). So it believes them, too.
    """
    offsets_believed(instead)
    settle = Consumer._settle

    async def settled(consumer: Consumer, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            consumer._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        await consumer._commit()
        await settle(consumer, records)

    instead(Consumer, "_settle", settled)


def inbox_skipped(instead: Instead) -> None:
    """Nothing is known for a repeat."""

    async def take_in(_db: Session, _reader: str, _items: Collection[Any]) -> dict[Any, Any]:
        return {}

    instead(journal, "take_in", take_in)


def order_lost(instead: Instead) -> None:
    """What leaves together leaves in any order."""
    send = Publisher._send
    lots = Random(1)

    async def sent(publisher: Publisher, rows: Sequence[Any]) -> None:
        await send(publisher, lots.sample(list(rows), len(rows)))

    instead(Publisher, "_send", sent)


BUGS: Mapping[str, Callable[[Instead], None]] = {
    "publish-before-commit": publish_before_commit,
    "rows-deleted-before-acks": rows_deleted_before_acks,
    "offsets-before-work": offsets_before_work,
    "offsets-believed": offsets_believed,
    "inbox-skipped": inbox_skipped,
    "order-lost": order_lost,
}


def install(orders: Orders) -> None:
    """Plant them all."""
    for bug, plant in BUGS.items():
        plant(_while_in_force(orders, bug))


def _while_in_force(orders: Orders, bug: str) -> Instead:
    def instead(owner: object, name: str, planted: Callable[..., Awaitable[Any]]) -> None:
        original: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def either(*arguments: Any, **options: Any) -> Any:
            chosen = planted if orders.standing(BUG) == bug else original
            return await chosen(*arguments, **options)

        replace(owner, name, either)

    return instead
