"""Cables between a service process and broker or database: real sockets that can be cut, slowed and made to lose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Literal

import uvloop

CHUNK_BYTES = 65_536
COMMIT = b"COMMIT;"
"""How asyncpg ends a transaction, in PostgreSQL's simple query protocol."""

Way = Literal["to server", "from server"]


class Cable:
    """One process's way to one server. The switches may be thrown from any thread; they hold at once.

    delay_s: how long each piece of data takes, both ways. lost: the way on which data disappears without a trace.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.lost: Way | None = None
        self.commits_broken = 0
        self._server_port = server_port
        self._is_cut = False
        self._unknown_left = 0
        self._lots = Random(0)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None

    async def lay(self) -> None:
        """Open this end."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def remove(self) -> None:
        """Called in the cables' own thread."""
        if self._server is not None:
            self._server.close()
        self._abort()

    # -- what a test does to it

    def cut(self) -> None:
        """All connections break, and no new one comes about."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._abort)

    def mend(self) -> None:
        """As new. Connections that lost data break, since what follows would make no sense."""
        self._is_cut = False
        self.delay_s = 0.0
        self._unknown_left = 0
        if self.lost is not None:
            self.lost = None
            self._loop.call_soon_threadsafe(self._abort)

    def break_at_commit(self, times: int, lots: Random) -> None:
        """The next so many transactions lose their connection at COMMIT; by lot the server hears of it or not."""
        self._lots = lots
        self._unknown_left = times

    # -- how it works

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, to_server}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, to_server, "to server", writer))
                both.create_task(self._carry(from_server, writer, "from server", to_server))
        finally:
            self._open -= {writer, to_server}

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if way == "to server" and self._unknown_left and COMMIT in data:
                    self._unknown_left -= 1
                    self.commits_broken += 1
                    if self._lots.random() < 0.5:
                        writer.write(data)
                    back.transport.abort()
                    break
                if self.lost != way:
                    writer.write(data)
                    await writer.drain()
        with suppress(OSError):
            writer.close()


class Cables:
    """All cables of a stack, in a thread with a loop of its own: a busy test delays none."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: Callable[[], object] = lambda: None
        self._laid: list[Cable] = []
        self._thread = threading.Thread(target=self._run, name="cables", daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._over = over.set
        self._ready.set()
        await over.wait()
        for cable in self._laid:
            cable.remove()
        await asyncio.sleep(0)  # aborted connections are closed in the next round

    def lay(self, server_port: int) -> Cable:
        """A new cable to this port."""

        async def laid() -> Cable:
            cable = Cable(server_port)
            await cable.lay()
            self._laid.append(cable)
            return cable

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(laid(), self._loop).result(10)

    def remove(self) -> None:
        """All of them."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._over)
        self._thread.join(10)
