"""The whole service on a real broker and a real database, seen from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from job_exchange_stories import (
    CONTRACTOR_KEY,
    GATEWAY_KEY,
    MARKER,
    OWN_KEY,
    Story,
    jwk,
    published,
    today,
    write_key,
)
from sqlalchemy import Connection, inspect, text

from chassis.clock import ShiftedClock
from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts import job_exchange_work_orders_v1
from contracts.catalogue import replies_of, topic_of
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    CancelJob,
    CancelReason,
    DisputeReason,
    DisputeStatement,
    ResolveDispute,
)
from contracts.job_exchange_jobs_v1 import (
    JobAmended,
    JobCancelled,
    JobCompleted,
    JobPosted,
    JobStarted,
    JobStated,
    WorkOrderReleased,
    WorkOrderTakenBack,
)
from contracts.job_exchange_work_orders_v1 import WorkOrder
from contracts.matching_assignments_v1 import AssignmentReleased, AssignmentReleaseReason
from contracts.messages import Message
from contracts.seal import unseal
from contracts.values import EndCustomer
from job_exchange import tables
from job_exchange.app import build
from job_exchange.settings import Settings

pytestmark = pytest.mark.stack

REPLIES = replies_of("job-exchange")
Start = Callable[..., Awaitable[Running]]
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """The keys as the service is configured with them."""
    return {
        "sealing_key_file": write_key(tmp_path / "own.json", OWN_KEY),
        "gateway_public_key_file": write_key(tmp_path / "gateway.json", published(GATEWAY_KEY)),
    }


@pytest.fixture
async def service(start_service: Start, keys: dict[str, Path]) -> Running:
    return await start_service(build, Settings, "job-exchange", **keys)


@pytest.fixture
async def story(service: Running, outside: Outside) -> Story:
    """A client, a contractor with a key and a rate card that the service knows."""
    begun = today()
    await outside.send(begun.client())
    await outside.send(begun.contractor(key=jwk(CONTRACTOR_KEY)))
    await outside.send(begun.rate_card())
    both = f"'{begun.client_id}', '{begun.contractor_id}'"
    await until(lambda: count(service, f"partners WHERE partner_id IN ({both})", 2))
    await until(lambda: count(service, f"rate_cards WHERE rate_card_id = '{begun.rate_card_id}'", 1))
    return begun


async def count(service: Running, rows: str, wanted: int) -> bool:
    async with service.engine.connect() as db:
        found: int = (await db.execute(text(f"SELECT count(*) FROM {rows}"))).scalar_one()  # noqa: S608
    return found >= wanted


@pytest.fixture
def ask(outside: Outside) -> Ask:
    """Send a command as whom it concerns and get the reply."""

    async def send(command: Message, actor: str | None = None) -> Any:
        named = getattr(command, "client_id", None) or getattr(command, "contractor_id", None)
        message_id = await outside.send(command, actor=actor or f"partner:{named}")
        return await outside.reply_to(message_id, REPLIES)

    return send


async def test_a_job_from_posting_to_completion(story: Story, ask: Ask, outside: Outside) -> None:
    reply = await ask(story.post())
    assert reply.job_number == job_number(story.job_id)
    assert [(price.zone, price.travel.amount) for price in reply.price_by_zone] == [
        (1, Decimal("29.00")),
        (2, Decimal("59.00")),
        (3, Decimal("99.00")),
    ]
    await outside.message(JobPosted, story.job_id)
    await outside.send(story.assigned())
    await outside.message(WorkOrderReleased, story.job_id)
    order = await outside.message(WorkOrder, story.job_id)
    opened = EndCustomer.model_validate_json(unseal(order.end_customer, CONTRACTOR_KEY, story.job_id))
    assert opened.name == MARKER
    await ask(story.arrival())
    await outside.message(JobStarted, story.job_id)
    await ask(story.statement(hours=Decimal("6.00")))
    assert not (await outside.message(JobStated, story.job_id)).within_limits
    await ask(
        DisputeStatement(
            job_id=story.job_id,
            client_id=story.client_id,
            statement_id=story.statement_id,
            reason=DisputeReason.hours_too_high,
        )
    )
    await ask(
        ResolveDispute(job_id=story.job_id, statement_id=story.statement_id, hours=Decimal("5.25")),
        actor="distributor:clerk",
    )
    completed = await outside.message(JobCompleted, story.job_id)
    assert (completed.approved_by, completed.statement.hours) == ("distributor", Decimal("5.25"))
    assert versions_of(outside, completed) == [1, 2, 3, 4, 5, 6]


def versions_of(outside: Outside, message: Message) -> list[int | None]:
    """The subject versions of all that was said about this subject on the message's topic, as they came."""
    return [
        seen.envelope.subjectversion
        for seen in outside.seen[topic_of(type(message)).name]
        if seen.envelope and seen.envelope.subject == message.subject
    ]


async def test_each_refusal_is_a_reply_with_code_and_field(story: Story, ask: Ask) -> None:
    async def refused(command: Message, actor: str | None = None) -> tuple[str, str | None]:
        reply = await ask(command, actor)
        assert reply.TYPE == "job-exchange.CommandRejected.v1"
        assert reply.message.endswith((".", "!"))
        return reply.code, reply.field

    no_agreement = story.contractor_id
    past = story.window(-timedelta(hours=1))
    assert await refused(story.post(client_id=no_agreement)) == ("no-client-agreement", "client_id")
    assert await refused(story.post(window=past)) == ("window-in-past", "window.starts_at")
    assert await refused(story.post(end_customer=story.sealed(job_id=uuid7()))) == (
        "sealed-unreadable",
        "end_customer",
    )
    assert await refused(story.post(), f"partner:{uuid7()}") == ("not-allowed", None)
    assert await refused(story.arrival()) == ("unknown-job", "job_id")
    assert await refused(story.post(client_id=uuid7())) == ("unknown-partner", "client_id")


async def test_a_job_is_its_own_peoples_affair(story: Story, ask: Ask, outside: Outside) -> None:
    await ask(story.post())
    await outside.send(story.assigned())
    await outside.message(WorkOrderReleased, story.job_id)
    assert (await ask(story.arrival(contractor_id=uuid7()))).code == "not-your-job"
    await ask(story.arrival())
    await ask(story.statement(hours=Decimal("7.00")))
    second = await ask(story.statement(statement_id=uuid7()))
    assert (second.code, second.field) == ("second-statement", "statement_id")
    assert (await ask(approval(story, client_id=uuid7()))).code == "not-your-job"
    await ask(approval(story))
    assert (await ask(approval(story))).code == "no-open-statement"
    assert len(outside.messages(JobCompleted, story.job_id)) == 1


def approval(story: Story, **fields: UUID) -> ApproveStatement:
    chosen = {
        "job_id": story.job_id,
        "client_id": story.client_id,
        "statement_id": story.statement_id,
    }
    return ApproveStatement.model_validate(chosen | fields)


async def test_a_repeated_command_gets_its_reply_again(story: Story, outside: Outside) -> None:
    command, actor = story.post(), f"partner:{story.client_id}"
    message_id = await outside.send(command, actor=actor)
    first = await outside.reply_to(message_id, REPLIES)
    await outside.send(command, actor=actor, message_id=message_id)
    again = await outside.reply_to(message_id, REPLIES, nth=2)
    assert again == first
    assert len(outside.messages(JobPosted, story.job_id)) == 1


async def test_a_released_assignment_leaves_a_tombstone(story: Story, ask: Ask, outside: Outside) -> None:
    await ask(story.post())
    await outside.send(story.assigned())
    await outside.message(WorkOrder, story.job_id)
    await outside.send(
        AssignmentReleased(
            job_id=story.job_id,
            job_number=job_number(story.job_id),
            client_id=story.client_id,
            contractor_id=story.contractor_id,
            reason=AssignmentReleaseReason.released,
        )
    )
    await outside.message(WorkOrderTakenBack, story.job_id)
    assert [value is None for value in papers(outside, story.job_id)] == [False, True]
    await outside.send(story.assigned())
    await outside.message(WorkOrder, story.job_id, nth=2)
    await ask(
        CancelJob(job_id=story.job_id, client_id=story.client_id, reason=CancelReason.customer_withdrew)
    )
    await outside.message(JobCancelled, story.job_id)
    await outside.message(WorkOrderTakenBack, story.job_id, nth=2)
    assert [value is None for value in papers(outside, story.job_id)] == [False, True, False, True]


async def test_an_amended_job_has_a_new_work_order_and_one_more_version(
    service: Running, story: Story, ask: Ask, outside: Outside
) -> None:
    await ask(story.post())
    await outside.send(story.assigned())
    await outside.message(WorkOrder, story.job_id)
    command = story.amend(window=story.window(timedelta(days=3)), insurance_sum=None, highest_zone=2)
    reply = await ask(command)
    assert [price.zone for price in reply.price_by_zone] == [1, 2]
    amended = await outside.message(JobAmended, story.job_id)
    order = await outside.message(WorkOrder, story.job_id, nth=2)
    assert order.window == amended.window == command.window
    assert (await ask(story.amend(highest_zone=1))).code == "zone-below-award"
    assert (await ask(command)).job_number == amended.job_number
    await outside.message(WorkOrderReleased, story.job_id, nth=2)
    assert versions_of(outside, amended) == [1, 2, 3, 4]
    as_kept = f"jobs WHERE job_id = '{story.job_id}' AND insurance_sum_euros IS NULL AND highest_zone = 2"
    assert await count(service, as_kept, 1)


def papers(outside: Outside, job_id: UUID) -> list[bytes | None]:
    """The values on the restricted topic for this job."""
    records = [seen.record for seen in outside.seen[job_exchange_work_orders_v1.TOPIC.name]]
    return [record.value for record in records if record.key == str(job_id).encode()]


async def test_without_any_key_the_work_order_waits_by_name(
    start_service: Start, keys: dict[str, Path], ask: Ask, outside: Outside
) -> None:
    clock = ShiftedClock()
    service = await start_service(
        build, Settings, "job-exchange", clock=clock, sealing_key_file=keys["sealing_key_file"]
    )
    story = today()
    await outside.send(story.client())
    await outside.send(story.contractor())
    await outside.send(story.rate_card())
    await ask(story.post())
    await outside.send(story.assigned())

    its_row = f"jobs WHERE job_id = '{story.job_id}'"
    await until(lambda: count(service, f"{its_row} AND work_order = 'missing_sealing_key'", 1))
    await outside.send(story.contractor(key=jwk(CONTRACTOR_KEY)))
    his_key = f"partners WHERE partner_id = '{story.contractor_id}' AND sealing_key IS NOT NULL"
    await until(lambda: count(service, his_key, 1))
    clock.shift = timedelta(minutes=2)
    order = await outside.message(WorkOrder, story.job_id)
    assert order.sealed_for == CONTRACTOR_KEY["kid"]


async def test_the_end_customer_is_nowhere_to_be_read(
    service: Running, story: Story, ask: Ask, outside: Outside, capfd: pytest.CaptureFixture[str]
) -> None:
    unreadable = story.post(end_customer=story.sealed(job_id=uuid7()))
    assert (await ask(unreadable)).code == "sealed-unreadable"
    await ask(story.post())
    await outside.send(story.assigned())
    await outside.message(WorkOrder, story.job_id)
    for records in outside.seen.values():
        for seen in records:
            assert MARKER.encode() not in (seen.record.value or b"")
            assert not [value for _, value in seen.record.headers if value and MARKER.encode() in value]
    async with service.engine.connect() as db:
        names = (await db.run_sync(lambda connection: inspect(connection).get_table_names())) or []
        for name in names:
            rows = (await db.execute(text(f'SELECT t::text FROM "{name}" t'))).scalars()  # noqa: S608
            assert not [row for row in rows if MARKER in row], name
    assert MARKER not in "".join(capfd.readouterr())


async def test_the_database_is_what_the_tables_say(service: Running) -> None:
    async with service.engine.connect() as db:
        for name, table in tables.metadata.tables.items():
            there = await db.run_sync(_columns, name)
            said = {
                column.name: (str(column.type.compile(db.dialect)), bool(column.nullable))
                for column in table.columns
            }
            assert there == said, name
            assert await db.run_sync(_named, name) == {
                constraint.name for constraint in table.constraints if isinstance(constraint.name, str)
            } | {index.name for index in table.indexes}, name


def _columns(connection: Connection, table: str) -> dict[str, tuple[str, bool]]:
    columns = inspect(connection).get_columns(table)
    return {
        column["name"]: (str(column["type"].compile(connection.dialect)), column["nullable"])
        for column in columns
    }


def _named(connection: Connection, table: str) -> set[str]:
    """Constraints and indexes that have names of ours."""
    found = inspect(connection)
    named: list[Any] = [
        *found.get_check_constraints(table),
        *found.get_unique_constraints(table),
        *found.get_foreign_keys(table),
        *[index for index in found.get_indexes(table) if "duplicates_constraint" not in index],
    ]
    return {one["name"] for one in named}
