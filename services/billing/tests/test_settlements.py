"""One completed job: two documents, two entries, or a named hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing_books import NOW, done, facts_of, work_of
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing.domain import accounts
from billing.domain.documents import Line, canonical, fingerprint
from billing.domain.holds import MEANINGS
from billing.domain.issuing import look_again, resolve, settle
from billing.domain.ledger import Entry, Happened, Posting
from billing.domain.money import cents, share
from billing.domain.rate_cards import publish
from billing.domain.settlements import (
    CALLED_TIMER,
    LOOK_AGAIN,
    LOOK_AGAIN_FIRST,
    LOOK_AGAIN_TIMER,
    Facts,
    Settlement,
)
from billing.domain.tax import STANDARD
from billing.domain.work import CompletedWork
from billing.store import PARTNERS, RATE_CARDS, SETTLEMENTS
from billing.translation import partner_from
from chassis.decisions import Decision, Numbered, Rejected, Waiting
from contracts import billing_commands_v1, partner_registry_commands_v1
from contracts.billing_commands_v1 import ResolveHold
from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import Hold, JobSettled, SettlementHeld
from contracts.ids import uuid7
from contracts.values import Leg, eur

_partner = partner_from
_done = done


def _work(story: Any, **fields: Any) -> CompletedWork:
    return work_of(story, **fields)


@pytest.fixture
def facts(story: Any) -> Facts:
    return facts_of(story)


def _held(story: Any, facts: Facts) -> Settlement:
    outcome = settle(None, _work(story), facts, NOW)
    assert isinstance(outcome, Waiting)
    assert isinstance(outcome.otherwise, Decision)
    return outcome.otherwise.state


# -- amounts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "per_hour", "net"),
    [
        ("0.25", "95.00", "23.75"),
        ("0.25", "85.01", "21.25"),  # 21.2525
        ("0.25", "85.02", "21.26"),  # 21.255: half a cent goes up, banker's rounding would too
        ("0.25", "85.10", "21.28"),  # 21.275
        ("0.50", "85.01", "42.51"),  # 42.505: banker's rounding says 42.50
        ("0.75", "85.02", "63.77"),  # 63.765: banker's rounding says 63.76
        ("1.25", "0.02", "0.03"),  # 0.025: banker's rounding says 0.02
        ("3.5", "78.50", "274.75"),
        ("400", "99.99", "39996.00"),
    ],
)
def test_a_line_is_rounded_half_up_to_the_cent(hours: str, per_hour: str, net: str) -> None:
    assert Line("work", "work", Decimal(hours), "HUR", Decimal(per_hour)).net == Decimal(net)


@pytest.mark.parametrize(
    ("net", "vat"),
    [("0.50", "0.10"), ("1.50", "0.29"), ("391.50", "74.39"), ("100.00", "19.00"), ("0.00", "0.00")],
)
def test_vat_is_rounded_half_up_once_per_document(net: str, vat: str) -> None:
    assert share(Decimal(net), STANDARD) == Decimal(vat)


@pytest.mark.parametrize(
    ("zone", "client_net", "contractor_net"), [(1, "361.50", "298.75"), (2, "391.50", "323.75")]
)
def test_travel_is_flat_by_zone(
    story: Any, facts: Facts, zone: int, client_net: str, contractor_net: str
) -> None:
    settled = _done(settle(None, _work(story, travel_zone=zone), facts, NOW)).state
    assert [document.net for document in settled.issued] == [Decimal(client_net), Decimal(contractor_net)]


# -- documents -----------------------------------------------------------------------------------------------


def test_a_completed_job_becomes_both_documents_at_once(story: Any, facts: Facts) -> None:
    decision = _done(settle(None, _work(story), facts, NOW), (7, 9))

    invoice, self_billed, settled = decision.events
    assert isinstance(invoice, InvoiceIssued)
    assert isinstance(self_billed, SelfBilledInvoiceIssued)
    assert isinstance(settled, JobSettled)
    assert (invoice.document_number, self_billed.document_number) == ("RE-2026-000007", "GS-2026-000009")
    assert (invoice.net.amount, invoice.vat.amount, invoice.gross.amount) == (
        Decimal("391.50"),
        Decimal("74.39"),
        Decimal("465.89"),
    )
    assert (invoice.due_on, self_billed.due_on) == (date(2026, 3, 19), date(2026, 4, 4))
    assert decision.state.settled_at == NOW


def test_seller_buyer_and_issuer_are_right_on_each_leg(story: Any, facts: Facts) -> None:
    invoice, self_billed = (
        json.loads(one.text) for one in _done(settle(None, _work(story), facts, NOW)).state.issued
    )
    roles = ("type_code", "seller", "buyer", "issuer")

    def told(document: dict[str, Any]) -> list[str]:
        return [document[role] if role == "type_code" else document[role]["name"] for role in roles]

    assert told(invoice) == ["380", "Distribution AG", "Bürotechnik Huber GmbH", "Distribution AG"]
    assert told(self_billed) == ["389", "Systemhaus Förde KG", "Distribution AG", "Distribution AG"]


def test_the_contractor_does_not_learn_who_the_client_is_or_what_he_pays(story: Any, facts: Facts) -> None:
    invoice, self_billed = _done(settle(None, _work(story), facts, NOW)).state.issued
    assert "Huber" not in self_billed.text
    assert "B-4711" not in self_billed.text
    assert "95.00" not in self_billed.text
    assert "Förde" not in invoice.text
    assert "78.50" not in invoice.text
    assert json.loads(invoice.text)["order_number"] == "B-4711"
    assert json.loads(self_billed.text)["order_number"] is None


def test_a_line_describes_the_work_in_the_partners_language(story: Any, facts: Facts) -> None:
    english = replace(facts, contractor=_partner(story.contractor(language="en")))
    invoice, self_billed = _done(settle(None, _work(story), english, NOW)).state.issued
    assert invoice.lines[0].text == "Installation vor Ort, PLZ 24937, 03.03.2026–04.03.2026, Unify OpenScape"
    assert invoice.lines[1].text == "An- und Abfahrt, Pauschale Zone 2"
    assert (
        self_billed.lines[0].text
        == "Installation on site, postcode 24937, 03 Mar 2026–04 Mar 2026, Unify OpenScape"
    )


def test_what_is_frozen_has_its_fingerprint_whatever_order_the_keys_come_back_in(
    story: Any, facts: Facts
) -> None:
    document = _done(settle(None, _work(story), facts, NOW)).state.issued[0]
    shuffled = dict(reversed(list(json.loads(document.text).items())))
    assert document.sha256 == hashlib.sha256(document.text.encode()).hexdigest()
    assert fingerprint(canonical(shuffled)) == document.sha256
    assert fingerprint(canonical(shuffled | {"net": "391.51"})) != document.sha256


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), 2026),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), 2027),
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), 2027),
    ],
)
def test_the_berlin_day_of_issue_decides_the_range(
    story: Any, facts: Facts, now: datetime, year: int
) -> None:
    outcome = settle(None, _work(story), facts, now)
    assert isinstance(outcome, Numbered)
    assert outcome.ranges == (f"invoice-{year}", f"self-billed-invoice-{year}")
    invoice, self_billed = outcome.then((1, 1)).state.issued
    assert (invoice.number, self_billed.number) == (f"RE-{year}-000001", f"GS-{year}-000001")


# -- once ----------------------------------------------------------------------------------------------------


def test_a_second_completion_changes_nothing(story: Any, facts: Facts) -> None:
    settled = _done(settle(None, _work(story), facts, NOW)).state
    again = settle(settled, _work(story, hours=Decimal(8)), facts, NOW)
    assert again == Decision(settled)
    assert look_again(settled, facts, NOW) == Decision(settled)


# -- holds ---------------------------------------------------------------------------------------------------


def _without(facts: Facts, story: Any, what: str) -> Facts:
    match what:
        case "card":
            return replace(facts, card=None)
        case "client":
            return replace(facts, client=None)
        case "contractor":
            return replace(facts, contractor=None)
        case _:
            return replace(facts, contractor=_partner(story.contractor(self_billing=False)))


@pytest.mark.parametrize(
    ("lacking", "hold", "of"),
    [
        ("card", Hold.missing_rate_card, "rate-card/{0.rate_card_id}"),
        ("client", Hold.missing_partner, "partner/{0.client_id}"),
        ("contractor", Hold.missing_partner, "partner/{0.contractor_id}"),
        ("agreement", Hold.missing_self_billing_agreement, "partner/{0.contractor_id}"),
    ],
)
def test_what_is_missing_is_waited_for_then_a_named_hold_then_settled(
    story: Any, facts: Facts, lacking: str, hold: Hold, of: str
) -> None:
    waiting = settle(None, _work(story), _without(facts, story, lacking), NOW)
    assert isinstance(waiting, Waiting)
    assert (waiting.for_, waiting.patience) == (of.format(story), timedelta(seconds=10))

    assert isinstance(waiting.otherwise, Decision)
    held = waiting.otherwise.state
    (told,) = waiting.otherwise.events
    assert isinstance(told, SettlementHeld)
    assert (told.hold, told.since) == (hold, NOW)
    assert waiting.otherwise.timers == {LOOK_AGAIN_TIMER: NOW + LOOK_AGAIN_FIRST}
    assert held.issued == ()

    still = look_again(held, _without(facts, story, lacking), NOW + timedelta(minutes=1))
    assert isinstance(still, Decision)
    assert (still.state, still.events) == (held, ())

    settled = _done(look_again(held, facts, NOW + timedelta(days=1)))
    assert settled.state.lack is None
    assert len(settled.state.issued) == 2
    assert settled.timers == {LOOK_AGAIN_TIMER: None, CALLED_TIMER: None}


def test_the_rows_a_hold_names_are_those_of_the_store() -> None:
    assert (PARTNERS.name, RATE_CARDS.name, SETTLEMENTS.name) == ("partner", "rate-card", "settlement")


def test_one_hold_after_the_other_is_told_by_name(story: Any, facts: Facts) -> None:
    held = _held(story, replace(facts, card=None))
    next_hold = look_again(held, _without(facts, story, "agreement"), NOW)
    assert isinstance(next_hold, Decision)
    (told,) = next_hold.events
    assert isinstance(told, SettlementHeld)
    assert told.hold is Hold.missing_self_billing_agreement


def test_a_lack_that_has_just_changed_is_looked_at_soon(story: Any, facts: Facts) -> None:
    """The contractor may have arrived, and called for nobody, while the client was still what was missed."""
    held = _held(story, replace(facts, client=None, contractor=None))
    changed = look_again(held, _without(facts, story, "contractor"), NOW)
    assert isinstance(changed, Decision)
    assert changed.events == ()
    assert changed.timers == {LOOK_AGAIN_TIMER: NOW + LOOK_AGAIN_FIRST}
    unchanged = look_again(changed.state, _without(facts, story, "contractor"), NOW)
    assert isinstance(unchanged, Decision)
    assert unchanged.timers == {LOOK_AGAIN_TIMER: NOW + LOOK_AGAIN}


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "agreed"),
    [
        (date(2026, 1, 1), None, True),
        (date(2026, 3, 4), date(2026, 3, 4), True),  # the last day of the work
        (date(2026, 3, 5), None, True),  # signed after the work, before the document
        (date(2026, 3, 6), None, False),
        (date(2025, 1, 1), date(2026, 3, 3), False),
    ],
)
def test_self_billing_must_be_agreed_before_the_document(
    story: Any, facts: Facts, valid_from: date, valid_until: date | None, agreed: bool
) -> None:
    agreement = (
        story.contractor()
        .agreements[0]
        .model_copy(update={"valid_from": valid_from, "valid_until": valid_until})
    )
    contractor = _partner(story.contractor(agreements=[agreement]))
    outcome = settle(None, _work(story), replace(facts, contractor=contractor), NOW)
    assert isinstance(outcome, Numbered) is agreed


def test_every_hold_says_what_it_means_and_names_messages_that_resolve_it() -> None:
    assert set(MEANINGS) == set(Hold)
    for meaning in MEANINGS.values():
        for name in re.findall(r"\bbilling\.(\w+)", meaning.resolved_by):
            assert hasattr(billing_commands_v1, name)
        for name in re.findall(r"\bpartner-registry\.(\w+)", meaning.resolved_by):
            assert hasattr(partner_registry_commands_v1, name)


def test_a_clerk_resolves_a_hold_or_hears_why_not(story: Any, facts: Facts) -> None:
    command = ResolveHold(job_id=story.job_id, note="Vertrag liegt vor")
    lacking = _without(facts, story, "agreement")
    held = _held(story, lacking)

    with pytest.raises(Rejected, match="unknown-settlement"):
        resolve(None, command, facts, NOW)
    with pytest.raises(Rejected, match="still-held"):
        resolve(held, command, lacking, NOW)
    settled = _done(resolve(held, command, facts, NOW)).state
    assert settled.resolution_note == "Vertrag liegt vor"
    with pytest.raises(Rejected, match="not-held"):
        resolve(settled, command, facts, NOW)


# -- books ---------------------------------------------------------------------------------------------------


def test_each_leg_is_booked_to_zero(story: Any, facts: Facts) -> None:
    sale, purchase = _done(settle(None, _work(story), facts, NOW)).state.booked
    assert {posting.account: posting.amount for posting in sale.postings} == {
        f"receivable/{story.client_id}": Decimal("465.89"),
        accounts.REVENUE: Decimal("-391.50"),
        accounts.VAT_OUT: Decimal("-74.39"),
    }
    assert {posting.account: posting.amount for posting in purchase.postings} == {
        accounts.COST_OF_SERVICES: Decimal("323.75"),
        accounts.VAT_IN: Decimal("61.51"),
        f"payable/{story.contractor_id}": Decimal("-385.26"),
    }


def test_an_entry_that_does_not_sum_to_zero_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="does not sum to zero"):
        Entry(
            "RE-1",
            Happened.issued,
            Leg.client,
            uuid7(),
            date(2026, 3, 5),
            (Posting("revenue", Decimal("-1.00")), Posting("vat-out", Decimal("0.99"))),
        )


_euros = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("500.00"), places=2)
_quarters = st.integers(1, 384).map(lambda quarters: Decimal(quarters) / 4)


@hypothesis_settings(max_examples=150, deadline=None)
@hypothesis_given(jobs=st.lists(st.tuples(_quarters, _euros, _euros, _euros, _euros), min_size=1, max_size=5))
def test_whatever_the_prices_the_books_are_zero_and_the_margin_is_the_net_difference(
    new_story: Callable[[], Any], jobs: list[tuple[Decimal, ...]]
) -> None:
    balances: dict[str, Decimal] = {}
    client_net = contractor_net = Decimal(0)
    for number, (hours, *prices) in enumerate(jobs, start=1):
        settled = _settled_at(new_story(), hours, prices, number)
        invoice, self_billed = settled.issued
        client_net, contractor_net = client_net + invoice.net, contractor_net + self_billed.net
        for document in settled.issued:
            assert document.net == sum(one.net.amount for one in document.lines)
            assert abs(document.vat - document.net * Decimal("0.19")) <= Decimal("0.005")
        for entry in settled.booked:
            assert sum(posting.amount for posting in entry.postings) == 0
            for posting in entry.postings:
                assert posting.amount == cents(posting.amount)
                balances[posting.account] = balances.get(posting.account, Decimal(0)) + posting.amount
    assert sum(balances.values()) == 0
    assert -balances["revenue"] - balances["cost-of-services"] == client_net - contractor_net >= 0


def _settled_at(story: Any, hours: Decimal, prices: list[Decimal], number: int) -> Settlement:
    """One job settled at these prices: two for the hour, two for the way, the lower ones the contractor's."""
    command = story.rate_card(1)
    (low, high), (near, far) = sorted(prices[:2]), sorted(prices[2:])
    hour = command.prices[0].model_copy(
        update={"client_per_hour": eur(high), "contractor_per_hour": eur(low)}
    )
    zone = command.zones[0].model_copy(update={"client_flat": eur(far), "contractor_flat": eur(near)})
    card = publish(None, command.model_copy(update={"prices": [hour], "zones": [zone]}), [], NOW).state
    facts = replace(facts_of(story), card=card)
    return _done(settle(None, _work(story, hours=hours, travel_zone=1), facts, NOW), (number, number)).state
