"""Gapless numbers on real PostgreSQL: two replicas, any order of batches, some of them rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from billing.app import build
from billing.audit import audit
from billing.settings import Settings
from chassis.items import StoredRecord
from chassis.service import Running
from chassis.testing.network import Outside
from contracts import catalogue
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import JobSettled
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Message

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Start = Callable[..., Awaitable[Running]]


@dataclass
class Replicas:
    """Two billing services on one database, and a story whose reference data they have."""

    services: Sequence[Running]
    story: Any
    offsets: Sequence[Iterator[int]] = field(default_factory=lambda: (count(), count()))

    async def take(self, replica: int, jobs: int, *, keep: bool) -> None:
        """Have one replica settle a batch of new jobs, as from a partition of its own; or roll it back."""
        path = next(p for p in self.services[replica].paths if p.reader.name == "settlements")
        records = [
            _record(self.story.another_job().completed(), 100 + replica, next(self.offsets[replica]))
            for _ in range(jobs)
        ]
        await path.take(records, keep=keep)

    async def numbers(self, kind: str) -> list[int]:
        """All running numbers of a kind, in order."""
        question = text("SELECT running_number FROM documents WHERE kind = :kind ORDER BY 1")
        async with self.services[0].engine.connect() as db:
            return list((await db.execute(question, {"kind": kind})).scalars())

    async def findings(self) -> tuple[str, ...]:
        async with self.services[1].engine.connect() as db:
            return (await audit(db)).findings


@pytest.fixture
async def replicas(start_service: Start, outside: Outside, story: Any) -> Replicas:
    one = await start_service(build, Settings, "billing", batch_max_records=7)
    address = one.engine.url.render_as_string(hide_password=False)
    two = await start_service(build, Settings, "billing", database_url=address, batch_max_records=5)
    await outside.send(story.client())
    await outside.send(story.contractor())
    await outside.send(story.rate_card(1), actor="distributor:buchhaltung")
    await outside.send(story.completed())
    await outside.message(JobSettled, story.job_id)
    return Replicas((one, two), story)


_steps = st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=5)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=_steps, second=_steps)
async def test_numbers_count_1_to_n_whatever_is_rolled_back_between(
    replicas: Replicas, first: list[tuple[int, bool]], second: list[tuple[int, bool]]
) -> None:
    before = len(await replicas.numbers("invoice"))

    async def run(replica: int, steps: list[tuple[int, bool]]) -> None:
        for jobs, keep in steps:
            await replicas.take(replica, jobs, keep=keep)

    await asyncio.gather(run(0, first), run(1, second))

    settled = before + sum(jobs for jobs, keep in (*first, *second) if keep)
    assert await replicas.numbers("invoice") == list(range(1, settled + 1))
    assert await replicas.numbers("self-billed-invoice") == list(range(1, settled + 1))
    assert await replicas.findings() == ()


async def test_both_replicas_work_and_leave_no_gap_while_somebody_rolls_back(
    replicas: Replicas, outside: Outside
) -> None:
    jobs = [replicas.story.another_job() for _ in range(120)]
    stop = asyncio.Event()
    disturbing = asyncio.create_task(_take_numbers_and_roll_back(replicas.services[0], stop))
    await asyncio.gather(*[outside.send(job.completed()) for job in jobs])
    for job in jobs:
        await outside.message(JobSettled, job.job_id, seconds=60)
    stop.set()
    assert await disturbing > 0

    assert await replicas.numbers("invoice") == list(range(1, 122))
    assert await replicas.numbers("self-billed-invoice") == list(range(1, 122))
    assert await replicas.findings() == ()
    told = {
        invoice.document_number for job in jobs for invoice in outside.messages(InvoiceIssued, job.job_id)
    }
    assert len(told) == 120


async def _take_numbers_and_roll_back(service: Running, stop: asyncio.Event) -> int:
    """Somebody who advances the counters and never commits. Returns how often he did."""
    times = 0
    while not stop.is_set():
        async with service.engine.connect() as db:
            await db.execute(text("UPDATE counters SET last = last + 3"))
            await asyncio.sleep(0.003)
            await db.rollback()
        times += 1
        await asyncio.sleep(0.01)
    return times


def _record(message: Message, partition: int, offset: int) -> StoredRecord:
    topic = catalogue.topic_of(type(message))
    now = datetime.now(UTC)
    envelope = Envelope(
        id=str(uuid7()),
        source="/tests",
        type=message.TYPE,
        subject=message.subject,
        time=now,
        dataschema=catalogue.schema_of(message),
        subjectversion=1,
        causationid=None,
        correlationid=None,
        traceparent=None,
        actor=None,
    )
    return StoredRecord(
        topic.name,
        partition,
        offset,
        int(now.timestamp() * 1000),
        message.subject.encode(),
        message.write(),
        envelope.to_headers(),
    )
