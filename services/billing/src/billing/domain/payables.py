"""What the contractor does about his leg: he objects, sends an invoice of his own, is paid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from billing.domain import drafting, issuing, ledger
from billing.domain.money import ZERO, share
from billing.domain.reversals import Frozen
from billing.domain.settlements import (
    Facts,
    Lack,
    OwnInvoice,
    Received,
    Settlement,
    berlin_day,
    hold,
    known,
)
from chassis.decisions import Decision, Outcome, Rejected
from contracts.billing_commands_v1 import (
    DecideOwnInvoice,
    ObjectToSelfBilling,
    RecordOwnInvoice,
    RecordPayout,
)
from contracts.billing_payables_v1 import BuildingTax, PayoutRecorded, SelfBillingObjected
from contracts.billing_settlements_v1 import Hold, SettlementPaid
from contracts.values import VatCategory


def object_to(
    settlement: Settlement | None, command: ObjectToSelfBilling, facts: Facts, now: datetime
) -> Decision[Settlement]:
    """§ 14 (2) sentence 6 UStG: from its receipt on the document has no effect as an invoice.

    The input VAT goes in the period of receipt; what is unpaid is stopped until his own invoice is here.
    """
    of = known(settlement)
    if of.work.contractor_id != command.contractor_id:
        raise Rejected("not-your-document", "This job was somebody else's.", "contractor_id")
    if of.objected_on is not None:
        raise Rejected("already-objected", "You have objected to it already.", "document_number")
    if of.self_billed_number != command.document_number:
        raise Rejected("not-live", "This is not the self-billed invoice that counts.", "document_number")
    today = berlin_day(now)
    frozen = facts.documents[command.document_number]
    entry = ledger.objected(frozen.number, of.work.job_id, today, frozen.vat)
    told = SelfBillingObjected(
        job_id=of.work.job_id,
        job_number=of.work.job_number,
        document_number=frozen.number,
        contractor_id=command.contractor_id,
        received_on=today,
        paid_before=of.paid > 0,
    )
    marked = replace(of.adding(booked=[entry] if entry else []), objected_on=today)
    held = hold(marked, Lack(Hold.objected, f"partner/{of.work.contractor_id}"), now)
    return replace(held, events=[told, *held.events])


def recorded(command: RecordOwnInvoice) -> OwnInvoice:
    """An own invoice as a clerk typed it in. Raises Rejected."""
    return checked(
        OwnInvoice(
            command.own_number,
            command.issued_on,
            command.net.amount,
            command.vat.amount,
            command.vat_category,
        ),
        command.gross.amount,
    )


def checked(own: OwnInvoice, gross: Decimal) -> OwnInvoice:
    """It adds up, and its category is one that can be here. Raises Rejected."""
    if own.gross != gross:
        raise Rejected("sums-wrong", f"{own.net} net and {own.vat} VAT are not {gross}.", "gross")
    if own.category not in (VatCategory.S, VatCategory.AE, VatCategory.E, VatCategory.O):
        raise Rejected("unknown-value", "This VAT category is not known here.", "vat_category")
    if own.category is not VatCategory.S and own.vat != 0:
        raise Rejected("sums-wrong", "There is VAT on an invoice that is without.", "vat")
    return own


def take_own_invoice(
    settlement: Settlement | None,
    own: OwnInvoice,
    facts: Facts,
    now: datetime,
    numbered_so: Collection[str] = (),
    file: bytes | None = None,
) -> Outcome[Settlement]:
    """It fits the fixed amounts and is booked; or it differs, and a clerk looks at it. Raises Rejected.

    numbered_so: jobs for which he has sent an invoice of this number (§ 14 (4) no. 4 UStG: given once).
    file: as it came, if it did; it is kept, may it fit or differ.
    """
    of = known(settlement)
    if any(job_id != str(of.work.job_id) for job_id in numbered_so):
        raise Rejected(
            "number-used", f"He has billed another job under the number {own.number}.", "own_number"
        )
    if of.own_booked is not None and of.up_to_date:
        raise Rejected("already-billed", "His own invoice for this job is booked already.", "job_id")
    if of.up_to_date and of.objected_on is None:
        raise Rejected("self-billed-already", "Our self-billed invoice counts; object to it first.", "job_id")
    if own.issued_on > berlin_day(now):
        raise Rejected("issued-in-future", "An invoice is not of tomorrow.", "issued_on")
    waived = of.waived - {Hold.own_invoice_differs}
    received = [] if file is None else [Received(own.number, file, now)]
    return issuing.go(replace(of.adding(received=received), own_invoice=own, waived=waived), facts, now)


def decide_own_invoice(
    settlement: Settlement | None, command: DecideOwnInvoice, facts: Facts, now: datetime
) -> Outcome[Settlement]:
    """A clerk takes an own invoice that differs, as it is; or sends it back, and another one is waited for."""
    of = known(settlement)
    if of.lack is None or of.lack.hold is not Hold.own_invoice_differs:
        raise Rejected("not-held", "No own invoice of this job waits for a decision.", "job_id")
    if command.accept:
        waived = of.waived | {Hold.own_invoice_differs}
        return issuing.go(replace(of, waived=waived, resolution_note=command.note), facts, now)
    return issuing.go(replace(of, own_invoice=None, resolution_note=command.note), facts, now)


def record_payout(
    settlement: Settlement | None, command: RecordPayout, facts: Facts, now: datetime
) -> Decision[Settlement]:
    """He was paid what is open. Refused while the payable is stopped, and for another amount."""
    of, today = known(settlement), berlin_day(now)
    if command.paid_on > today:
        raise Rejected("paid-in-future", "A payment is recorded when it was made.", "paid_on")
    if of.issued_version is None:
        raise Rejected("not-settled", "There is nothing to pay yet.", "job_id")
    if of.waits_for_own:
        raise Rejected("payable-stopped", "He objected, and his own invoice is not here.", "job_id")
    open_ = owed(of, facts.documents) - of.late_building_tax - of.paid
    if open_ <= 0:
        raise Rejected("nothing-open", "Nothing is open on this job.", "job_id")
    late, building_tax = _late_building_tax(of, facts, open_, command.paid_on)
    due = open_ - late
    if command.amount.amount != due:
        raise Rejected("amount-differs", f"What is open is {due} EUR.", "amount")
    work = of.work
    source = f"payout/{work.job_id}/{of.payouts + 1}"
    entries = [ledger.paid(source, work.job_id, command.paid_on, work.contractor_id, due)]
    if late:
        number = f"{work.job_id}/{work.statement_version}"
        entries.append(ledger.building_tax(number, work.job_id, today, work.contractor_id, late))
    paid = replace(
        of.adding(booked=entries),
        paid=of.paid + due,
        payouts=of.payouts + 1,
        late_building_tax=of.late_building_tax + late,
        building_tax=building_tax,
    )
    told = PayoutRecorded(
        job_id=work.job_id,
        job_number=work.job_number,
        contractor_id=work.contractor_id,
        amount=command.amount,
        paid_on=command.paid_on,
    )
    state = SettlementPaid(
        job_id=work.job_id,
        job_number=work.job_number,
        contractor_id=work.contractor_id,
        paid_on=command.paid_on,
    )
    return Decision(paid, [told, state])


def owed(of: Settlement, documents: Mapping[str, Frozen]) -> Decimal:
    """What the live document, or his own invoice, gives him, less what is withheld on it."""
    if of.own_booked is not None:
        return of.own_booked.gross - of.own_booked.withheld
    if of.self_billed_number is None:
        return ZERO
    frozen = documents[of.self_billed_number]
    return frozen.gross - frozen.withheld


def _late_building_tax(
    of: Settlement, facts: Facts, open_: Decimal, paid_on: date
) -> tuple[Decimal, BuildingTax]:
    """Looked at again on the day of payment, for that is what § 48b (1) EStG asks about; euros kept back of `open_`.

    The kind of work may have been classified since, or an exemption certificate have expired. Raises Rejected.
    """
    if of.building_tax is BuildingTax.withheld or facts.contractor is None:
        return ZERO, of.building_tax
    marked = drafting.building_tax(of.work, facts, facts.contractor, paid_on)
    if marked is BuildingTax.undecided:
        raise Rejected("building-tax-undecided", "Classify this kind of work first (ClassifyWork).", "job_id")
    if marked is not BuildingTax.withheld:
        return ZERO, marked
    base = open_ + ledger.reverse_charge(_category(of, facts.documents), open_)
    return share(base, drafting.BUILDING_TAX_PERCENT), marked


def _category(of: Settlement, documents: Mapping[str, Frozen]) -> VatCategory:
    """How the leg is taxed that is paid."""
    if of.own_booked is not None or of.self_billed_number is None:
        return of.own_booked.category if of.own_booked else VatCategory.S
    (row,) = documents[of.self_billed_number].data["vat_breakdown"]
    return VatCategory(row["category"])
