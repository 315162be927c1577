"""Coroutines that run one step at a time. Which one comes next is drawn from the seed, so a run can be had again.

Nothing here knows asyncio or a clock: a step is a tick, and time-outs are numbers of ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from itertools import chain
from random import Random
from types import coroutine
from typing import Any

Ready = Callable[[], bool]
EVEN_TRIES = 3
"""So often a task is drawn evenly; then the first that can go on, from any of them on."""
LOOK_TICKS = 16


class Cancelled(BaseException):
    """What a cancelled task gets, as asyncio's CancelledError."""


@coroutine
def step() -> Generator[None, None, None]:
    """A point at which anything else may happen first."""
    yield None


@coroutine
def wait(ready: Ready, ticks: int | None = None) -> Generator[tuple[Ready, int | None], bool, bool]:
    """Go on when `ready`, or after so many ticks; returns which of the two it was."""
    return (yield (ready, ticks))


async def sleep(ticks: int) -> None:
    """Go on after so many ticks."""
    await wait(_never, ticks)


class Process:
    """What is killed and frozen as one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.silent_since = 0

    @property
    def responds(self) -> bool:
        return self.alive and not self.frozen


class Task:
    """A coroutine of a process."""

    __slots__ = ("coroutine", "deadline", "done", "error", "process", "ready", "thrown")

    def __init__(self, coroutine: Coroutine[Any, Any, None], process: Process) -> None:
        self.coroutine = coroutine
        self.process = process
        self.ready: Ready | None = None
        self.deadline: int | None = None
        self.thrown: BaseException | None = None
        self.error: BaseException | None = None
        self.done = False

    def can_go_on(self, now: int) -> bool:
        """Whether its next step may be taken now."""
        if self.process.frozen:
            return False
        if self.ready is None or self.thrown is not None:
            return True
        return (self.deadline is not None and now >= self.deadline) or self.ready()


class Scheduler:
    """Draws one task after another. `random` is the only source of chance in a run."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0
        self._tasks: list[Task] = []
        self._watchers: list[Callable[[int], None]] = []
        self._look_at = 0

    def spawn(self, coroutine: Coroutine[Any, Any, None], process: Process) -> Task:
        """Let it run among the others."""
        task = Task(coroutine, process)
        self._tasks.append(task)
        return task

    def watch(self, look: Callable[[int], None]) -> None:
        """Called with the time every LOOK_TICKS: what happens by itself."""
        self._watchers.append(look)

    def cancel(self, task: Task) -> None:
        """As asyncio's: the task gets Cancelled at the point where it waits."""
        task.thrown = Cancelled()

    def kill(self, process: Process) -> None:
        """kill -9: nothing of it runs any more."""
        process.alive = False
        mine = [task for task in self._tasks if task.process is process]
        self._tasks = [task for task in self._tasks if task.process is not process]
        for task in mine:
            task.done = True
            task.coroutine.close()

    def run(self, until: Ready, most: int) -> bool:
        """Run until something is so, looked at now and then; False when it was not within `most` ticks."""
        while self.now < most:
            if self.now >= self._look_at:
                for look in self._watchers:
                    look(self.now)
                if until():
                    return True
                self._look_at = self.now + LOOK_TICKS
            task = self._draw()
            if task is not None:
                self._advance(task)
                self.now += 1
            else:
                self.now = max(self.now + 1, self._next_moment())
        return until()

    def has_tasks_of(self, process: Process) -> bool:
        """Whether something of it still runs."""
        return any(task.process is process for task in self._tasks)

    def end(self) -> None:
        """Close what still runs."""
        for task in self._tasks:
            task.process.alive = False
        for task in self._tasks:
            task.coroutine.close()
        self._tasks.clear()

    def _draw(self) -> Task | None:
        """One that can go on; drawn evenly only as far as that is cheap."""
        tasks, draw, now = self._tasks, self.random.random, self.now
        for _ in range(EVEN_TRIES):
            task = tasks[int(draw() * len(tasks))]
            if task.can_go_on(now):
                return task
        first = int(draw() * len(tasks))
        for task in chain(tasks[first:], tasks[:first]):
            if task.can_go_on(now):
                return task
        return None

    def _next_moment(self) -> int:
        """When nobody can go on: the next time-out, or the next look."""
        deadlines = [
            task.deadline for task in self._tasks if task.deadline is not None and not task.process.frozen
        ]
        return min([self._look_at, *deadlines])

    def _advance(self, task: Task) -> None:
        try:
            if task.thrown is not None:
                thrown, task.thrown = task.thrown, None
                request = task.coroutine.throw(thrown)
            elif task.ready is not None:
                request = task.coroutine.send(task.ready())
            else:
                request = task.coroutine.send(None)
        except StopIteration:
            self._ended(task, None)
        except (Exception, Cancelled) as error:  # noqa: BLE001  # kept for who waits for the task, as asyncio does
            self._ended(task, error)
        else:
            task.ready, ticks = (None, None) if request is None else request
            task.deadline = None if ticks is None else self.now + ticks

    def _ended(self, task: Task, error: BaseException | None) -> None:
        task.done, task.error = True, error
        self._tasks = [other for other in self._tasks if other is not task]


def _never() -> bool:
    return False
