"""The whole local stack as one object: broker, database server, mail catcher and the four services."""

import asyncio
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from servicenetz.kafka import Kafka
from servicenetz.mail import Mail
from servicenetz.ports import free_port, is_free
from servicenetz.postgres import Postgres
from servicenetz.processes import Process, ProcessError, Watch, sweep
from servicenetz.service import OWNERS, SERVICES, Instance, Service

ADDRESSES_FILE = "stack.json"
LOCK_FILE = "stack.lock"
LOCK_ATTEMPTS = 5


class StackError(Exception):
    """The stack could not be started; the sentence says why."""


class StackRunning(StackError):
    """Another process runs a stack in this folder."""

    def __init__(self, owner: int | None) -> None:
        super().__init__(f"A stack runs in this folder already (process {owner}).")
        self.owner = owner


def owner_of(folder: Path) -> int | None:
    """Process id of whoever runs a stack in this folder now, or None; the lock decides, not the text."""
    path = folder / LOCK_FILE
    if not path.exists():
        return None
    with path.open("r", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text else 0
    return None


class Stack:
    """Everything that runs, in one folder, each part with its own port, data and log.

    Starting again in the same folder finds the data and, if still free, the ports of before. All processes
    end with the process that started them, however that ends.
    """

    def __init__(
        self,
        folder: Path,
        *,
        replicas: int = 1,
        services: Sequence[str] = SERVICES,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`replicas` of each service; `environment` goes to all of them; `say` hears how the start goes."""
        self.folder = folder.resolve()
        self._say = say
        self._lock: IO[str] | None = None
        self._ports = _Ports(self.folder)
        self._watch: Watch | None = None
        self._service_names = services
        self._replicas = replicas
        self._environment = dict(environment or {})
        self.services: dict[str, Service] = {}
        self._built = False

    kafka: Kafka
    postgres: Postgres
    mail: Mail

    # -- what others ask of it

    @property
    def kafka_bootstrap(self) -> str:
        """Address of the broker."""
        return self.kafka.bootstrap

    def database_url(self, service: str, driver: str = "postgresql+asyncpg") -> str:
        """Address of a service's database for its own role; `driver` "postgresql" suits psycopg and psql."""
        return self.postgres.url(service.replace("-", "_"), driver)

    @property
    def sealing_public_key(self) -> Path:
        """JWK file: what job-exchange's end customer data is sealed to."""
        return self.folder / "keys" / "job-exchange.public.json"

    @property
    def instances(self) -> list[Instance]:
        """Every replica of every service."""
        return [instance for service in self.services.values() for instance in service.instances]

    @property
    def processes(self) -> list[Process]:
        """All that runs, in the order of starting."""
        return [self.kafka, self.postgres, self.mail, *self.instances]

    # -- life

    def start(self) -> None:
        """Start all of it and return when every part is ready; on failure nothing keeps running."""
        self._take_folder()
        try:
            left = sweep(self.folder)
            if left:
                self._say(f"cleared away what an earlier run left: {', '.join(left)}")
            self._build()
            # they take their time to load, and wait for broker and database
            for service in self.services.values():
                service.start()
            self._start_infrastructure()
            self._wait_for_services()
            self._watch = Watch(self.processes)
            self._watch.start()
            self._write_addresses()
        except ProcessError as error:
            self.stop()
            raise StackError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Services first, at once and in good order, then mail, broker and database."""
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        if self._lock is None:
            return
        if self._built:
            for group in (self.instances, [self.mail, self.kafka, self.postgres]):
                for process in group:
                    process.ask_to_stop()
                for process in group:
                    process.wait_until_stopped()
        (self.folder / ADDRESSES_FILE).unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    def kill_all(self) -> None:
        """`kill -9` of everything: for who cannot wait."""
        if self._built:
            for process in self.processes:
                process.kill()

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Return when every part that should run is ready, for instance after a kill."""
        self.kafka.wait_until_ready(seconds)
        self.postgres.wait_until_ready(seconds)
        for instance in self.instances:
            if instance.wanted:
                instance.wait_until_ready(seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    # -- how it starts

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / LOCK_FILE).open("a+", encoding="ascii")
        for attempt in range(LOCK_ATTEMPTS):  # `status` holds it for an instant to see whether it is held
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == LOCK_ATTEMPTS - 1:
                    lock.close()
                    raise StackRunning(owner_of(self.folder)) from None
                time.sleep(0.05)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _build(self) -> None:
        port = self._ports.of
        self.kafka = Kafka(self.folder, port("kafka"), port("kafka-controller"))
        self.postgres = Postgres(self.folder, port("postgres"))
        self.mail = Mail(self.folder, port("mail"))
        self.services = {}
        for name in self._service_names:
            ports = [port(f"{name}-{number + 1}") for number in range(self._replicas)]
            self.services[name] = Service(self, name, ports, self._environment)
        self._ports.write()
        self._built = True

    def _start_infrastructure(self) -> None:
        def postgres() -> None:
            begun = time.monotonic()
            self.postgres.start()
            self.postgres.wait_until_ready()
            for name in self._service_names:
                # whose books must not be changed owns no table: see docs/decisions/0054
                self.postgres.create_database(name.replace("-", "_"), OWNERS.get(name))
            self._say(f"PostgreSQL is up ({time.monotonic() - begun:.1f} s)")

        def kafka() -> None:
            begun = time.monotonic()
            self.kafka.start()
            self.mail.start()
            self.kafka.wait_until_ready()
            self.mail.wait_until_ready()
            self._say(f"Kafka is up ({time.monotonic() - begun:.1f} s)")

        _together([kafka, postgres])

    def _wait_for_services(self) -> None:
        if not self.services:
            return
        begun = time.monotonic()
        for service in self.services.values():
            service.wait_until_ready()
        self._say(f"{len(self.instances)} service processes are ready ({time.monotonic() - begun:.1f} s)")

    def _write_addresses(self) -> None:
        """What `status` and other programs read; for our user only, since passwords are in it."""
        addresses = {
            "owner": os.getpid(),
            "kafka": self.kafka_bootstrap,
            "postgres": self.postgres.superuser_url(),
            "mail": self.mail.url,
            "sealing_public_key": str(self.sealing_public_key),
            "databases": {name: self.database_url(name, "postgresql") for name in self._service_names},
            "http": {instance.name: instance.http_url for instance in self.instances},
        }
        partial = self.folder / f"{ADDRESSES_FILE}.partial"
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(addresses, indent=1), encoding="utf-8")
        partial.replace(self.folder / ADDRESSES_FILE)


class _Ports:
    """Which part has which port in this folder, kept from run to run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ports.json"
        self._ports: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The port of before if it is free, else another one."""
        if not self._known and self._file.exists():
            self._known = json.loads(self._file.read_text(encoding="ascii"))
        port = self._known.get(name)
        if port is None or not is_free(port):
            port = free_port({*self._known.values(), *self._ports.values()})
        self._ports[name] = port
        return port

    def write(self) -> None:
        """Remember them."""
        self._file.write_text(json.dumps(self._known | self._ports, indent=1), encoding="ascii")


def _together(tasks: Sequence[Callable[[], None]]) -> None:
    """Run them at once, wait for all, raise the first error."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(task) for task in tasks]
    for future in futures:
        future.result()


def checkout() -> Path:
    """The folder that holds .venv: where `make` was called."""
    return Path(sys.prefix).parent


def default_folder() -> Path:
    """The state folder of this checkout."""
    return checkout() / ".servicenetz"
