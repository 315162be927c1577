"""Invariants of the money: 3, 4 and 5."""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from contracts.billing_payables_v1 import (
    OwnInvoiceBooked,
    SelfBilledInvoiceIssued,
    SelfBilledInvoiceReversed,
)
from contracts.billing_receivables_v1 import InvoiceIssued, InvoiceReversed
from contracts.billing_settlements_v1 import JobSettled, SettlementHeld
from contracts.job_exchange_jobs_v1 import JobCancelled, JobCompleted
from contracts.messages import Message

if TYPE_CHECKING:
    from servicenetz.invariants.check import View


def two_documents_once(view: "View") -> tuple[list[str], str]:
    """3. Counted on the topics and in the books: two live documents for each completed job, unless it is held.

    What a correction reversed does not count; the contractor's own invoice stands for his document; rework at no
    charge has none, and a late cancellation may have two.
    """
    completed = Counter(_subjects(view, JobCompleted))
    settled = Counter(_subjects(view, JobSettled))
    held = set(_subjects(view, SettlementHeld))
    free = {
        str(seen.message.subject)
        for seen in view.topics.of(JobSettled)
        if isinstance(seen.message, JobSettled) and seen.message.without_documents
    }
    told = {
        "invoice": Counter(_subjects(view, InvoiceIssued)) - Counter(_subjects(view, InvoiceReversed)),
        "self-billed-invoice": Counter(_subjects(view, SelfBilledInvoiceIssued))
        - Counter(_subjects(view, SelfBilledInvoiceReversed)),
    }
    own = set(_subjects(view, OwnInvoiceBooked))
    booked: dict[str, Counter[str]] = defaultdict(Counter)
    for row in view.rows("billing", LIVE_DOCUMENTS):
        booked[row["kind"]][row["job"]] = row["number"]
    wrong = [f"job {job}: completed {number} times" for job, number in completed.items() if number > 1]
    for job in (
        completed.keys() | settled.keys() | told["invoice"].keys() | told["self-billed-invoice"].keys()
    ):
        legs = [(told[kind][job], booked[kind][job]) for kind in ("invoice", "self-billed-invoice")]
        numbers = (settled[job], *legs[0], *legs[1])
        once = numbers == (1, 1, 1, 1, 1) or (job in own and numbers[:3] == (1, 1, 1))
        nothing = numbers == (0, 0, 0, 0, 0) and job in held
        if not once and not nothing and not (job in free and numbers == (1, 0, 0, 0, 0)):
            wrong.append(
                f"job {job}: settled, invoices told and booked, self-billed told and booked: {numbers}"
            )
    cancelled = set(_subjects(view, JobCancelled))
    extra = {job for kind in booked.values() for job in kind} - completed.keys() - cancelled
    wrong.extend(f"job {job}: documents without completion" for job in extra)
    return wrong, f"{len(completed)} completed, {len(settled)} settled, {len(held - settled.keys())} held"


LIVE_DOCUMENTS = (
    "SELECT job_id::text AS job, kind, count(*) AS number FROM documents d WHERE preceding IS NULL "
    "AND NOT EXISTS (SELECT FROM documents c WHERE c.preceding = d.number) GROUP BY 1, 2"
)


def _subjects(view: "View", kind: type[Message]) -> list[str]:
    return [str(seen.message.subject) for seen in view.topics.of(kind) if seen.message]


def ledger_is_zero(view: "View") -> tuple[list[str], str]:
    """4. Each entry, and all of them together."""
    unbalanced = view.rows(
        "billing",
        "SELECT entry_id, sum(amount) AS rest FROM postings GROUP BY entry_id HAVING sum(amount) <> 0",
    )
    total = view.rows(
        "billing", "SELECT coalesce(sum(amount), 0) AS rest, count(*) AS postings FROM postings"
    )[0]
    wrong = [f"entry {row['entry_id']} is off by {row['rest']}" for row in unbalanced]
    if total["rest"] != Decimal(0):
        wrong.append(f"all postings together are off by {total['rest']}")
    bare = view.rows(
        "billing", "SELECT count(*) AS number FROM documents d LEFT JOIN entries e ON e.document_number = d.number "
        "WHERE e.entry_id IS NULL",
    )  # fmt: skip
    if bare[0]["number"]:
        wrong.append(f"{bare[0]['number']} documents are not booked")
    view.notes["ledger sum"] = total["rest"]
    return wrong, f"{total['postings']} postings, sum {total['rest']}"


def numbers_are_gapless(view: "View") -> tuple[list[str], str]:
    """5. Per range: 1..n, each once, and n is what the counter says."""
    ranges = view.rows(
        "billing", "SELECT number_range, count(*) AS number, count(DISTINCT running_number) AS different, "
        "min(running_number) AS first, max(running_number) AS last FROM documents GROUP BY number_range",
    )  # fmt: skip
    counters = {row["name"]: row["last"] for row in view.rows("billing", "SELECT name, last FROM counters")}
    wrong = [
        f"{row['number_range']}: {row['number']} documents, {row['different']} numbers, {row['first']}..{row['last']}"
        for row in ranges
        if not (row["first"] == 1 and row["last"] == row["number"] == row["different"])
    ]
    wrong.extend(
        f"{row['number_range']}: the counter says {counters.get(row['number_range'])}, the last number is {row['last']}"
        for row in ranges
        if counters.get(row["number_range"]) != row["last"]
    )
    return wrong, ", ".join(f"{row['number_range']} 1..{row['last']}" for row in ranges) or "no documents"
