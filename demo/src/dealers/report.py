"""What came of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from uuid import UUID

from dealers.book import Book, Job, State


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of jobs and commands; times in seconds; money net."""

    sent: int
    posted: int
    assigned: int
    settled: int
    unfilled: int
    unfilled_because: dict[str, int]
    """The constraint that kept most of those away who were near enough, and for how many jobs it did."""
    cancelled: int
    refused_postings: dict[str, int]
    refused_commands: dict[str, int]
    """`Command: code` and how often, postings left out."""
    commands: int
    no_shows: int
    given_back: int
    disputed: int
    offers: int
    seconds: float
    time_to_assign_p50_s: float | None
    time_to_assign_p99_s: float | None
    invoices: int
    self_billed: int
    net_invoiced: Decimal
    net_self_billed: Decimal
    work_orders_opened: int
    work_orders_closed: int
    """Work orders that did not open with the contractor's key: there should be none."""
    open: tuple[UUID, ...]
    """Jobs that have not come to their end."""
    settled_jobs: tuple[UUID, ...]
    two_documents_each: bool
    """Every settled job has exactly one invoice and one self-billed invoice, and no other job has any."""


def report(book: Book, *, seconds: float, work_orders_opened: int, work_orders_closed: int) -> Report:
    """Sum it up."""
    jobs = list(book.jobs.values())
    times = sorted(job.assigned_at - job.sent_at for job in jobs if job.assigned_at is not None)
    states = book.states()
    return Report(
        sent=len(jobs),
        posted=sum(job.job_number is not None for job in jobs),
        assigned=len(times),
        settled=states[State.settled],
        unfilled=states[State.unfilled],
        unfilled_because=dict(Counter(_main_reason(job) for job in _in(jobs, State.unfilled)).most_common()),
        cancelled=states[State.cancelled],
        refused_postings=dict(Counter(str(job.refusal) for job in _in(jobs, State.refused)).most_common()),
        refused_commands={
            f"{command}: {code}": count
            for (command, code), count in book.refused.most_common()
            if command != "PostJob" or code == "job-exists"
        },
        commands=book.commands,
        no_shows=sum(job.no_shows for job in jobs),
        given_back=sum(job.gave_back for job in jobs),
        disputed=sum(job.disputes for job in jobs),
        offers=sum(job.offers for job in jobs),
        seconds=seconds,
        time_to_assign_p50_s=percentile(times, 50),
        time_to_assign_p99_s=percentile(times, 99),
        invoices=sum(job.invoices for job in jobs),
        self_billed=sum(job.self_billed for job in jobs),
        net_invoiced=book.net_invoiced,
        net_self_billed=book.net_self_billed,
        work_orders_opened=work_orders_opened,
        work_orders_closed=work_orders_closed,
        open=tuple(job.job_id for job in book.unended()),
        settled_jobs=tuple(job.job_id for job in _in(jobs, State.settled)),
        two_documents_each=all(
            (job.invoices, job.self_billed) == ((1, 1) if job.state is State.settled else (0, 0))
            for job in jobs
        ),
    )


def percentile(ascending: Sequence[float], percent: int) -> float | None:
    """Nearest rank; None of nothing."""
    if not ascending:
        return None
    return ascending[max(0, ceil(len(ascending) * percent / 100) - 1)]


def _in(jobs: Iterable[Job], state: State) -> list[Job]:
    return [job for job in jobs if job.state is state]


def _main_reason(job: Job) -> str:
    """What kept the most away, distance aside: that most of Germany is too far is no news."""
    reasons = {code: count for code, count in job.unfilled_because.items() if code not in FAR}
    if not reasons:
        return next(iter(job.unfilled_because), "nobody-left")
    return max(reasons, key=lambda code: (reasons[code], code))


FAR = frozenset({"radius", "reach", "travel-zone"})
