"""The books recomputed from single postings and documents: balances, and what is not as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.documents import canonical, chained, fingerprint

_balances = text(
    "SELECT account, sum(amount) AS balance, count(*) AS postings FROM postings "
    "GROUP BY account ORDER BY account"
)
_documents = text(
    "SELECT number, number_range, data, sha256, chain_sha256 FROM documents "
    "ORDER BY number_range, running_number"
)

_FINDINGS: tuple[tuple[str, TextClause], ...] = (
    (
        "entry does not sum to zero",
        text("SELECT entry_id FROM postings GROUP BY entry_id HAVING sum(amount) <> 0"),
    ),
    (
        "document is not booked as it says",
        text(
            "SELECT d.number FROM documents d LEFT JOIN entries e ON e.document_number = d.number "
            "LEFT JOIN postings p ON p.entry_id = e.entry_id GROUP BY d.number HAVING "
            "coalesce(sum(p.amount) FILTER (WHERE p.account IN ('revenue', 'cost-of-services')), 0) "
            "<> CASE WHEN d.kind LIKE 'invoice%' THEN -d.net ELSE d.net END OR "
            "coalesce(sum(p.amount) FILTER (WHERE p.account IN ('vat-out', 'vat-in')), 0) "
            "<> CASE WHEN d.kind LIKE 'invoice%' THEN -d.vat ELSE d.vat END OR "
            "coalesce(sum(p.amount) FILTER (WHERE p.account = 'withheld-building-tax' OR p.account = CASE "
            "WHEN d.kind LIKE 'invoice%' THEN 'receivable/' ELSE 'payable/' END || d.partner_id), 0) "
            "<> CASE WHEN d.kind LIKE 'invoice%' THEN d.gross ELSE -d.gross END"
        ),
    ),
    (
        "document's amounts are not those of its data",
        text(
            "SELECT number FROM documents WHERE (data ->> 'net')::numeric <> net "
            "OR (data ->> 'vat')::numeric <> vat OR (data ->> 'gross')::numeric <> gross OR net <> "
            "(SELECT sum((line ->> 'net')::numeric) FROM jsonb_array_elements(data -> 'lines') AS t(line)) "
            "OR (data ->> 'form' <> '1' AND vat <> (SELECT sum((row ->> 'tax')::numeric) "
            "FROM jsonb_array_elements(data -> 'vat_breakdown') AS t(row)))"
        ),
    ),
    (
        "correction does not mirror what it reverses",
        text(
            "SELECT c.number FROM documents c JOIN documents d ON d.number = c.preceding "
            "WHERE (c.net, c.vat, c.gross) <> (-d.net, -d.vat, -d.gross) OR d.preceding IS NOT NULL "
            "OR d.job_id <> c.job_id"
        ),
    ),
    (
        "numbers have a gap or go beyond the counter",
        text(
            "SELECT coalesce(number_range, name) FROM (SELECT number_range, count(*) AS issued, "
            "max(running_number) AS highest FROM documents GROUP BY number_range) AS d "
            "FULL JOIN (SELECT name, last FROM counters "
            "WHERE name ~ '^(self-billed-)?(invoice|invoice-correction|correction)-[0-9]{4}$') AS c "
            "ON c.name = d.number_range "
            "WHERE coalesce(highest, 0) <> coalesce(issued, 0) OR coalesce(highest, 0) <> coalesce(last, 0)"
        ),
    ),
    (
        # a leg's live document is the one that nothing reverses; his own invoice stands for the contractor's
        "settled job does not have exactly its two documents",
        text(
            "SELECT s.job_id::text FROM settlements s LEFT JOIN documents d ON d.job_id = s.job_id "
            "AND d.preceding IS NULL AND NOT EXISTS (SELECT FROM documents c WHERE c.preceding = d.number) "
            "GROUP BY s.job_id HAVING count(*) FILTER (WHERE d.kind = 'invoice') "
            "<> CASE WHEN s.invoice_number IS NULL THEN 0 ELSE 1 END "
            "OR bool_or(d.kind = 'invoice' AND d.number <> s.invoice_number) "
            "OR count(*) FILTER (WHERE d.number = s.self_billed_number) "
            "<> CASE WHEN s.self_billed_number IS NULL THEN 0 ELSE 1 END "
            "OR count(*) FILTER (WHERE d.kind = 'self-billed-invoice') > 1 "
            "OR (s.settled_at IS NULL AND count(d.number) > 0)"
        ),
    ),
    (
        "balance of a receivable is not that of its documents",
        text(
            "SELECT account FROM (SELECT account, sum(amount) AS balance FROM postings "
            "WHERE account LIKE 'receivable/%' GROUP BY account) AS b FULL JOIN "
            "(SELECT 'receivable/' || partner_id AS account, sum(gross) AS said FROM documents "
            "WHERE kind LIKE 'invoice%' GROUP BY partner_id) AS d USING (account) "
            "WHERE coalesce(balance, 0) <> coalesce(said, 0)"
        ),
    ),
    (
        # what is open by the live document or his own invoice, less what is kept back of it and what was paid
        "balance of a payable is not that of its documents and payments",
        text(
            "SELECT account FROM (SELECT account, sum(amount) AS balance FROM postings "
            "WHERE account LIKE 'payable/%' GROUP BY account) AS b FULL JOIN "
            "(SELECT 'payable/' || s.contractor_id AS account, "
            "sum(s.paid + coalesce((s.more ->> 'late_building_tax')::numeric, 0) - CASE "
            "WHEN s.more ? 'own_booked' THEN (s.more -> 'own_booked' ->> 'net')::numeric "
            "+ (s.more -> 'own_booked' ->> 'vat')::numeric - (s.more -> 'own_booked' ->> 'withheld')::numeric "
            "ELSE coalesce(d.gross - coalesce((d.data -> 'withheld' ->> 'amount')::numeric, 0), 0) END) AS said "
            "FROM settlements s LEFT JOIN documents d ON d.number = s.self_billed_number "
            "WHERE s.issued_version IS NOT NULL GROUP BY s.contractor_id) AS o USING (account) "
            "WHERE coalesce(balance, 0) <> coalesce(said, 0)"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Balance:
    """What the postings of an account sum to, in euros; debit positive."""

    account: str
    amount: Decimal
    postings: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. `findings` is empty when the books are right."""

    balances: tuple[Balance, ...]
    documents: int
    findings: tuple[str, ...]

    def of(self, kind: str) -> Decimal:
        """The sum over all accounts of this kind: revenue, receivable, …"""
        return sum((one.amount for one in self.balances if one.account.split("/")[0] == kind), Decimal(0))

    @property
    def total(self) -> Decimal:
        """The sum of all accounts: zero, or the books are wrong."""
        return sum((one.amount for one in self.balances), Decimal(0))

    @property
    def margin(self) -> Decimal:
        """What stays with the distributor: clients' net less contractors' net."""
        return -self.of("revenue") - self.of("cost-of-services")


async def audit(db: AsyncConnection) -> Audit:
    """Recompute all balances and look for what must not be. One snapshot: `db` is set to repeatable read."""
    await db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    balances = tuple(Balance(row.account, row.balance, row.postings) for row in await db.execute(_balances))
    findings = [f"{what}: {row[0]}" for what, question in _FINDINGS for row in await db.execute(question)]
    documents, links = 0, dict[str, str]()
    for row in await db.execute(_documents):
        documents += 1
        if fingerprint(canonical(row.data)) != row.sha256:
            findings.append(f"document is not what was issued: {row.number}")
        links[row.number_range] = chained(links.get(row.number_range, ""), row.sha256)
        if links[row.number_range] != row.chain_sha256:
            findings.append(f"the chain of documents is broken: {row.number}")
            links[row.number_range] = row.chain_sha256
    found = Audit(balances, documents, tuple(findings))
    if found.total != 0:
        return Audit(balances, documents, (*findings, f"the ledger does not sum to zero: {found.total}"))
    return found
