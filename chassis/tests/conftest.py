"""The toy service and the network around it, as the stories use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from toy_service.cable import Cable
from toy_service.offsets import leave_nothing
from toy_service.service import BROKEN, NOTES
from toy_service.world import World

from chassis import consume, keeper
from chassis.testing.fixtures import StartService
from chassis.testing.infrastructure import Infrastructure
from chassis.testing.network import Outside


@pytest.fixture
async def world(
    start_service: StartService, outside: Outside, infrastructure: Infrastructure
) -> AsyncIterator[World]:
    """A network with no service in it yet; `await world.start()` starts one, again for a second replica.

    What an earlier test has sent and not taken is not for this one: it counts its own messages.
    """
    await leave_nothing(infrastructure.kafka_bootstrap)
    yield World(start_service, outside, infrastructure.new_database("toy"))
    BROKEN.clear()
    NOTES.clear()


@pytest.fixture
async def toy(world: World) -> World:
    """One running toy."""
    await world.start()
    return world


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting times of the path, shortened; the rules stay the same."""
    monkeypatch.setattr(consume, "ILL_WAITS_SECONDS", 0.3)
    monkeypatch.setattr(consume, "BACKOFF_FIRST", 0.01)
    monkeypatch.setattr(keeper, "UNSENT", timedelta(seconds=1))


@pytest.fixture
def cable() -> Iterator[Cable]:
    """The network cable of what is started with `cable.plugged_in()`; it can be cut."""
    made = Cable(asyncio.get_event_loop())
    yield made
    made.remove()
