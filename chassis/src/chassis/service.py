"""A service put together from its definition, and run: start, serve, stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import structlog
import uvicorn
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from faststream.asgi import AsgiFastStream
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database, health, identity, kafka, migrate
from chassis.batch import Desk, Replies
from chassis.clock import Clock, DatabaseClock
from chassis.consume import Consumer
from chassis.errands import Do, Errands
from chassis.errors import Kind, classify, said
from chassis.health import Answer, Check, Watchdog, not_well
from chassis.keeper import Keeper
from chassis.metrics import Metrics, Registered
from chassis.outgoing import Outbound, Sender
from chassis.path import Path
from chassis.publish import Publisher
from chassis.reference import IndexReader
from chassis.routes import Reader
from chassis.settings import ServiceSettings

log = structlog.get_logger()

RETRY_SECONDS = 0.5
LAG_SECONDS = 5.0
STOP_SECONDS = 19.8
"""From SIGTERM to the end of the process; promised are 20 s, after which a supervisor may kill. The steps of a stop,
one after the other, take at most: `stop_seconds` (13) for the batch, GIVE_BACK_SECONDS (1) to roll it back and as long
for the last commit, TASKS_SECONDS for timers, errands and indexes, CLOSE_SECONDS for the broker's connections and again
for the database's, HTTP_SECONDS for answers under way: 19.7. Should one of them not keep to it, the process is ended
(`health.end_within`)."""
TASKS_SECONDS = 1.0
CLOSE_SECONDS = 1.25
HTTP_SECONDS = 1
"""uvicorn adds 0.2 s of its own."""


@dataclass(frozen=True)
class Service:
    """What a service's app.py wires.

    name: as in topic names, `job-exchange`.
    migrations: folder with the service's Alembic environment.
    errands: what does each kind of errand.
    indexes: in-memory indexes that must be complete before the first batch.
    append_only: tables whose rows the service's own database role may neither change nor delete.
    closes: what else to close when the service stops.
    """

    name: str
    readers: Sequence[Reader]
    outbound: Outbound
    replies: Replies
    migrations: FilePath
    errands: Mapping[str, Do] = field(default_factory=dict)
    indexes: Sequence[IndexReader] = ()
    append_only: Sequence[str] = ()
    closes: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()


class Running:
    """A service in this process. Made anew for each run."""

    def __init__(
        self,
        service: Service,
        settings: ServiceSettings,
        clock: Clock | None = None,
        *,
        prepare: bool = False,
    ) -> None:
        self.service = service
        self.settings = settings
        self._prepare = prepare
        self.registry = CollectorRegistry()
        self.metrics = Registered.of(self.registry)
        self.engine: AsyncEngine = database.connect(settings, service.name)
        self.publisher = Publisher(self.engine, lambda: kafka.producer(settings, service.name), self.metrics)
        verify = identity.verifier(settings)
        sender = Sender(service.name, identity.signer(settings, service.name))
        clock = clock or DatabaseClock()
        self.paths = [
            Path(
                self.engine,
                Desk(reader, service.outbound, sender, service.replies),
                self.publisher,
                verify,
                clock,
                Metrics(self.registry, reader.name),
            )
            for reader in service.readers
        ]
        self.consumers = [
            Consumer(path, settings, Metrics(self.registry, path.reader.name)) for path in self.paths
        ]
        self.broker = kafka.broker(settings, service.name)
        for consumer in self.consumers:
            consumer.attach(self.broker, f"{service.name}.{consumer.name}")
        self.keeper = Keeper(self.engine, self.paths, self.publisher, settings, clock)
        self.errands = Errands(self.engine, service.errands, self.metrics)
        self.watchdog = Watchdog(settings.stuck_seconds)
        self._started = self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    # -- start and stop -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and begin to work; waits as long as database or broker are away."""
        if self.settings.development:
            log.warning(
                "DEVELOPMENT MODE: unsigned actors are taken at their word; never run production like this"
            )
        self._begin("watchdog", self.watchdog.run())
        await self._until_there("database", self._tables_are_there)
        await self._until_there("broker", self.publisher.start)
        await self._until_there("topics", self._topics_are_there)
        for index in self.service.indexes:
            self._begin(f"index {index.topic.name}", index.run(self.settings))
        self.watchdog.watch({f"index {index.topic.name}": index for index in self.service.indexes})
        for index in self.service.indexes:
            await index.caught_up.wait()
        await self._until_there("broker", self.broker.start)
        self._begin("keeper", self.keeper.run())
        self._begin("lag", self._watch_lag())
        if self.service.errands:
            self._begin("errands", self.errands.run())
        self.watchdog.watch(
            {consumer.name: consumer for consumer in self.consumers}
            | {f"{consumer.name} moves": consumer.movement for consumer in self.consumers}
            | {"keeper": self.keeper}
            | ({"errands": self.errands} if self.service.errands else {})
        )
        self._started = True
        log.info("started", service=self.service.name)

    async def stop(self) -> None:
        """Finish or give back the running batches, then close everything; STOP_SECONDS says how long that takes."""
        log.info("stopping", service=self.service.name)
        self._stopping = True
        await asyncio.gather(*[consumer.stop(self.settings.stop_seconds) for consumer in self.consumers])
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TASKS_SECONDS)
        closes = (self.broker.stop, self.publisher.stop, *self.service.closes)
        await asyncio.gather(*[_close(close) for close in closes])
        await _close(self.engine.dispose)
        log.info("stopped", service=self.service.name)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_report_end)
        self._tasks.append(task)

    async def _until_there(self, what: str, attempt: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        while True:
            try:
                await attempt()
            except Exception as error:
                if not isinstance(error, database.ERRORS) and classify(error) is Kind.DETERMINISTIC:
                    raise
                log.warning("waiting", for_=what, error=said(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _tables_are_there(self) -> None:
        if self._prepare:
            service = self.service
            await migrate.prepare(self.settings, service.name, service.migrations, service.append_only)
        lacks = await migrate.behind(self.engine, self.service.migrations)
        if lacks:
            raise SystemExit("; ".join(lacks))

    async def _topics_are_there(self) -> None:
        """Its own, and those that other services create: who subscribes before they are there learns of them late."""
        if self._prepare:
            await kafka.create_topics(self.settings, kafka.topics_of(self.service.name))
        needed = {topic.name for topic in kafka.topics_of(self.service.name)}
        needed |= {topic.name for reader in self.service.readers for topic in reader.topics}
        missing = needed - await self.publisher.topics()
        if missing:
            raise UnknownTopicOrPartitionError(", ".join(sorted(missing)))

    async def _watch_lag(self) -> None:
        while True:
            for consumer in self.consumers:
                await consumer.look_at_lag()
            await asyncio.sleep(LAG_SECONDS)

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """As far as an operator's act needs it, beside the processes that run: nothing is consumed or kept.

        Raises what database and broker raise; SystemExit when the database has another version.
        """
        indexes = [asyncio.create_task(index.run(self.settings)) for index in self.service.indexes]
        try:
            await self._tables_are_there()
            await self.publisher.start()
            for index in self.service.indexes:
                await index.caught_up.wait()
            yield
        finally:
            for task in indexes:
                task.cancel()
            await asyncio.gather(*indexes, return_exceptions=True)
            await _close(self.publisher.stop)
            await _close(self.engine.dispose)

    # -- health -------------------------------------------------------------------------------------------------------

    @property
    def checks(self) -> dict[str, Check]:
        """What `/health/ready` asks."""

        async def database_check() -> Answer:
            return await health.look_at_database(self.engine, self.metrics)

        async def outbox() -> Answer:
            limit = self.settings.outbox_age_limit_seconds
            return await health.look_at_outbox(self.engine, self.metrics, limit)

        async def broker_check() -> Answer:
            await self.publisher.ping()
            return Answer(well=True)

        async def indexes() -> Answer:
            return _answer({index.topic.name: index.behind for index in self.service.indexes})

        async def progress() -> Answer:
            if not self._started or self._stopping:
                return not_well("stopping" if self._stopping else "starting")
            return _answer(
                {consumer.name: consumer.trouble() for consumer in self.consumers}
                | {"timers and parked records": self.keeper.trouble.told()}
            )

        checks: dict[str, Check] = {
            "database": database_check,
            "outbox": outbox,
            "broker": broker_check,
            "progress": progress,
        }
        return checks | ({"indexes": indexes} if self.service.indexes else {})


def _answer(troubles: Mapping[str, str | None]) -> Answer:
    """Well when nothing is in trouble, else what is, by name."""
    told = [f"{name}: {trouble}" for name, trouble in troubles.items() if trouble]
    return not_well("; ".join(told)) if told else Answer(well=True)


async def _close(close: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Close, for at most CLOSE_SECONDS; what does not close now ends with the process."""
    with contextlib.suppress(KafkaError, *database.ERRORS):
        await asyncio.wait_for(close(), CLOSE_SECONDS)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, SystemExit):
        log.error("a task of the service ended", task=task.get_name(), exc_info=error)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: this process stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(service: Service, settings: ServiceSettings, *, prepare: bool = False) -> None:
    """Run a service until SIGTERM or SIGINT. Raises SystemExit with a sentence when it cannot run at all.

    prepare: bring tables and topics to the newest version first, as soon as database and broker are there.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told_to_stop(*_: object) -> None:
        health.end_within(STOP_SECONDS)
        with contextlib.suppress(RuntimeError):  # told again, when the loop is closed already
            loop.call_soon_threadsafe(stop.set)

    # not the loop's own handlers: they would wait for a loop that is stuck
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_stop)
    running = Running(service, settings, prepare=prepare)
    app = AsgiFastStream(
        running.broker,
        asgi_routes=health.routes(running.checks, running.registry, running.metrics, running.engine),
    )
    listener = _listen(settings)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=HTTP_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    starting = asyncio.create_task(running.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
        else:
            starting.cancel()
            await asyncio.wait({starting}, timeout=CLOSE_SECONDS)
    finally:
        stopping.cancel()
        await running.stop()
        server.should_exit = True
        await serving


def _listen(settings: ServiceSettings) -> socket.socket:
    try:
        return socket.create_server((settings.http_host, settings.http_port), reuse_port=False)
    except OSError as error:
        raise SystemExit(
            f"cannot listen on {settings.http_host}:{settings.http_port}: {error.strerror}"
        ) from error
