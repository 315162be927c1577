"""How a service process behaves while an order stands, and what it can be asked to do."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chassis.batch import Batch
from chassis.clock import DatabaseClock
from chassis.items import Item
from chassis.outbox import OutboxRow
from chassis.outgoing import Outgoing, Sender
from chassis.publish import Publisher
from chassis.service import Running
from laboratory import newer
from laboratory.orders import Orders
from laboratory.replacing import replace

CLOCK, FAIL, NEWER, REORDER = "clock", "fail", "newer", "reorder"
"""They stand until they are withdrawn."""
POOL, REDRIVE, TELL = "pool", "redrive", "tell"
"""They are carried out once."""
LOOK_SECONDS = 0.2
HELD_BACK_SECONDS = 0.7

Call = Callable[..., Awaitable[Any]]


def install(orders: Orders) -> None:
    """Wrap the chassis, in this process only."""
    _shift_clock(orders)
    _fail_when_ordered(orders)
    _write_as_a_newer_version(orders)
    _reorder_when_ordered(orders)
    _obey(orders)


def _shift_clock(orders: Orders) -> None:
    """`clock`: decisions of this replica are made so many seconds away from the time of the others."""
    now = DatabaseClock.now

    def shifted(clock: DatabaseClock, database_now: datetime) -> datetime:
        return now(clock, database_now) + timedelta(seconds=float(orders.standing(CLOCK) or 0))

    replace(DatabaseClock, "now", shifted)


def _fail_when_ordered(orders: Orders) -> None:
    """`fail`: our own code fails on so many per cent of the aggregates, always on the same ones."""
    question = Batch._question

    def failing(batch: Batch, item: Item) -> Any:
        percent = int(orders.standing(FAIL) or 0)
        if percent and item.aggregate is not None and is_struck_by_failure(item.aggregate[1], percent):
            raise RuntimeError("planted by the laboratory")
        return question(batch, item)

    replace(Batch, "_question", failing)


def is_struck_by_failure(aggregate_id: str, percent: int) -> bool:
    """Whether the `fail` order concerns this aggregate."""
    try:
        return UUID(aggregate_id).int % 100 < percent
    except ValueError:
        return False


def _write_as_a_newer_version(orders: Orders) -> None:
    """`newer`: this replica writes a field, and kinds of events, that the others have never heard of."""
    write = Sender.write

    def written(sender: Sender, *arguments: Any, **options: Any) -> OutboxRow:
        row = write(sender, *arguments, **options)
        return row if orders.standing(NEWER) is None else newer.with_unknown_field(row)

    replace(Sender, "write", written)
    emit = Batch._emit

    def emitted(batch: Batch, item: Item, outgoing: Outgoing) -> None:
        emit(batch, item, outgoing)
        if outgoing.topic.name in newer.PLAIN_EVENTS and orders.standing(NEWER) is not None:
            newer.say_something_unknown(batch, item, outgoing)

    replace(Batch, "_emit", emitted)


def _reorder_when_ordered(orders: Orders) -> None:
    """`reorder`: messages of one subject overtake each other on their way to the broker, by up to some seconds.

    The subjects are appended to the file that the order names: on them order is not asked for.
    """
    send: Call = Publisher._send
    lots = Random(os.getpid())
    late: set[asyncio.Task[None]] = set()

    async def later(publisher: Publisher, rows: Sequence[Any]) -> None:
        await asyncio.sleep(HELD_BACK_SECONDS)
        while True:
            try:
                await send(publisher, rows)
            except Exception:  # noqa: BLE001  # they are the only copies: insist
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def sent(publisher: Publisher, rows: Sequence[Any]) -> None:
        told = orders.standing(REORDER)
        held = [row for row in rows if told and row.topic in newer.PLAIN_EVENTS and lots.random() < 0.3]
        if told and held:
            with open(told, "a", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123
                file.writelines(f"{row.topic} {row.key.decode()}\n" for row in held)
            task = asyncio.create_task(later(publisher, held))
            late.add(task)
            task.add_done_callback(late.discard)
        await send(publisher, [row for row in rows if row not in held])

    replace(Publisher, "_send", sent)


def _obey(orders: Orders) -> None:
    """`pool`, `redrive` and `tell` (what each task waits for, into the log): done by a task of the running service."""
    start: Call = Running.start
    tasks: set[asyncio.Task[None]] = set()

    async def started(running: Running) -> None:
        tasks.add(asyncio.create_task(_look_for_orders(orders, running)))
        await start(running)

    replace(Running, "start", started)


async def _look_for_orders(orders: Orders, running: Running) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        held_for = orders.take(POOL)
        if held_for is not None:
            await _hold_the_pool(running, float(held_for))
        if orders.take(TELL) is not None:
            for task in asyncio.all_tasks():
                task.print_stack(file=sys.stderr)
        if orders.take(REDRIVE) is not None:
            await _redrive(running)


async def _hold_the_pool(running: Running, seconds: float) -> None:
    async with AsyncExitStack() as held:
        for _ in range(running.settings.database_pool_size):
            await held.enter_async_context(running.engine.connect())
        await asyncio.sleep(seconds)


async def _redrive(running: Running) -> None:
    for path in running.paths:
        async with running.engine.connect() as db:
            found = await db.execute(
                text("SELECT DISTINCT aggregate FROM parked WHERE reader = :reader AND reason = 'failed'"),
                {"reader": path.reader.name},
            )
            aggregates = [row.aggregate for row in found]
        if aggregates:
            await path.look_again(aggregates, redrive=True)
