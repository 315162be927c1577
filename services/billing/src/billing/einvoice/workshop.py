"""The service's end of the worker: one process, started when there is something to make, ended when there is not."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

import orjson

from billing.einvoice.made import File, Wrong
from billing.einvoice.profiles import Format

IDLE_SECONDS: Final = 30.0
"""The worker holds about 100 MB: it goes when nothing was asked of it for so long."""
LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes of one answer, all files of a document in it."""


class Workshop:
    """Makes files, one document after the other, outside the event loop."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._worker: asyncio.subprocess.Process | None = None
        self._closing: asyncio.TimerHandle | None = None

    async def make(self, data: Mapping[str, Any]) -> list[File]:
        """All files of a frozen document. Raises Wrong, or OSError when the worker died over it."""
        async with self._turn:
            if self._closing is not None:
                self._closing.cancel()
            answered = False
            try:
                answer = await self._ask(orjson.dumps(data) + b"\n")
                answered = True
            finally:
                if answered:
                    self._closing = asyncio.get_running_loop().call_later(self._idle_seconds, self._end)
                else:  # cancelled or broken in the middle: what it says next would answer an old question
                    self._end()
        if "refused" in answer:
            raise Wrong(answer["refused"])
        return [_read(file) for file in answer["files"]]

    async def close(self) -> None:
        """End the worker."""
        if self._closing is not None:
            self._closing.cancel()
        worker = self._worker
        self._end()
        if worker is not None:
            await worker.wait()

    async def _ask(self, request: bytes) -> Mapping[str, Any]:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "billing.einvoice.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
            )
        worker = self._worker
        if worker.stdin is None or worker.stdout is None:
            raise OSError("the worker has no pipes")
        worker.stdin.write(request)
        await worker.stdin.drain()
        line = await worker.stdout.readline()
        if not line.endswith(b"\n"):
            raise OSError(f"the worker ended with {await worker.wait()} before it answered")
        answer: Mapping[str, Any] = orjson.loads(line)
        return answer

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()


def _read(file: Mapping[str, Any]) -> File:
    return File(
        Format[file["format"]],
        file["name"],
        file["profile"],
        b64decode(file["content"]),
        file["sha256"],
        file["report"],
    )
