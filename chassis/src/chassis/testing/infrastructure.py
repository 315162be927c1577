"""Where tests find broker and databases: running ones or containers when asked for, else the local stack."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

CONTAINERS = "SERVICENETZ_TEST_CONTAINERS"
"""Set to 1: take broker and database from testcontainers."""

KAFKA, POSTGRES = "SERVICENETZ_TEST_KAFKA", "SERVICENETZ_TEST_POSTGRES"
"""Addresses of a broker and a database server that run already: saves a developer the start of both."""


@dataclass(frozen=True)
class Infrastructure:
    """A running broker and a running database server. `admin_url` is a libpq address that may create databases."""

    kafka_bootstrap: str
    admin_url: str

    def new_database(self, name: str) -> str:
        """A fresh, empty database; returns its address for SQLAlchemy with asyncpg."""
        database = f"{name.replace('-', '_')}_{uuid4().hex[:12]}"
        with psycopg.connect(self.admin_url, autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{database}"')
        head, _, _ = self.admin_url.rpartition("/")
        return f"{head}/{database}".replace("postgresql://", "postgresql+asyncpg://", 1)


@contextmanager
def running() -> Iterator[Infrastructure]:
    """Broker and database for one test session, gone afterwards."""
    if KAFKA in os.environ:
        yield Infrastructure(os.environ[KAFKA], os.environ[POSTGRES])
    elif os.environ.get(CONTAINERS) == "1":
        with _containers() as infrastructure:
            yield infrastructure
    else:
        with _local() as infrastructure:
            yield infrastructure


@contextmanager
def _local() -> Iterator[Infrastructure]:
    # the local stack is a tool for development, not a dependency of the services
    from servicenetz.stack import Stack

    with (
        tempfile.TemporaryDirectory(prefix="servicenetz-test-", ignore_cleanup_errors=True) as folder,
        Stack(Path(folder), services=[]) as stack,
    ):
        yield Infrastructure(stack.kafka_bootstrap, stack.postgres.superuser_url())


@contextmanager
def _containers() -> Iterator[Infrastructure]:
    from testcontainers.community.postgres import PostgresContainer

    from chassis.testing.containers import ApacheKafkaContainer

    with ExitStack() as stack:
        kafka = stack.enter_context(ApacheKafkaContainer())
        postgres = stack.enter_context(PostgresContainer("postgres:18", driver=None))
        yield Infrastructure(kafka.get_bootstrap_server(), postgres.get_connection_url())
