"""Settlement of a completed job, once: both documents and their book entries at once, or a named hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.domain import documents, ledger, wording
from billing.domain.documents import FLAT, HOUR, Document, Kind, Roles
from billing.domain.ledger import Entry
from billing.domain.money import VAT_PERCENT
from billing.domain.partners import Partner, Party
from billing.domain.rate_cards import RateCard, Tariff
from chassis.decisions import Decision, Numbered, Outcome, Rejected, Waiting
from contracts.billing_commands_v1 import ResolveHold
from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import Hold, JobSettled, SettlementHeld
from contracts.values import DocumentLine, KindOfWork, Language, OwnReference, RequiredCertification, eur

BERLIN = ZoneInfo("Europe/Berlin")
CALLED_TIMER = "called"
"""Set by the arrival of what a held settlement lacks."""
LOOK_AGAIN_TIMER = "look-again"
"""Set by the settlement itself; a timer of its own, so that neither overwrites the other."""
LOOK_AGAIN_FIRST = timedelta(seconds=2)
"""What it lacks may have arrived, and called, in the moment before its lack was written down."""
LOOK_AGAIN = timedelta(minutes=1)
"""How often it looks after that, called or not."""

_SAID = {
    Hold.missing_rate_card: "The rate card, or its price for this work and zone, is still missing.",
    Hold.missing_partner: "The client's or the contractor's record is still missing.",
    Hold.missing_self_billing_agreement: "The contractor has still not agreed to self-billing.",
    Hold.unknown: "Something is still missing.",
}


@dataclass(frozen=True, slots=True)
class CompletedWork:
    """What was done, by whom and for whom, as approved. Hours in quarters."""

    job_id: UUID
    job_number: str
    client_id: UUID
    contractor_id: UUID
    postcode: str
    kind_of_work: KindOfWork
    certifications: tuple[RequiredCertification, ...]
    statement_version: int
    hours: Decimal
    performed_from: date
    performed_to: date
    travel_zone: int
    rate_card_id: UUID
    rate_card_version: int
    own_reference: OwnReference


@dataclass(frozen=True, slots=True)
class Lack:
    """What a settlement cannot do without: the hold's name, and `<rows>/<id>` of what has to come."""

    hold: Hold
    of: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """One job's settlement. Held while `lack` is there, settled when `settled_at` is.

    issued, booked: what this transaction adds to documents and books; empty when read back.
    """

    work: CompletedWork
    lack: Lack | None = None
    held_since: datetime | None = None
    settled_at: datetime | None = None
    resolution_note: str | None = None
    issued: tuple[Document, ...] = ()
    booked: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all settlements.

    distributor: on one side of every document. hold_after: how late data may be before it is a named hold.
    """

    distributor: Party
    client_payment_days: int
    contractor_payment_days: int
    hold_after: timedelta


@dataclass(frozen=True, slots=True)
class Facts:
    """The reference data of one settlement, as far as it is here."""

    terms: Terms
    card: RateCard | None
    client: Partner | None
    contractor: Partner | None


@dataclass(frozen=True, slots=True)
class _Complete:
    terms: Terms
    tariff: Tariff
    client: Partner
    contractor: Partner


def settle(
    settlement: Settlement | None, work: CompletedWork, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """A job is completed: bill the one, pay the other. What is settled or held already stays as it is."""
    if settlement is not None:
        return Decision(settlement)
    settlement = Settlement(work)
    found = _complete(work, facts, berlin_day(now))
    if isinstance(found, Lack):
        return Waiting(found.of, facts.terms.hold_after, otherwise=_hold(settlement, found, now))
    return _issue(settlement, found, now)


def look_again(settlement: Settlement, facts: Facts, now: datetime) -> Outcome[Settlement]:
    """Something came that a held settlement may have waited for."""
    if settlement.settled_at is not None:
        return Decision(settlement)
    found = _complete(settlement.work, facts, berlin_day(now))
    if isinstance(found, Lack):
        return _hold(settlement, found, now)
    return _issue(settlement, found, now)


def resolve(
    settlement: Settlement | None, command: ResolveHold, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """A clerk has put right what was missing. Refused when there is no hold, or nothing has changed."""
    held = open_hold(settlement)
    found = _complete(held.work, facts, berlin_day(now))
    if isinstance(found, Lack):
        raise Rejected("still-held", _SAID[found.hold], "job_id")
    return _issue(replace(held, resolution_note=command.note), found, now)


def open_hold(settlement: Settlement | None) -> Settlement:
    """The settlement, held. Raises Rejected: unknown-settlement, not-held."""
    if settlement is None:
        raise Rejected("unknown-settlement", "No completed job with this id has come to billing.", "job_id")
    if settlement.lack is None:
        raise Rejected("not-held", "This job is settled; nothing is held.", "job_id")
    return settlement


def berlin_day(now: datetime) -> date:
    """The day in Germany; it decides the year of a document's number."""
    return now.astimezone(BERLIN).date()


def _complete(work: CompletedWork, facts: Facts, today: date) -> _Complete | Lack:
    """All that a settlement needs, or the first thing it lacks."""
    tariff = (
        facts.card.tariff(work.rate_card_version, work.kind_of_work, work.travel_zone) if facts.card else None
    )
    if tariff is None:
        return Lack(Hold.missing_rate_card, f"rate-card/{work.rate_card_id}")
    if facts.client is None:
        return Lack(Hold.missing_partner, f"partner/{work.client_id}")
    if facts.contractor is None:
        return Lack(Hold.missing_partner, f"partner/{work.contractor_id}")
    if not facts.contractor.may_be_self_billed(performed_to=work.performed_to, issued_on=today):
        return Lack(Hold.missing_self_billing_agreement, f"partner/{work.contractor_id}")
    return _Complete(facts.terms, tariff, facts.client, facts.contractor)


def _hold(settlement: Settlement, lack: Lack, now: datetime) -> Decision[Settlement]:
    """Hold it by name, and say so when the name is new."""
    if settlement.lack == lack:
        return Decision(settlement, timers={LOOK_AGAIN_TIMER: now + LOOK_AGAIN})
    timers = {LOOK_AGAIN_TIMER: now + LOOK_AGAIN_FIRST}
    if settlement.lack is not None and settlement.lack.hold is lack.hold:
        return Decision(replace(settlement, lack=lack), timers=timers)
    work = settlement.work
    told = SettlementHeld(job_id=work.job_id, job_number=work.job_number, hold=lack.hold, since=now)
    return Decision(replace(settlement, lack=lack, held_since=now), [told], timers=timers)


def _issue(settlement: Settlement, found: _Complete, now: datetime) -> Numbered[Settlement]:
    """Both legs, with the next number of each range."""
    work, today = settlement.work, berlin_day(now)

    def then(numbers: tuple[int, int]) -> Decision[Settlement]:
        invoice = _invoice(numbers[0], work, found, today)
        self_billed = _self_billed_invoice(numbers[1], work, found, today)
        settled = replace(
            settlement,
            lack=None,
            settled_at=now,
            issued=(invoice, self_billed),
            booked=(
                ledger.sale(invoice.number, today, work.client_id, invoice.net, invoice.vat),
                ledger.purchase(
                    self_billed.number, today, work.contractor_id, self_billed.net, self_billed.vat
                ),
            ),
        )
        events = [_receivable(work, invoice), _payable(work, self_billed), _settled(work, now)]
        return Decision(settled, events, timers={LOOK_AGAIN_TIMER: None, CALLED_TIMER: None})

    ranges = (Kind.invoice.range(today.year), Kind.self_billed_invoice.range(today.year))
    return Numbered(ranges, lambda numbers: then((numbers[0], numbers[1])))


def _invoice(number: int, work: CompletedWork, found: _Complete, today: date) -> Document:
    distributor, tariff = found.terms.distributor, found.tariff
    return documents.issue(
        Kind.invoice,
        number,
        roles=Roles(seller=distributor, buyer=found.client.party, issuer=distributor),
        partner_id=work.client_id,
        work=_work(work),
        lines=_lines(work, found.client.language, tariff.client_per_hour, tariff.client_travel),
        own_reference=work.own_reference,
        language=found.client.language,
        issued_on=today,
        due_on=today + timedelta(days=found.terms.client_payment_days),
    )


def _self_billed_invoice(number: int, work: CompletedWork, found: _Complete, today: date) -> Document:
    """The client's order number and cost centre are none of the contractor's business: left out."""
    distributor, tariff = found.terms.distributor, found.tariff
    return documents.issue(
        Kind.self_billed_invoice,
        number,
        roles=Roles(seller=found.contractor.party, buyer=distributor, issuer=distributor),
        partner_id=work.contractor_id,
        work=_work(work),
        lines=_lines(work, found.contractor.language, tariff.contractor_per_hour, tariff.contractor_travel),
        own_reference=OwnReference(),
        language=found.contractor.language,
        issued_on=today,
        due_on=today + timedelta(days=found.terms.contractor_payment_days),
    )


def _work(work: CompletedWork) -> documents.Work:
    return documents.Work(
        job_id=work.job_id,
        job_number=work.job_number,
        postcode=work.postcode,
        performed_from=work.performed_from,
        performed_to=work.performed_to,
        statement_version=work.statement_version,
        rate_card_id=work.rate_card_id,
        rate_card_version=work.rate_card_version,
    )


def _lines(work: CompletedWork, language: Language, per_hour: Decimal, travel: Decimal) -> list[DocumentLine]:
    done = wording.work_done(
        language,
        work.kind_of_work,
        work.postcode,
        work.performed_from,
        work.performed_to,
        work.certifications,
    )
    return [
        documents.line(done, work.hours, HOUR, per_hour),
        documents.line(wording.travel(language, work.travel_zone), Decimal(1), FLAT, travel),
    ]


def _receivable(work: CompletedWork, invoice: Document) -> InvoiceIssued:
    return InvoiceIssued(
        job_id=work.job_id,
        job_number=work.job_number,
        document_number=invoice.number,
        client_id=work.client_id,
        net=eur(invoice.net),
        vat=eur(invoice.vat),
        gross=eur(invoice.gross),
        vat_rate=VAT_PERCENT,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        own_reference=invoice.own_reference,
        lines=list(invoice.lines),
    )


def _payable(work: CompletedWork, self_billed: Document) -> SelfBilledInvoiceIssued:
    return SelfBilledInvoiceIssued(
        job_id=work.job_id,
        job_number=work.job_number,
        document_number=self_billed.number,
        contractor_id=work.contractor_id,
        net=eur(self_billed.net),
        vat=eur(self_billed.vat),
        gross=eur(self_billed.gross),
        vat_rate=VAT_PERCENT,
        issued_on=self_billed.issued_on,
        due_on=self_billed.due_on,
        own_reference=self_billed.own_reference,
        lines=list(self_billed.lines),
    )


def _settled(work: CompletedWork, now: datetime) -> JobSettled:
    return JobSettled(
        job_id=work.job_id,
        job_number=work.job_number,
        client_id=work.client_id,
        contractor_id=work.contractor_id,
        settled_at=now,
    )
