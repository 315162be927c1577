"""Load: dealers post jobs and see them to their ends, and the laboratory remembers each job it had posted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from uuid import UUID

from dealers.book import Book, Job, State
from dealers.course import Course, draw
from dealers.simulation import Dealers

PATIENCE_S = 60.0
"""Nothing heard for so long, faults included: what has not ended by then will not end."""
LONGEST_S = 400.0


class Load:
    """One run of the dealers. A fault waits for its moment in it."""

    def __init__(
        self, dealers: Dealers, jobs: int, per_second: float, lots: Random, *, all_accept: bool = False
    ) -> None:
        self._dealers = dealers
        self._jobs = jobs
        self._per_second = per_second
        self._before = len(dealers.book.jobs)
        self._courses: Sequence[Course] = [draw(lots, calm=True) for _ in range(jobs)]
        if all_accept:
            self._courses = [replace(course, accepts_percent=100) for course in self._courses]
        self._changed = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()
        self._trading: asyncio.Task[object] | None = None

    @property
    def jobs(self) -> list[Job]:
        """Those of this run, posted so far."""
        return list(self._dealers.book.jobs.values())[self._before :]

    @property
    def posted(self) -> frozenset[UUID]:
        """All that was ever posted to this stack."""
        return frozenset(self._dealers.book.jobs)

    def start(self, patience_s: float = PATIENCE_S) -> None:
        """Begin to post."""
        self._trading = asyncio.create_task(
            self._dealers.trade(
                self._jobs,
                per_second=self._per_second,
                patience_s=patience_s,
                courses=self._courses,
                progress=self._look,
            )
        )

    async def under_way(self, share: float) -> None:
        """Return when so large a share of the jobs has been heard of by everybody; the rest is still to come."""
        await self._until(lambda: sum(job.state is not State.sent for job in self.jobs) >= share * self._jobs)

    async def ended(self, share: float) -> None:
        """Return when so large a share of the jobs has come to its end."""
        await self._until(lambda: sum(job.ended for job in self.jobs) >= share * self._jobs)

    async def finish(self) -> list[Job]:
        """Wait for all of them; returns those without an end."""
        assert self._trading is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await self._trading
        return [job for job in self.jobs if not job.ended]

    async def _until(self, reached: Callable[[], bool]) -> None:
        trading = self._trading
        assert trading is not None
        async with asyncio.timeout(LONGEST_S), self._changed:
            await self._changed.wait_for(lambda: reached() or trading.done())

    def _look(self, _book: Book) -> None:
        task = asyncio.create_task(self._tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
