"""Follows topics and waits for what concerns one job or one command."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from contracts.catalogue import Topic
from contracts.messages import Message
from contracts.replies_v1 import Accepted, Rejected
from dealers.wire import Heard, Listener

M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)
WITHIN_S = 60.0


class NotHeard(Exception):
    """What was waited for did not come in time."""


class Ear:
    """Everything on some topics from now on. `heard`: all messages so far."""

    def __init__(self, bootstrap: str, topics: Iterable[Topic]) -> None:
        self._listener = Listener(bootstrap, topics)
        self.heard: list[Message] = []

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.__aexit__(kind, error, trace)

    async def listen(self, seconds: float) -> list[Heard]:
        """What comes next, waiting at most so long for it."""
        heard = await self._listener.next(seconds)
        self.heard += [each.message for each in heard if each.message is not None]
        return heard

    async def about(self, kind: type[M], job_id: UUID, *, within_s: float = WITHIN_S) -> M:
        """The first message of this kind about this job. Raises NotHeard."""
        return await self._until(lambda: self._nth(kind, job_id, 1), f"{kind.__name__} of {job_id}", within_s)

    async def either(
        self, kind: type[M], instead: type[N], job_id: UUID, *, nth: int, within_s: float = WITHIN_S
    ) -> M | N:
        """The nth message of this kind about this job, or the first of the other kind. Raises NotHeard."""

        def found() -> M | N | None:
            return self._nth(kind, job_id, nth) or self._nth(instead, job_id, 1)

        return await self._until(found, f"{kind.__name__} of {job_id}", within_s)

    def _nth(self, kind: type[M], job_id: UUID, nth: int) -> M | None:
        fitting = [m for m in self.heard if isinstance(m, kind) and getattr(m, "job_id", None) == job_id]
        return fitting[nth - 1] if len(fitting) >= nth else None

    async def reply(self, command_id: UUID, *, within_s: float = WITHIN_S) -> Accepted | Rejected:
        """The answer to this command. Raises NotHeard."""

        def found() -> Accepted | Rejected | None:
            for message in self.heard:
                if isinstance(message, Accepted | Rejected) and message.command_id == command_id:
                    return message
            return None

        return await self._until(found, f"the reply to command {command_id}", within_s)

    async def _until(self, found: Callable[[], M | None], what: str, within_s: float) -> M:
        ends = time.monotonic() + within_s
        while (message := found()) is None:
            if time.monotonic() > ends:
                raise NotHeard(f"{what} did not come within {within_s:.0f} s.")
            await self.listen(0.2)
        return message
