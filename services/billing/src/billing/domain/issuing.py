"""A completed job becomes both documents and their book entries at once; a corrected statement reverses first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from billing.domain import documents, ledger, reversals
from billing.domain.documents import Document, Draft, Kind
from billing.domain.drafting import Drafts, Nothing, draft
from billing.domain.ledger import Entry, Purchase, reverse_charge
from billing.domain.money import ZERO, share
from billing.domain.partners import Partner
from billing.domain.reversals import Frozen
from billing.domain.settlements import (
    CALLED_TIMER,
    LOOK_AGAIN_TIMER,
    MAY_BE_ON_ITS_WAY,
    Facts,
    Lack,
    OwnInvoice,
    Settlement,
    berlin_day,
    hold,
    looked_at,
    still_held,
    tax_decided,
)
from billing.domain.work import CompletedWork, Occasion
from chassis.decisions import Decision, Errand, Numbered, Outcome, Waiting
from contracts.billing_commands_v1 import DecideTax, ResolveHold
from contracts.billing_payables_v1 import (
    OwnInvoiceBooked,
    SelfBilledInvoiceIssued,
    SelfBilledInvoiceReversed,
)
from contracts.billing_receivables_v1 import InvoiceIssued, InvoiceReversed
from contracts.billing_settlements_v1 import Hold, JobSettled, SettlementCorrected
from contracts.values import VatCategory, eur

RENDER: Final = "render"
"""The errand that makes the e-invoices of one decision's documents."""
_AT_REST: Final = {LOOK_AGAIN_TIMER: None, CALLED_TIMER: None}


def settle(
    settlement: Settlement | None, work: CompletedWork, facts: Facts, now: datetime
) -> Outcome[Settlement] | Decision[None]:
    """There is something to bill. What is settled or held already stays as it is: one statement, once."""
    if settlement is not None:
        return Decision(settlement)
    new = Settlement(work)
    found = _next(new, facts, berlin_day(now))
    if isinstance(found, Lack):
        held = hold(new, found, now)
        return Waiting(found.of, facts.terms.hold_after, held) if found.hold in MAY_BE_ON_ITS_WAY else held
    if isinstance(found, Nothing) and work.occasion is Occasion.cancelled:
        return Decision(None)
    return _do(new, found, facts, now)


def correct(
    settlement: Settlement | None, work: CompletedWork, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """The statement was wrong: what was issued is reversed in full, and issued anew. Older ones change nothing."""
    if settlement is None:
        return go(Settlement(work), facts, now)
    if work.statement_version <= settlement.work.statement_version:
        return Decision(settlement)
    return go(replace(settlement, work=work, waived=frozenset(), decided={}), facts, now)


def go(settlement: Settlement, facts: Facts, now: datetime) -> Outcome[Settlement]:
    """Whatever can be done now: issue, correct, book his own invoice; or hold it by name."""
    found = _next(settlement, facts, berlin_day(now))
    return hold(settlement, found, now) if isinstance(found, Lack) else _do(settlement, found, facts, now)


def look_again(settlement: Settlement, facts: Facts, now: datetime) -> Outcome[Settlement]:
    """Something came that a held settlement may have waited for."""
    return Decision(settlement) if settlement.lack is None else go(settlement, facts, now)


def resolve(
    settlement: Settlement | None, command: ResolveHold, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """A clerk has put right what was missing, or has looked at it. Refused when nothing has changed."""
    return _go_or_refuse(looked_at(settlement, command), facts, now)


def decide_tax(
    settlement: Settlement | None, command: DecideTax, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """A clerk decides how one leg is taxed. The other one may still have to be decided: then it stays held."""
    decided = tax_decided(settlement, command)
    return go(decided, facts, now)


def _go_or_refuse(settlement: Settlement, facts: Facts, now: datetime) -> Outcome[Settlement]:
    found = _next(settlement, facts, berlin_day(now))
    if not isinstance(found, Lack):
        return _do(settlement, found, facts, now)
    if settlement.lack == found:
        raise still_held(found)
    return hold(settlement, found, now)


# -- what is to be done --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Both:
    """Both legs, new; `own` in place of the contractor's document. What was live before is taken back first."""

    drafts: Drafts
    own: OwnInvoice | None


@dataclass(frozen=True, slots=True)
class _OwnAfterObjection:
    """The contractor's own invoice in place of the document he objected to."""

    drafts: Drafts
    own: OwnInvoice


class _Done:
    """Nothing is open."""


_DONE: Final = _Done()
_Next = _Both | _OwnAfterObjection | Nothing | _Done


def _next(settlement: Settlement, facts: Facts, today: date) -> _Next | Lack:
    if settlement.up_to_date and not settlement.waits_for_own:
        return _DONE
    drafts = draft(settlement, facts, today)
    if not isinstance(drafts, Drafts):
        return drafts
    if _self_billed(settlement, facts.contractor, today):
        return _Both(drafts, None)
    own = _fitting_own_invoice(settlement, drafts)
    if isinstance(own, Lack):
        return own
    return _OwnAfterObjection(drafts, own) if settlement.up_to_date else _Both(drafts, own)


def _self_billed(settlement: Settlement, contractor: Partner | None, today: date) -> bool:
    """Whether his document is ours to write: agreed, and he has not objected or billed himself."""
    return (
        contractor is not None
        and settlement.objected_on is None
        and settlement.own_invoice is None
        and settlement.own_booked is None
        and contractor.may_be_self_billed(performed_to=settlement.work.performed_to, issued_on=today)
    )


def _fitting_own_invoice(settlement: Settlement, drafts: Drafts) -> OwnInvoice | Lack:
    own = settlement.own_invoice or settlement.own_booked
    of = f"partner/{settlement.work.contractor_id}"
    if own is None:
        return Lack(Hold.objected if settlement.objected_on else Hold.missing_self_billing_agreement, of)
    if fits(own, drafts.contractor) or Hold.own_invoice_differs in settlement.waived:
        return own
    return Lack(Hold.own_invoice_differs, f"settlement/{settlement.work.job_id}")


def fits(own: OwnInvoice, fixed: Draft) -> bool:
    """Whether his own invoice says what the rate card and the tax table say."""
    return (own.net, own.vat, own.category) == (fixed.net, fixed.vat, fixed.tax.treatment.category)


# -- doing it ------------------------------------------------------------------------------------------------


def _do(settlement: Settlement, found: _Next, facts: Facts, now: datetime) -> Outcome[Settlement]:
    match found:
        case _Both():
            return _issue(settlement, found, facts, now)
        case _OwnAfterObjection():
            return _own_after_objection(settlement, found, facts, now)
        case Nothing():
            return _without_documents(settlement, facts, now)
        case _:
            return Decision(replace(settlement, lack=None), timers=_AT_REST)


def _issue(settlement: Settlement, found: _Both, facts: Facts, now: datetime) -> Numbered[Settlement]:
    """Reverse what is live, then both legs, with the next number of each range."""
    today = berlin_day(now)
    reversed_ = _live(settlement, facts)
    drafts: list[Draft] = [found.drafts.client]
    if found.own is None:
        drafts.append(found.drafts.contractor)
    kinds = [*(one.kind.correction for one in reversed_), *(one.kind for one in drafts)]

    def then(numbers: tuple[int, ...]) -> Decision[Settlement]:
        counted = iter(numbers)
        corrections = [reversals.reverse(one, next(counted), today) for one in reversed_]
        issued = [documents.issue(one, next(counted)) for one in drafts]
        return _issued(settlement, found, reversed_, corrections, issued, facts, now)

    return Numbered(tuple(kind.range(today.year) for kind in kinds), lambda numbers: then(tuple(numbers)))


def _live(settlement: Settlement, facts: Facts) -> list[Frozen]:
    """What has to be reversed. A document that he objected to has no effect any more, and is not."""
    numbers = [settlement.invoice_number]
    if settlement.objected_on is None:
        numbers.append(settlement.self_billed_number)
    return [facts.documents[number] for number in numbers if number is not None]


def _issued(
    settlement: Settlement,
    found: _Both,
    reversed_: list[Frozen],
    corrections: list[Document],
    issued: list[Document],
    facts: Facts,
    now: datetime,
) -> Decision[Settlement]:
    work, today = settlement.work, berlin_day(now)
    invoice = issued[0]
    self_billed = issued[1] if len(issued) > 1 else None
    taken_back = list(zip(reversed_, corrections, strict=True))
    entries = [
        *(_booked_correction(old, new) for old, new in taken_back),
        *_withdrawn(settlement, facts, today),
        ledger.sale(invoice.number, work.job_id, today, work.client_id, invoice.net, invoice.vat),
    ]
    own = _with_withheld(found.own, found.drafts.contractor) if found.own else None
    if self_billed is not None:
        entries.append(ledger.purchase(self_billed.number, work.job_id, today, found.drafts.purchase))
    elif own is not None:
        entries.append(_own_entry(settlement, own, None, today))
    first = settlement.issued_version is None
    documents_ = (*corrections, *issued)
    done = replace(
        settlement.adding(issued=documents_, booked=entries),
        lack=None,
        settled_at=settlement.settled_at or now,
        issued_version=work.statement_version,
        invoice_number=invoice.number,
        self_billed_number=self_billed.number if self_billed else None,
        own_invoice=None,
        own_booked=own,
        building_tax=found.drafts.building_tax,
        late_building_tax=ZERO,
    )
    events: list[object] = [
        *(_reversed(work, old, new) for old, new in taken_back),
        _receivable(work, invoice, settlement.invoice_number),
    ]
    if self_billed is not None:
        events.append(_payable(work, self_billed, found.drafts, settlement.self_billed_number))
    elif own is not None:
        events.append(_own_booked(work, own, today))
    events.append(_settled(work, now) if first else _corrected(work, now))
    return Decision(done, events, timers=_AT_REST, errands=[_rendering(documents_)])


def _booked_correction(old: Frozen, new: Document) -> Entry:
    if new.kind is Kind.invoice_correction:
        return ledger.sale(new.number, new.job_id, new.issued_on, new.partner_id, new.net, new.vat)
    return ledger.purchase(new.number, new.job_id, new.issued_on, purchase_in(old).negated())


def purchase_in(frozen: Frozen) -> Purchase:
    """What a self-billed invoice was in the books."""
    (row,) = frozen.data["vat_breakdown"]
    reverse = reverse_charge(VatCategory(row["category"]), frozen.net)
    return Purchase(frozen.partner_id, frozen.net, frozen.vat, reverse, frozen.withheld)


def _withdrawn(settlement: Settlement, facts: Facts, today: date) -> list[Entry]:
    """What a corrected statement takes back in the books without a document of ours, and late building tax."""
    if settlement.issued_version is None:
        return []
    work, entries = settlement.work, []
    source = f"{work.job_id}/{settlement.issued_version}"
    if settlement.own_booked is not None:
        own = _own_purchase(settlement.own_booked, work)
        entries.append(ledger.withdrawn(f"own/{source}", work.job_id, today, own, suspended=False))
    elif settlement.objected_on is not None and settlement.self_billed_number is not None:
        number = settlement.self_billed_number
        old = purchase_in(facts.documents[number])
        entries.append(ledger.withdrawn(number, work.job_id, today, old, suspended=True))
    if settlement.late_building_tax:
        tax = -settlement.late_building_tax
        entries.append(ledger.building_tax(f"{source}/back", work.job_id, today, work.contractor_id, tax))
    return entries


def _own_after_objection(
    settlement: Settlement, found: _OwnAfterObjection, facts: Facts, now: datetime
) -> Decision[Settlement]:
    """His own invoice takes the place of the document he objected to; the payable is free again."""
    today, work = berlin_day(now), settlement.work
    number = settlement.self_billed_number
    before = purchase_in(facts.documents[number]) if number is not None else None
    own = _with_withheld(found.own, found.drafts.contractor)
    entry = _own_entry(settlement, own, before, today)
    done = replace(settlement.adding(booked=[entry]), lack=None, own_invoice=None, own_booked=own)
    return Decision(done, [_own_booked(work, own, today)], timers=_AT_REST)


def _with_withheld(own: OwnInvoice, fixed: Draft) -> OwnInvoice:
    """Building tax is kept back from his own invoice as it would be from ours."""
    if fixed.withheld is None:
        return replace(own, withheld=ZERO)
    base = own.gross + reverse_charge(own.category, own.net)
    return replace(own, withheld=share(base, fixed.withheld.percent))


def _own_entry(settlement: Settlement, own: OwnInvoice, before: Purchase | None, today: date) -> Entry:
    work = settlement.work
    source = f"own/{work.job_id}/{work.statement_version}/{own.number}"
    return ledger.own_invoice(source, work.job_id, today, _own_purchase(own, work), before)


def _own_purchase(own: OwnInvoice, work: CompletedWork) -> Purchase:
    reverse = reverse_charge(own.category, own.net)
    return Purchase(work.contractor_id, own.net, own.vat, reverse, own.withheld)


def _without_documents(settlement: Settlement, facts: Facts, now: datetime) -> Outcome[Settlement]:
    """There is nothing to bill: done, and told where somebody waits for it. A correction to nothing reverses all."""
    work, today = settlement.work, berlin_day(now)
    reversed_ = _live(settlement, facts)
    done = replace(
        settlement,
        lack=None,
        settled_at=settlement.settled_at or now,
        issued_version=work.statement_version,
        invoice_number=None,
        self_billed_number=None,
    )
    told = [] if work.occasion is Occasion.cancelled else [_settled(work, now, without_documents=True)]
    if not reversed_:
        return Decision(done, told, timers=_AT_REST)

    def then(numbers: tuple[int, ...]) -> Decision[Settlement]:
        pairs = [
            (one, reversals.reverse(one, number, today))
            for one, number in zip(reversed_, numbers, strict=True)
        ]
        corrections = [new for _, new in pairs]
        booked = done.adding(issued=corrections, booked=[_booked_correction(old, new) for old, new in pairs])
        told_too = [*(_reversed(work, old, new) for old, new in pairs), _corrected(work, now)]
        return Decision(booked, told_too, timers=_AT_REST, errands=[_rendering(corrections)])

    ranges = tuple(one.kind.correction.range(today.year) for one in reversed_)
    return Numbered(ranges, lambda numbers: then(tuple(numbers)))


def _rendering(issued: Sequence[Document]) -> Errand:
    """The e-invoices are made from what is frozen, later and elsewhere: they never hold up a settlement."""
    return Errand(RENDER, {"documents": [document.number for document in issued]})


# -- what is told --------------------------------------------------------------------------------------------


def _receivable(work: CompletedWork, invoice: Document, replaces: str | None) -> InvoiceIssued:
    return InvoiceIssued(
        job_id=work.job_id,
        job_number=work.job_number,
        document_number=invoice.number,
        client_id=work.client_id,
        net=eur(invoice.net),
        vat=eur(invoice.vat),
        gross=eur(invoice.gross),
        vat_rate=invoice.rate,
        vat_category=invoice.category,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        own_reference=work.own_reference,
        lines=list(invoice.lines),
        statement_version=work.statement_version,
        replaces=replaces,
    )


def _payable(
    work: CompletedWork, self_billed: Document, drafts: Drafts, replaces: str | None
) -> SelfBilledInvoiceIssued:
    draft_ = drafts.contractor
    return SelfBilledInvoiceIssued(
        job_id=work.job_id,
        job_number=work.job_number,
        document_number=self_billed.number,
        contractor_id=work.contractor_id,
        net=eur(self_billed.net),
        vat=eur(self_billed.vat),
        gross=eur(self_billed.gross),
        vat_rate=self_billed.rate,
        vat_category=self_billed.category,
        issued_on=self_billed.issued_on,
        due_on=self_billed.due_on,
        own_reference=draft_.own_reference,
        lines=list(self_billed.lines),
        statement_version=work.statement_version,
        replaces=replaces,
        building_tax=drafts.building_tax,
        withheld=eur(draft_.withheld.amount) if draft_.withheld else None,
    )


def _reversed(work: CompletedWork, old: Frozen, new: Document) -> InvoiceReversed | SelfBilledInvoiceReversed:
    amounts = {"net": eur(old.net), "vat": eur(old.vat), "gross": eur(old.gross)}
    if new.kind is Kind.invoice_correction:
        return InvoiceReversed(
            job_id=work.job_id,
            job_number=work.job_number,
            document_number=new.number,
            reverses=old.number,
            client_id=old.partner_id,
            issued_on=new.issued_on,
            **amounts,
        )
    return SelfBilledInvoiceReversed(
        job_id=work.job_id,
        job_number=work.job_number,
        document_number=new.number,
        reverses=old.number,
        contractor_id=old.partner_id,
        issued_on=new.issued_on,
        **amounts,
    )


def _own_booked(work: CompletedWork, own: OwnInvoice, today: date) -> OwnInvoiceBooked:
    return OwnInvoiceBooked(
        job_id=work.job_id,
        job_number=work.job_number,
        own_number=own.number,
        contractor_id=work.contractor_id,
        net=eur(own.net),
        vat=eur(own.vat),
        gross=eur(own.gross),
        vat_category=own.category,
        issued_on=own.issued_on,
        booked_on=today,
    )


def _settled(work: CompletedWork, now: datetime, *, without_documents: bool = False) -> JobSettled:
    return JobSettled(
        job_id=work.job_id,
        job_number=work.job_number,
        client_id=work.client_id,
        contractor_id=work.contractor_id,
        settled_at=now,
        without_documents=without_documents,
    )


def _corrected(work: CompletedWork, now: datetime) -> SettlementCorrected:
    return SettlementCorrected(
        job_id=work.job_id,
        job_number=work.job_number,
        client_id=work.client_id,
        contractor_id=work.contractor_id,
        statement_version=work.statement_version,
        corrected_at=now,
    )
