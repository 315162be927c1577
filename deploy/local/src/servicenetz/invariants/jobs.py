"""Invariant 0: no job gets lost. Judged by who posted it: he knows of each, whatever the system has forgotten."""

from collections import defaultdict
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import JobSettled
from contracts.job_exchange_commands_v1 import PostJob
from contracts.job_exchange_jobs_v1 import JobCancelled, JobPosted
from contracts.matching_assignments_v1 import JobUnfilled
from contracts.messages import Message
from contracts.replies_v1 import JobExchangeRejected

if TYPE_CHECKING:
    from servicenetz.invariants.check import View


def all_have_ended(view: "View") -> tuple[list[str], str]:
    """0. Each posting was refused, or the job is settled with its documents, cancelled or known to be unfilled."""
    met: dict[UUID, set[type[Message]]] = defaultdict(set)
    for kind in (JobPosted, JobCancelled, JobUnfilled, JobSettled, InvoiceIssued, SelfBilledInvoiceIssued):
        for seen in view.topics.of(kind):
            if seen.envelope is not None:
                met[UUID(seen.envelope.subject)].add(kind)
    postings = {seen.envelope.id for seen in view.topics.of(PostJob) if seen.envelope}
    for seen in view.topics.of(JobExchangeRejected):
        reply = seen.message
        if isinstance(reply, JobExchangeRejected) and str(reply.command_id) in postings:
            met[UUID(reply.about)].add(JobExchangeRejected)
    wrong = [
        f"job {job}: heard of {', '.join(sorted(kind.__name__ for kind in met[job])) or 'nothing at all'}"
        for job in view.posted
        if not _has_ended(met[job])
    ]
    return wrong, f"{len(view.posted)} jobs posted by whoever asks"


def _has_ended(met: set[type[Message]]) -> bool:
    settled = {JobSettled, InvoiceIssued, SelfBilledInvoiceIssued}
    if JobPosted not in met:
        return JobExchangeRejected in met
    return settled <= met or JobCancelled in met or (JobUnfilled in met and not settled & met)
