"""A network cable that a test can cut: connections to a port break and no new one comes about until it is mended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_PLUGGED: ContextVar[Cable | None] = ContextVar("cable", default=None)


class Cable:
    """Concerns the tasks that are started within `plugged_in`, and all that they start.

    refused: how many connections were tried in vain: an outage has lasted when it was noticed again and again.
    """

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._connect = loop.create_connection
        self.refused = 0
        self._cut: set[int] = set()
        self._open: list[tuple[int, asyncio.Transport]] = []
        self._loop.create_connection = self._create_connection

    def remove(self) -> None:
        """Leave the loop as it was."""
        self._loop.create_connection = self._connect

    @contextmanager
    def plugged_in(self) -> Iterator[None]:
        """What is started here hangs on this cable."""
        token = _PLUGGED.set(self)
        try:
            yield
        finally:
            _PLUGGED.reset(token)

    def cut(self, port: int) -> None:
        """Break it."""
        self._cut.add(port)
        for at, transport in self._open:
            if at == port:
                transport.abort()
        self._open = [(at, transport) for at, transport in self._open if at != port]

    def mend(self) -> None:
        """Connections can be made again."""
        self._cut.clear()

    async def _create_connection(
        self, factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        if _PLUGGED.get() is not self:
            return await self._connect(factory, host, port, **options)
        if port in self._cut:
            self.refused += 1
            raise ConnectionRefusedError("the cable is cut")
        made = await self._connect(factory, host, port, **options)
        self._open.append((port, made[0]))
        return made
