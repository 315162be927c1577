"""What becomes of a settlement after it was issued: corrections, objections, own invoices, payments."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing_books import NOW, Archive, done, facts_of, work_of
from hypothesis import given
from hypothesis import strategies as st
from own_invoices import own_invoice

from billing.domain import accounts, reversals
from billing.domain.classes import Classified, WorkClass
from billing.domain.issuing import correct, look_again, resolve, settle
from billing.domain.payables import (
    decide_own_invoice,
    object_to,
    record_payout,
    recorded,
    take_own_invoice,
)
from billing.domain.reversals import Frozen
from billing.domain.settlements import Facts, Lack, Settlement
from billing.translation import completed_work, partner_from
from chassis.decisions import Decision, Rejected, Waiting
from contracts.billing_commands_v1 import (
    DecideOwnInvoice,
    ObjectToSelfBilling,
    RecordOwnInvoice,
    RecordPayout,
    ResolveHold,
)
from contracts.billing_payables_v1 import BuildingTax, SelfBilledInvoiceReversed, SelfBillingObjected
from contracts.billing_receivables_v1 import InvoiceReversed
from contracts.billing_settlements_v1 import Hold, SettlementCorrected
from contracts.partner_registry_partners_v1 import BillingFacts
from contracts.values import TaxCertificate, VatCategory, eur

LATER = NOW + timedelta(days=10)


@pytest.fixture
def facts(story: Any) -> Facts:
    return facts_of(story)


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def settled(story: Any, facts: Facts, archive: Archive) -> Settlement:
    state: Settlement = archive.take(settle(None, work_of(story), facts, NOW)).state
    return state


def _corrected(story: Any, of: Settlement, archive: Archive, facts: Facts, **fields: Any) -> Any:
    work = completed_work(story.corrected(**fields))
    return archive.take(correct(of, work, archive.facts(facts), LATER))


def _classified(*, building: bool) -> Classified[WorkClass]:
    one = WorkClass(
        date(2026, 1, 1), building_work=building, repair=False, connected_with_property=None, note=""
    )
    return Classified("installation", (one,))


# -- corrections -----------------------------------------------------------------------------------------------


def test_a_corrected_statement_reverses_both_and_issues_both_anew(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    decision = _corrected(story, settled, archive, facts)
    assert isinstance(decision.events[0], InvoiceReversed)
    assert isinstance(decision.events[1], SelfBilledInvoiceReversed)
    assert isinstance(decision.events[-1], SettlementCorrected)
    assert [one.number for one in archive.documents] == [
        "RE-2026-000001",
        "GS-2026-000001",
        "RK-2026-000001",
        "GK-2026-000001",
        "RE-2026-000002",
        "GS-2026-000002",
    ]
    for original, correction in zip(archive.documents[:2], archive.documents[2:4], strict=True):
        assert (correction.net, correction.vat, correction.gross) == (
            -original.net,
            -original.vat,
            -original.gross,
        )
        assert correction.preceding == original.number
    # three hours: 285.00 + 59.00 and 235.50 + 49.00
    assert archive.balance(accounts.REVENUE) == Decimal("-344.00")
    assert archive.balance(accounts.COST_OF_SERVICES) == Decimal("284.50")


def test_words_and_codes_of_corrections(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    _corrected(story, settled, archive, facts)
    texts = {one.number: json.loads(one.text) for one in archive.documents}
    client, contractor = texts["RK-2026-000001"], texts["GK-2026-000001"]
    assert (client["type_code"], client["title"]) == ("384", "Rechnungskorrektur")
    assert (contractor["type_code"], contractor["title"]) == (
        "389",
        "Korrektur der Gutschrift Nr. GS-2026-000001",
    )
    assert client["preceding"] == {
        "number": "RE-2026-000001",
        "issued_on": "2026-03-05",
        "type_code": "380",
    }
    assert contractor["lines"][0]["quantity"] == "-3.50"
    assert contractor["lines"][0]["unit_price"] == "78.50"
    assert contractor["due_on"] is None
    assert texts["RE-2026-000002"]["replaces"] == "RE-2026-000001"
    for one in archive.documents:
        assert ("gutschrift" in one.text.lower()) is one.kind.self_billed, one.number


def test_a_correction_is_corrected_by_reversing_the_newest_and_an_older_one_changes_nothing(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    second = _corrected(story, settled, archive, facts).state
    third = _corrected(story, second, archive, facts, version=3, hours=Decimal("4.00")).state
    assert (third.invoice_number, third.self_billed_number) == ("RE-2026-000003", "GS-2026-000003")
    assert [one.preceding for one in archive.documents if one.preceding] == [
        *("RE-2026-000001", "GS-2026-000001"),
        *("RE-2026-000002", "GS-2026-000002"),
    ]
    before = len(archive.documents)
    assert _corrected(story, third, archive, facts, version=2).state == third
    assert len(archive.documents) == before


def test_what_is_reversed_stays_reversed(settled: Settlement, archive: Archive) -> None:
    correction = reversals.reverse(Frozen.of(archive.documents[0]), 1, NOW.date())
    with pytest.raises(KeyError):
        reversals.reverse(Frozen.of(correction), 2, NOW.date())


def test_a_held_correction_leaves_what_is_live_until_it_can_be_done(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    held = _corrected(story, settled, archive, facts, hours=Decimal("400.00"))
    assert held.state.lack == Lack(Hold.implausible_hours, f"settlement/{story.job_id}")
    assert held.state.invoice_number == "RE-2026-000001"
    assert len(archive.documents) == 2
    looked = ResolveHold(job_id=story.job_id, note="Zehn Leute, geprüft")
    done = archive.take(resolve(held.state, looked, archive.facts(facts), LATER)).state
    assert done.invoice_number == "RE-2026-000002"


@given(
    hours=st.lists(st.integers(1, 300).map(lambda n: Decimal(n) / 4), min_size=2, max_size=5),
    client=st.decimals("0.01", "300", places=2),
)
def test_reversing_mirrors_cents_whatever_they_were(
    new_story: Any, hours: list[Decimal], client: Decimal
) -> None:
    story, archive = new_story(), Archive()
    facts = facts_of(story, client=str(client), contractor="0.01")
    days = {"performed_from": date(2026, 2, 1), "performed_to": date(2026, 3, 4)}
    state = archive.take(settle(None, work_of(story, hours=hours[0], **days), facts, NOW)).state
    for version, corrected in enumerate(hours[1:], start=2):
        state = _corrected(story, state, archive, facts, version=version, hours=corrected, **days).state
    originals = {one.number: one for one in archive.documents if one.preceding is None}
    for one in archive.documents:
        if one.preceding is not None:
            assert (one.net, one.vat) == (-originals[one.preceding].net, -originals[one.preceding].vat)
    client_net = originals[state.invoice_number or ""].net
    contractor_net = originals[state.self_billed_number or ""].net
    assert archive.balance(accounts.REVENUE) == -client_net
    assert archive.balance(accounts.COST_OF_SERVICES) == contractor_net


# -- objections ------------------------------------------------------------------------------------------------


def _object(story: Any, of: Settlement, archive: Archive, facts: Facts) -> Any:
    command = ObjectToSelfBilling(
        job_id=story.job_id,
        contractor_id=story.contractor_id,
        document_number=of.self_billed_number or "GS-0",
        reason="Stunden fehlen",
    )
    return archive.take(object_to(of, command, archive.facts(facts), LATER))


def test_an_objection_marks_stops_and_takes_the_input_vat_back(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    decision = _object(story, settled, archive, facts)
    event = decision.events[0]
    assert isinstance(event, SelfBillingObjected)
    assert (event.received_on, event.paid_before) == (date(2026, 3, 15), False)
    objected = decision.state
    assert objected.lack == Lack(Hold.objected, f"partner/{story.contractor_id}")
    assert archive.balance(accounts.VAT_IN) == 0
    assert archive.balance(accounts.SUSPENSE) == Decimal("61.51")
    pay = RecordPayout(job_id=story.job_id, amount=eur("385.26"), paid_on=date(2026, 3, 15))
    with pytest.raises(Rejected, match="payable-stopped"):
        record_payout(objected, pay, archive.facts(facts), LATER)
    with pytest.raises(Rejected, match="already-objected"):
        _object(story, objected, archive, facts)

    billed = archive.take(take_own_invoice(objected, own_invoice(), archive.facts(facts), LATER)).state
    assert billed.lack is None
    assert archive.balance(accounts.VAT_IN) == Decimal("61.51")
    assert archive.balance(accounts.SUSPENSE) == 0
    assert len(archive.documents) == 2
    plain = replace(archive.facts(facts), work_class=_classified(building=False))
    paid = archive.take(record_payout(billed, pay, plain, LATER)).state
    assert paid.paid == Decimal("385.26")
    assert archive.balance("payable") == 0


def test_an_objection_after_payment_is_marked_and_the_books_say_so(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    facts = replace(facts, work_class=_classified(building=False))
    pay = RecordPayout(job_id=story.job_id, amount=eur("385.26"), paid_on=date(2026, 3, 15))
    paid = archive.take(record_payout(settled, pay, archive.facts(facts), LATER)).state
    with pytest.raises(Rejected, match="nothing-open"):
        record_payout(paid, pay, archive.facts(facts), LATER)
    decision = _object(story, paid, archive, facts)
    event = decision.events[0]
    assert isinstance(event, SelfBillingObjected)
    assert event.paid_before
    assert archive.balance("payable") == 0
    assert archive.balance(accounts.SUSPENSE) == Decimal("61.51")


def test_only_the_contractor_objects_and_only_to_what_counts(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    stranger = ObjectToSelfBilling(
        job_id=story.job_id,
        contractor_id=story.client_id,
        document_number="GS-2026-000001",
        reason="x",
    )
    with pytest.raises(Rejected, match="not-your-document"):
        object_to(settled, stranger, archive.facts(facts), LATER)
    corrected = _corrected(story, settled, archive, facts).state
    old = stranger.model_copy(update={"contractor_id": story.contractor_id})
    with pytest.raises(Rejected, match="not-live"):
        object_to(corrected, old, archive.facts(facts), LATER)


def test_a_correction_after_an_objection_needs_no_second_reversal_of_his_document(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    objected = _object(story, settled, archive, facts).state
    held = _corrected(story, objected, archive, facts).state
    assert held.lack is not None
    assert held.lack.hold is Hold.objected
    own = own_invoice(net=Decimal("284.50"), vat=Decimal("54.06"))
    done = archive.take(take_own_invoice(held, own, archive.facts(facts), LATER)).state
    assert done.lack is None
    kinds = [one.kind.name for one in archive.documents]
    assert kinds == ["invoice", "self_billed_invoice", "invoice_correction", "invoice"]
    assert archive.balance(accounts.COST_OF_SERVICES) == Decimal("284.50")
    assert archive.balance(accounts.VAT_IN) == Decimal("54.06")
    assert archive.balance(accounts.SUSPENSE) == 0


# -- his own invoice -------------------------------------------------------------------------------------------


def _waiting(story: Any, facts: Facts) -> tuple[Settlement, Facts]:
    without = replace(facts, contractor=partner_from(story.contractor(self_billing=False)))
    outcome = settle(None, work_of(story), without, NOW)
    assert isinstance(outcome, Waiting)
    assert isinstance(outcome.otherwise, Decision)
    return outcome.otherwise.state, without


def test_without_agreement_his_own_invoice_completes_the_settlement(
    story: Any, facts: Facts, archive: Archive
) -> None:
    held, without = _waiting(story, facts)
    done = archive.take(take_own_invoice(held, own_invoice(), without, LATER)).state
    assert [one.kind.name for one in archive.documents] == ["invoice"]
    assert (done.lack, done.own_booked) == (None, own_invoice())
    assert archive.balance(accounts.COST_OF_SERVICES) == Decimal("323.75")
    with pytest.raises(Rejected, match="already-billed"):
        take_own_invoice(done, own_invoice(), without, LATER)


@pytest.mark.parametrize(
    "different",
    [
        {"net": Decimal("423.75"), "vat": Decimal("80.51")},
        {"vat": Decimal("0.00"), "category": VatCategory.E},
        {"vat": Decimal("61.52")},
    ],
)
def test_an_own_invoice_that_differs_is_a_clerks_affair(
    story: Any, facts: Facts, archive: Archive, different: dict[str, Any]
) -> None:
    held, without = _waiting(story, facts)
    differs = archive.take(take_own_invoice(held, own_invoice(**different), without, LATER)).state
    assert differs.lack is not None
    assert differs.lack.hold is Hold.own_invoice_differs
    assert archive.entries == []

    back = DecideOwnInvoice(job_id=story.job_id, accept=False, note="Bitte korrigieren")
    sent_back = archive.take(decide_own_invoice(differs, back, without, LATER)).state
    assert sent_back.lack is not None
    assert sent_back.lack.hold is Hold.missing_self_billing_agreement
    again = archive.take(take_own_invoice(sent_back, own_invoice(number="2026-118"), without, LATER)).state
    assert again.lack is None

    taken = DecideOwnInvoice(job_id=story.job_id, accept=True, note="Kulanz")
    other = Archive()
    as_it_is = other.take(decide_own_invoice(differs, taken, without, LATER)).state
    assert as_it_is.lack is None
    assert other.balance(accounts.COST_OF_SERVICES) == own_invoice(**different).net


def test_a_corrected_statement_needs_a_corrected_own_invoice(
    story: Any, facts: Facts, archive: Archive
) -> None:
    held, without = _waiting(story, facts)
    done = archive.take(take_own_invoice(held, own_invoice(), without, LATER)).state
    corrected = _corrected(story, done, archive, without).state
    assert corrected.lack is not None
    assert corrected.lack.hold is Hold.own_invoice_differs
    own = own_invoice(number="2026-119", net=Decimal("284.50"), vat=Decimal("54.06"))
    final = archive.take(take_own_invoice(corrected, own, archive.facts(without), LATER)).state
    assert final.lack is None
    assert archive.balance(accounts.COST_OF_SERVICES) == Decimal("284.50")
    assert archive.balance("payable") == Decimal("-338.56")


def test_our_document_counts_until_he_objects(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    with pytest.raises(Rejected, match="self-billed-already"):
        take_own_invoice(settled, own_invoice(), archive.facts(facts), LATER)


def test_an_own_invoice_that_does_not_add_up_is_refused(story: Any) -> None:
    command = RecordOwnInvoice(
        job_id=story.job_id,
        own_number="1",
        issued_on=date(2026, 3, 9),
        net=eur("100.00"),
        vat=eur("19.00"),
        gross=eur("118.99"),
        vat_category=VatCategory.S,
    )
    with pytest.raises(Rejected, match="sums-wrong"):
        recorded(command)
    with_tax = command.model_copy(update={"gross": eur("119.00"), "vat_category": VatCategory.E})
    with pytest.raises(Rejected, match="sums-wrong"):
        recorded(with_tax)


# -- building tax that was not decided at issue ----------------------------------------------------------------


def test_an_unclassified_payable_is_not_paid_out_and_then_less_the_tax(
    story: Any, facts: Facts, archive: Archive, settled: Settlement
) -> None:
    pay = RecordPayout(job_id=story.job_id, amount=eur("385.26"), paid_on=date(2026, 3, 15))
    with pytest.raises(Rejected, match="building-tax-undecided"):
        record_payout(settled, pay, archive.facts(facts), LATER)
    building = _classified(building=True)
    known = replace(archive.facts(facts), work_class=building)
    with pytest.raises(Rejected, match=r"327\.47"):
        record_payout(settled, pay, known, LATER)
    less = pay.model_copy(update={"amount": eur("327.47")})
    paid = archive.take(record_payout(settled, less, known, LATER)).state
    assert archive.balance("payable") == 0
    assert archive.balance(accounts.WITHHELD_BUILDING_TAX) == Decimal("-57.79")
    _corrected(story, paid, archive, replace(facts, work_class=building), hours=Decimal("3.50"), version=2)
    # the same amounts again, now with the tax on the document: nothing is open
    assert archive.balance("payable") == 0
    assert archive.balance(accounts.WITHHELD_BUILDING_TAX) == Decimal("-57.79")


def test_what_was_settled_and_what_waits_is_left_alone_by_a_look(settled: Settlement, facts: Facts) -> None:
    assert look_again(settled, facts, LATER) == Decision(settled)


@pytest.mark.parametrize(("paid_on", "kept"), [(date(2026, 3, 20), "0.00"), (date(2026, 3, 21), "57.79")])
def test_an_exemption_that_expired_before_the_payment_does_not_count(
    story: Any, paid_on: date, kept: str
) -> None:
    """§ 48b EStG: it has to hold on the day of payment, whatever it was on the day of the document."""
    shown = TaxCertificate(number="4711", valid_from=date(2026, 1, 1), valid_until=date(2026, 3, 20))
    contractor = partner_from(story.contractor(billing=BillingFacts(building_tax_exemptions=[shown])))
    facts = replace(facts_of(story), contractor=contractor, work_class=_classified(building=True))
    archive = Archive()
    of = archive.take(settle(None, work_of(story), facts, NOW)).state
    assert of.building_tax is BuildingTax.exempt
    later = datetime(2026, 3, 25, 9, tzinfo=UTC)
    due = Decimal("385.26") - Decimal(kept)
    if kept != "0.00":
        command = RecordPayout(job_id=story.job_id, amount=eur("385.26"), paid_on=paid_on)
        with pytest.raises(Rejected, match=f"What is open is {due}"):
            record_payout(of, command, archive.facts(facts), later)
    command = RecordPayout(job_id=story.job_id, amount=eur(due), paid_on=paid_on)
    paid = archive.take(record_payout(of, command, archive.facts(facts), later)).state
    assert paid.late_building_tax == Decimal(kept)
    assert archive.balance(accounts.WITHHELD_BUILDING_TAX) == -Decimal(kept)
    assert archive.balance("payable") == 0


def test_one_number_of_his_is_for_one_job(story: Any) -> None:
    waiting, facts = _waiting(story, facts_of(story))
    other = str(story.another_job().job_id)
    with pytest.raises(Rejected, match="number-used"):
        take_own_invoice(waiting, own_invoice(), facts, NOW + timedelta(days=7), [other])
    again = take_own_invoice(waiting, own_invoice(), facts, NOW + timedelta(days=7), [str(story.job_id)])
    assert done(again).state.own_booked is not None
