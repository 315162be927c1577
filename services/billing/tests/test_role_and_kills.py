"""Billing as it is run: its tables belong to another role, and processes are killed while they issue."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import create_async_engine

from billing.audit import audit
from billing.tables import APPEND_ONLY
from chassis.testing.infrastructure import Infrastructure
from chassis.testing.network import Outside, until
from contracts.billing_settlements_v1 import JobSettled
from contracts.catalogue import replies_of

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PASSWORD = "test-only"
NOT_ALLOWED = "42501"
JOBS = 120
KILLS = 4


class Database:
    """A database with an owner and a role for the service, both made for this test."""

    def __init__(self, admin_url: str) -> None:
        mark = uuid4().hex[:12]
        self.owner, self.role, self.name = f"owner_{mark}", f"role_{mark}", f"billing_{mark}"
        self._admin = admin_url
        with psycopg.connect(admin_url, autocommit=True) as db:
            for role in (self.owner, self.role):
                made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                db.execute(made.format(sql.Identifier(role), sql.Literal(PASSWORD)))
            made = sql.SQL("CREATE DATABASE {} OWNER {}")
            db.execute(made.format(sql.Identifier(self.name), sql.Identifier(self.owner)))

    def url(self, role: str, driver: str = "postgresql+asyncpg") -> str:
        host = self._admin.rpartition("@")[2].partition("/")[0]
        return f"{driver}://{role}:{PASSWORD}@{host}/{self.name}"

    def drop(self) -> None:
        with psycopg.connect(self._admin, autocommit=True) as db:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))
            for role in (self.owner, self.role):
                db.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

    def refusal(self, statement: str) -> str | None:
        """The SQLSTATE that the service's own role gets for this."""
        with psycopg.connect(self.url(self.role, "postgresql"), autocommit=True) as db:
            try:
                db.execute(statement.encode())
            except psycopg.Error as error:
                return error.sqlstate
        return None

    async def findings(self) -> tuple[str, ...]:
        engine = create_async_engine(self.url(self.role))
        try:
            async with engine.connect() as db:
                return (await audit(db)).findings
        finally:
            await engine.dispose()

    def numbers(self, kind: str) -> list[int]:
        with psycopg.connect(self.url(self.role, "postgresql")) as db:
            question = "SELECT running_number FROM documents WHERE kind = %s ORDER BY 1"
            return [row[0] for row in db.execute(question, [kind]).fetchall()]


class Processes:
    """`billing run`, as often as wanted, each killed as hard as can be."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.running: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        program = Path(sys.executable).parent / "billing"
        self.running.append(
            await asyncio.create_subprocess_exec(
                str(program),
                "run",
                "--prepare",
                env=self._environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )

    async def kill_oldest(self) -> None:
        victim = self.running.pop(0)
        if victim.returncode is None:
            victim.kill()
        await victim.wait()


@pytest.fixture
def database(infrastructure: Infrastructure) -> Iterator[Database]:
    made = Database(infrastructure.admin_url)
    yield made
    made.drop()


@pytest.fixture
async def processes(infrastructure: Infrastructure, database: Database) -> AsyncIterator[Processes]:
    made = Processes(
        {
            "PATH": os.environ["PATH"],
            "BILLING_DATABASE_URL": database.url(database.role),
            "BILLING_OWNER_DATABASE_URL": database.url(database.owner),
            "BILLING_KAFKA_BOOTSTRAP_SERVERS": infrastructure.kafka_bootstrap,
            "BILLING_DEVELOPMENT": "true",
            "BILLING_BATCH_MAX_RECORDS": "5",
            "BILLING_SESSION_TIMEOUT_MS": "6000",
            "BILLING_TIMER_POLL_SECONDS": "0.1",
        }
    )
    yield made
    for _ in list(made.running):
        await made.kill_oldest()


async def test_killed_while_issuing_numbers_have_no_gap_and_no_double_and_its_role_changes_nothing(
    database: Database, processes: Processes, outside: Outside, story: Any
) -> None:
    await processes.start()
    await processes.start()
    await outside.send(story.client())
    await outside.send(story.contractor())
    card = await outside.send(story.rate_card(1), actor="distributor:buchhaltung")
    await outside.reply_to(card, replies_of("billing"))
    await outside.send(story.completed())
    await outside.message(JobSettled, story.job_id, seconds=60)

    jobs = [story.another_job() for _ in range(JOBS)]
    step = JOBS // KILLS
    for first in range(0, JOBS, step):
        await asyncio.gather(*[outside.send(job.completed()) for job in jobs[first : first + step]])
        settled_before = len(database.numbers("invoice"))
        await until(partial(_more_than, database, settled_before), seconds=60)
        await processes.start()
        await processes.kill_oldest()
    for job in jobs:
        await outside.message(JobSettled, job.job_id, seconds=90)

    assert database.numbers("invoice") == list(range(1, JOBS + 2))
    assert database.numbers("self-billed-invoice") == list(range(1, JOBS + 2))
    assert await database.findings() == ()
    await _role_changes_nothing(database)


async def _more_than(database: Database, before: int) -> bool:
    return await asyncio.to_thread(lambda: len(database.numbers("invoice")) > before)


async def _role_changes_nothing(database: Database) -> None:
    """By its rights, before any trigger: and it cannot switch triggers off or give itself rights."""
    columns = {
        "documents": "number",
        "entries": "source",
        "postings": "account",
        "renderings": "format",
        "received_invoices": "number",
    }
    assert set(columns) == set(APPEND_ONLY)
    database.refusal(f'GRANT UPDATE ON documents TO "{database.role}"')  # a warning, and no right
    for table, column in columns.items():
        for statement in (
            f"UPDATE {table} SET {column} = {column}",  # noqa: S608  # names from this test
            f"DELETE FROM {table}",  # noqa: S608
            f"TRUNCATE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table} CASCADE",
        ):
            assert database.refusal(statement) == NOT_ALLOWED, statement
    assert database.refusal("SET session_replication_role = replica") == NOT_ALLOWED
    assert database.refusal("UPDATE settlements SET resolution_note = NULL") is None
