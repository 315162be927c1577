"""The bookkeeping: a job's end is known from the topics alone, in whatever order they are read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import JobSettled
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import CancelReason, PostJob
from contracts.job_exchange_jobs_v1 import JobCancelled, JobStarted
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    AssignmentReleaseReason,
    JobUnfilled,
    Removed,
)
from contracts.messages import Message
from contracts.replies_v1 import JobExchangeRejected
from contracts.values import DocumentLine, OwnReference, Window, eur
from dealers.book import Book, Job, State
from dealers.course import Course
from dealers.report import percentile, report

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
CLIENT, CONTRACTOR = uuid7(), uuid7()


def entered(book: Book) -> Job:
    window = Window(starts_at=NOW, ends_at=NOW + timedelta(hours=8))
    job = Job(uuid7(), CLIENT, "24937", window, Decimal(6), Course(), 0.0)
    book.enter(job)
    return job


def settlement(job_id: UUID) -> list[Message]:
    line = DocumentLine(text="Arbeit", quantity=Decimal(1), unit="HUR", unit_price=eur(100), net=eur(100))
    amounts = {"net": eur(100), "vat": eur(19), "gross": eur(119), "vat_rate": Decimal("19.00")}
    shared = {
        "job_id": job_id,
        "job_number": job_number(job_id),
        "issued_on": date(2026, 11, 24),
        "due_on": date(2026, 12, 8),
        "own_reference": OwnReference(),
        "lines": [line],
        **amounts,
    }
    return [
        JobSettled(
            job_id=job_id,
            job_number=job_number(job_id),
            client_id=CLIENT,
            contractor_id=CONTRACTOR,
            settled_at=NOW,
        ),
        InvoiceIssued.model_validate(shared | {"client_id": CLIENT, "document_number": "RE-2026-000001"}),
        SelfBilledInvoiceIssued.model_validate(
            shared | {"contractor_id": CONTRACTOR, "document_number": "GS-2026-000001"}
        ),
    ]


def unfilled(job_id: UUID, removed: Sequence[Removed] = ()) -> JobUnfilled:
    return JobUnfilled(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=CLIENT,
        removed=list(removed),
        looked_at=3,
        offers_made=0,
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_settled_job_has_its_end_with_both_documents_and_not_before(order: Sequence[int]) -> None:
    book = Book()
    job = entered(book)
    messages = settlement(job.job_id)
    for number in order[:2]:
        book.hear(messages[number], 1.0)
        assert book.open == 1
    book.hear(messages[order[2]], 1.0)
    assert book.open == 0
    assert not list(book.unended())
    assert book.net_invoiced == Decimal("100.00")


def test_an_event_that_is_read_late_does_not_take_a_job_back() -> None:
    book = Book()
    job = entered(book)
    book.hear(
        JobStarted(
            job_id=job.job_id,
            job_number=job_number(job.job_id),
            client_id=CLIENT,
            contractor_id=CONTRACTOR,
            arrived_at=NOW,
        ),
        1.0,
    )
    book.hear(unfilled(job.job_id), 2.0)
    assert job.state is State.started


def test_a_released_job_is_looked_for_again() -> None:
    book = Book()
    job = entered(book)
    job.state = State.assigned
    book.hear(
        AssignmentReleased(
            job_id=job.job_id,
            job_number=job_number(job.job_id),
            client_id=CLIENT,
            contractor_id=CONTRACTOR,
            reason=AssignmentReleaseReason.no_show,
        ),
        1.0,
    )
    assert job.state is State.posted
    assert book.open == 1


def test_a_refused_posting_is_an_end_and_another_refusal_is_none() -> None:
    book = Book()
    job, other = entered(book), entered(book)
    first, second = uuid7(), uuid7()
    book.asked(first, job.job_id, PostJob)
    book.asked(second, other.job_id, PostJob)
    other.state = State.posted
    for command_id, about in ((first, job), (second, other)):
        refusal = JobExchangeRejected(
            command_id=command_id, subject=str(about.job_id), code="job-exists", message="There is one."
        )
        book.hear(refusal, 1.0)
    assert (job.state, job.refusal) == (State.refused, "job-exists")
    assert other.state is State.posted
    assert book.open == 1


def test_an_unfilled_job_may_be_cancelled_and_is_counted_once() -> None:
    book = Book()
    job = entered(book)
    book.hear(unfilled(job.job_id), 1.0)
    cancelled = JobCancelled(
        job_id=job.job_id,
        job_number=job_number(job.job_id),
        client_id=CLIENT,
        reason=CancelReason.done_otherwise,
    )
    book.hear(cancelled, 2.0)
    assert book.open == 0
    assert book.states() == {State.cancelled: 1}


def test_messages_about_other_peoples_jobs_are_passed_over() -> None:
    book = Book()
    assert book.hear(unfilled(uuid7()), 1.0) is None
    assert book.open == 0


def test_the_report_names_what_kept_the_near_ones_away() -> None:
    book = Book()
    job = entered(book)
    removed = [Removed(constraint="reach", count=900), Removed(constraint="certification", count=12)]
    book.hear(unfilled(job.job_id, removed), 1.0)
    made = report(book, seconds=1.0, work_orders_opened=0, work_orders_closed=0)
    assert made.unfilled_because == {"certification": 1}
    assert made.two_documents_each
    assert made.open == ()


def test_a_settled_job_with_one_document_is_told() -> None:
    book = Book()
    job = entered(book)
    for message in settlement(job.job_id)[:2]:
        book.hear(message, 1.0)
    made = report(book, seconds=1.0, work_orders_opened=0, work_orders_closed=0)
    assert not made.two_documents_each
    assert made.open == (job.job_id,)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([1.0], 99, 1.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        (list(map(float, range(1, 101))), 99, 99.0),
    ],
)
def test_percentiles_are_by_nearest_rank(values: list[float], percent: int, expected: float | None) -> None:
    assert percentile(values, percent) == expected
