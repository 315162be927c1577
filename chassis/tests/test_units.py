"""The pure parts: deciding in memory, kinds of failure, trace context, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from toy_service.service import BROKEN, READERS, Account, route
from toy_service.world import NOTICED, QUIET, TOO_LATE

from chassis.batch import Batch, Desk, Replies
from chassis.decisions import Row
from chassis.errors import (
    Alike,
    Conflict,
    DecisionFailed,
    Ill,
    Kind,
    TooLarge,
    Unsent,
    classify,
    leaked,
    said,
)
from chassis.items import Item, Outcome, StoredRecord, decode, pack_headers, unpack_headers
from chassis.journal import Count
from chassis.outgoing import Sender
from chassis.telemetry import child_of, link_to
from contracts import catalogue, replies_v1
from contracts import job_exchange_commands_v1 as commands
from contracts import matching_assignments_v1 as assignments
from contracts.actor import Actor
from contracts.envelope import Envelope
from contracts.ids import job_number, uuid7
from contracts.messages import Message

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Trip:
    """A batch without a database: rows are given from here, counters and versions are kept here."""

    rows: dict[str, Account] = field(default_factory=dict)
    counter: int = 0
    offset: int = 0

    def record(self, message: Message, version: int | None = None) -> StoredRecord:
        topic = catalogue.topic_of(type(message))
        envelope = Envelope(
            id=str(uuid7()), source="/tests", type=message.TYPE, subject=message.subject, time=NOW,
            dataschema=catalogue.schema_of(message), subjectversion=version,
            actor=f"partner:{getattr(message, 'client_id', uuid7())}",
        )  # fmt: skip
        self.offset += 1
        return StoredRecord(
            topic.name, 0, self.offset, 0, message.subject.encode(), message.write(), envelope.to_headers()
        )

    def decide(self, *records: StoredRecord) -> Batch:
        items = [
            decode(record, READERS[0], lambda e, _b, _at: Actor.parse(e.actor or "")) for record in records
        ]
        replies = Replies(replies_v1.JobExchangeAccepted, replies_v1.JobExchangeRejected)
        desk = Desk(READERS[0], route, Sender("job-exchange", lambda _id, _body: ""), replies)
        batch = Batch(desk, items, NOW, NOW)
        self._load(batch, batch.wants(items))
        pending, wanted, ranges = batch.decide(items)
        while pending:
            self._load(batch, wanted)
            batch.counters |= dict.fromkeys(ranges, self.counter)
            pending, wanted, ranges = batch.decide(pending)
        self.rows |= batch.changed.get("account", {})
        self.counter = batch.counters.get("approvals", self.counter)
        return batch

    def _load(self, batch: Batch, wanted: set[Row]) -> None:
        for row in wanted:
            if (row.rows, row.id) not in batch.locked:
                batch.keep(row.rows, [row.id], self.rows, lock=row.lock)


def _outcomes(batch: Batch) -> list[Outcome | None]:
    return [item.outcome for item in batch.items]


def _cancel(job: Any, reason: commands.CancelReason = NOTICED) -> commands.CancelJob:
    return commands.CancelJob(job_id=job, client_id=uuid7(), reason=reason)


def _expired(job: Any) -> assignments.OfferExpired:
    return assignments.OfferExpired(
        job_id=job, job_number=job_number(job), offer_id=uuid7(), contractor_id=uuid7()
    )


def test_two_messages_about_one_job_see_each_other() -> None:
    trip, job = Trip(), uuid7()
    batch = trip.decide(*[trip.record(_cancel(job, reason)) for reason in (NOTICED, TOO_LATE, QUIET)])
    assert _outcomes(batch) == [Outcome.DONE, Outcome.REJECTED, Outcome.DONE]
    assert trip.rows[str(job)].seen == ("cancel done_otherwise", "cancel posted_in_error")


def test_numbers_follow_the_order_of_the_records_and_each_sees_the_one_before() -> None:
    trip, client = Trip(counter=7), uuid7()
    records = [
        trip.record(commands.ApproveStatement(job_id=uuid7(), client_id=client, statement_id=uuid7()))
        for _ in range(3)
    ]
    trip.decide(*records)
    assert trip.counter == 10
    assert trip.rows[str(client)].seen == ("beside 8", "beside 9", "beside 10")


def test_a_failure_names_its_record_and_keeps_its_cause() -> None:
    trip, job = Trip(), uuid7()
    BROKEN[str(job)] = ZeroDivisionError
    try:
        with pytest.raises(DecisionFailed) as failure:
            trip.decide(trip.record(_cancel(job)))
    finally:
        BROKEN.clear()
    assert failure.value.where == "job-exchange.commands.v1/0@1"
    assert said(failure.value).startswith("ZeroDivisionError at service.py")


def test_a_row_that_was_not_locked_cannot_be_changed() -> None:
    trip, client = Trip(), uuid7()
    batch = trip.decide(trip.record(_cancel(uuid7())))
    with pytest.raises(RuntimeError, match="without having been locked"):
        batch._change("account", str(client), Account(str(client)))


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(1, 6)))
def test_versions_in_any_order_are_taken_in_order_or_not_at_all(order: Sequence[int]) -> None:
    """Within one batch: whatever is done is done in order, and each record is accounted for."""
    trip, job = Trip(), uuid7()
    batch = trip.decide(*[trip.record(_expired(job), version) for version in order])
    done = [int(word.split()[1]) for word in trip.rows[str(job)].seen]
    assert done == sorted(done)
    assert done[0] == order[0]
    assert all(after == before + 1 for before, after in pairwise(done))
    batch.counts = {("matching.assignments.v1", 0): Count(1)}
    batch.count()
    (count,) = batch.counts.values()
    assert count.next_offset - 1 == count.done + count.duplicate + count.rejected + count.dead + count.parked
    assert count.done == len(done)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([NOTICED, QUIET, TOO_LATE])), max_size=12),
    st.data(),
)
def test_how_records_are_cut_into_batches_does_not_matter(
    plan: list[tuple[int, commands.CancelReason]], data: st.DataObject
) -> None:
    names = [uuid7() for _ in range(3)]
    one, many = Trip(), Trip()
    records = [one.record(_cancel(names[index], reason)) for index, reason in plan]
    one.decide(*records)
    rest = list(records)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        many.decide(*rest[:size])
        rest = rest[size:]
    assert one.rows == many.rows


class _Postgres(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def _database(sqlstate: str) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, _Postgres(sqlstate))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_database("08006"), Kind.TRANSIENT),
        (_database("40001"), Kind.TRANSIENT),
        (_database("40P01"), Kind.TRANSIENT),
        (_database("53300"), Kind.TRANSIENT),
        (_database("57P01"), Kind.TRANSIENT),
        (_database("55P03"), Kind.TRANSIENT),
        (_database("23505"), Kind.TRANSIENT),
        (_database("25P03"), Kind.TRANSIENT),
        (_database("28P01"), Kind.ILL),
        (_database("42P01"), Kind.ILL),
        (_database("23514"), Kind.DETERMINISTIC),
        (_database("22021"), Kind.DETERMINISTIC),
        (_Postgres("57P03"), Kind.TRANSIENT),
        (Ill("us"), Kind.ILL),
        (Conflict("other replica"), Kind.TRANSIENT),
        (Unsent("broker"), Kind.TRANSIENT),
        (KafkaConnectionError(), Kind.TRANSIENT),
        (TimeoutError(), Kind.TRANSIENT),
        (ConnectionResetError(), Kind.TRANSIENT),
        (TooLarge("2 MiB"), Kind.DETERMINISTIC),
        (ValueError(), Kind.DETERMINISTIC),
        (DecisionFailed("a record"), Kind.DETERMINISTIC),
    ],
)
def test_each_failure_has_one_kind(error: Exception, kind: Kind) -> None:
    assert classify(error) is kind


def test_a_time_out_inside_a_decision_is_our_bug_not_the_weather() -> None:
    failure = DecisionFailed("a record")
    failure.__cause__ = TimeoutError()
    assert classify(failure) is Kind.DETERMINISTIC


def test_three_different_aggregates_failing_alike_are_too_many() -> None:
    alike, error = Alike(), ValueError()
    for about in ("a", "a", "b"):
        alike.add(error, about)
    assert not alike.too_many(error)
    alike.add(KeyError(), "c")
    assert not alike.too_many(error)
    alike.add(error, "c")
    assert alike.too_many(error)
    alike.clear()
    assert not alike.too_many(error)


async def test_a_cancellation_is_leaked_when_nobody_asked_for_it() -> None:
    assert leaked(asyncio.CancelledError())
    assert not leaked(ValueError())

    async def asks() -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            return leaked(error)
        return True

    task = asyncio.create_task(asks())
    await asyncio.sleep(0)
    task.cancel()
    assert not await task


@given(st.lists(st.tuples(st.text(), st.none() | st.binary())))
def test_headers_survive_packing_byte_for_byte(headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers


@given(st.binary())
def test_a_header_name_that_is_not_utf8_survives_packing(name: bytes) -> None:
    headers = [(name.decode("utf-8", "surrogateescape"), b"")]
    assert unpack_headers(pack_headers(headers)) == headers
    pack_headers(headers).encode()


_hex = st.text("0123456789abcdef", min_size=16, max_size=16).filter(lambda text: int(text, 16) > 0)


@given(_hex, _hex, st.sampled_from(["00", "01"]))
def test_a_trace_goes_on_with_a_span_of_its_own(trace: str, span: str, flags: str) -> None:
    parent = f"00-{trace}{trace}-{span}-{flags}"
    version, trace_id, span_id, passed = child_of(parent, uuid7()).split("-")
    assert (version, trace_id, passed) == ("00", trace * 2, flags)
    assert span_id != span
    link = link_to(parent)
    assert link is not None
    assert link.context.span_id == int(span, 16)


@given(st.none() | st.text(max_size=60))
def test_what_is_no_traceparent_is_replaced(text: str | None) -> None:
    message_id = uuid7()
    if link_to(text) is None:
        assert child_of(text, message_id).split("-")[1] == message_id.hex


def test_a_record_without_a_usable_id_is_known_by_its_place() -> None:
    item = Item(StoredRecord("job-exchange.commands.v1", 0, 0, 0, None, None, ()))
    assert item.inbox_key == ("job-exchange.commands.v1", "0-0")
