"""Where a fault can strike inside a service.

Points are named by what has happened and what has not. Each looks for an order when it is passed; the order says
what happens there: `kill` (as by kill -9), `freeze` (SIGSTOP, until somebody wakes it) or `leak` (a CancelledError
that nobody asked for).
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.consume import Consumer
from chassis.path import Path
from chassis.publish import Publisher
from laboratory.orders import Orders
from laboratory.replacing import replace

BEFORE_COMMIT = "before-commit"
BEFORE_PUBLISH = "before-publish"
BEFORE_ACKS = "before-acks"
AFTER_ACKS = "after-acks"
BEFORE_OFFSETS = "before-offsets"

Call = Callable[..., Awaitable[Any]]


def install(orders: Orders) -> None:
    """Wrap the chassis, in this process only."""

    def strike(point: str) -> None:
        deed = orders.take(point)
        if deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif deed == "leak":
            raise asyncio.CancelledError

    def passing(owner: type, name: str, *, before: str | None = None, after: str | None = None) -> None:
        original: Call = getattr(owner, name)

        async def passed(*arguments: Any, **options: Any) -> Any:
            if before:
                strike(before)
            result = await original(*arguments, **options)
            if after:
                strike(after)
            return result

        replace(owner, name, passed)

    passing(Path, "_save", after=BEFORE_COMMIT)
    passing(Publisher, "publish", before=BEFORE_PUBLISH)
    passing(Publisher, "_send", before=BEFORE_ACKS, after=AFTER_ACKS)
    commit = Consumer._commit

    async def committed(consumer: Consumer) -> None:
        if consumer._positions:  # it is called at each idle poll, too
            strike(BEFORE_OFFSETS)
        await commit(consumer)

    replace(Consumer, "_commit", committed)
