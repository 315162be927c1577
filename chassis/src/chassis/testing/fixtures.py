"""pytest fixtures: one broker and database server per session, a service in this process on a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from pydantic import PostgresDsn

from chassis import database, kafka, migrate
from chassis.clock import Clock
from chassis.service import Running, Service
from chassis.settings import ServiceSettings
from chassis.testing.infrastructure import Infrastructure, running
from chassis.testing.network import Outside
from contracts import catalogue

StartService = Callable[..., Awaitable[Running]]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist writes the groups down
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes one runs all of a folder that needs a broker: its topics are shared, and their order counts.

    The services count as one folder, and each one below tests/.
    """
    for item in items:
        if item.get_closest_marker("stack") or "infrastructure" in getattr(item, "fixturenames", ()):
            top, below, *_ = item.path.relative_to(config.rootpath).parts
            item.add_marker(pytest.mark.xdist_group(f"{top}-{below}" if top == "tests" else top))


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Infrastructure]:
    """Broker and database server."""
    with running() as found:
        yield found


@pytest.fixture(scope="session")
async def topics(infrastructure: Infrastructure) -> None:
    """All topics of the catalogue."""
    settings = ServiceSettings(
        database_url=PostgresDsn("postgresql+asyncpg://nobody@localhost/none"),
        kafka_bootstrap_servers=infrastructure.kafka_bootstrap,
        development=True,
    )
    await kafka.create_topics(settings, list(catalogue.TOPICS.values()))


@pytest.fixture
async def outside(
    infrastructure: Infrastructure,
    topics: None,  # noqa: ARG001  # they have to be there
) -> AsyncIterator[Outside]:
    """A stranger who watches every topic."""
    async with Outside(infrastructure.kafka_bootstrap) as stranger:
        await stranger.watch(*catalogue.TOPICS.values())
        yield stranger


@pytest.fixture
async def start_service(
    infrastructure: Infrastructure,
    topics: None,  # noqa: ARG001  # they have to be there
) -> AsyncIterator[StartService]:
    """Start a service in this process: `await start_service(build, Settings, "job-exchange", setting=value)`.

    Each has a fresh database, or the one given as `database_url`, and a consumer group of its own position: topics are
    shared by the session, so tests use ids of their own.
    """
    started: list[Running] = []

    async def start(
        build: Callable[[Any], Service], settings_class: type[ServiceSettings], name: str, *,
        clock: Clock | None = None, **settings: Any,
    ) -> Running:  # fmt: skip
        chosen: dict[str, Any] = {
            "database_url": infrastructure.new_database(name),
            "kafka_bootstrap_servers": infrastructure.kafka_bootstrap,
            "development": True,
            "timer_poll_seconds": 0.05,
            "poll_seconds": 0.1,
        } | settings
        made = settings_class(**chosen)
        service = build(made)
        engine = database.connect(made, name)
        await migrate.upgrade(engine, service.migrations)
        await engine.dispose()
        running_service = Running(service, made, clock)
        await running_service.start()
        started.append(running_service)
        async with asyncio.timeout(30):
            for consumer in running_service.consumers:
                await consumer.has_joined.wait()
        return running_service

    yield start
    await asyncio.gather(*[service.stop() for service in started])
