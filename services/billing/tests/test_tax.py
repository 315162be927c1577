"""The tax decision table, row by row: what it says, from which day, and what it leaves to a clerk."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_books import NOW, TERMS, done, facts_of, work_of
from hypothesis import given
from hypothesis import strategies as st

from billing.domain import accounts, tax
from billing.domain.classes import Classified, FeeClass, WorkClass, classify_work
from billing.domain.drafting import Drafts, draft
from billing.domain.issuing import decide_tax, go, settle
from billing.domain.partners import Period, well_formed
from billing.domain.settlements import Facts, Lack, Settlement
from billing.domain.tax import Case, Decided, Region, Supply
from billing.translation import partner_from
from chassis.decisions import Decision, Rejected
from contracts.billing_commands_v1 import ClassifyWork, DecideTax, FeeNature, TaxTreatment
from contracts.billing_settlements_v1 import Hold
from contracts.ids import uuid7
from contracts.partner_registry_partners_v1 import BillingFacts
from contracts.values import KindOfWork, Leg, PostalAddress, TaxCertificate, Term, VatCategory

DAY = date(2026, 3, 4)
TODAY = date(2026, 3, 5)
YEARS = TaxCertificate(number="4711", valid_from=date(2026, 1, 1), valid_until=date(2028, 12, 31))
VIENNA = PostalAddress(street="Ring 1", postcode="1010", city="Wien", country="AT")
ZURICH = PostalAddress(street="Bahnhofstrasse 1", postcode="8001", city="Zürich", country="CH")
PLAIN = Case(
    supplier=Region.domestic,
    recipient=Region.domestic,
    supply=Supply.work,
    supplier_vat_id=True,
    recipient_vat_id=True,
    small_business=False,
    building_work=False,
    small_repair=False,
    recipient_certified=False,
    property_connected=None,
)
CERTIFIED = {"recipient_certified": True}
HERE, EU, CH = Region.domestic, Region.eu, Region.switzerland


@pytest.mark.parametrize(
    ("facts", "rule", "outcome"),
    [
        ({}, "domestic-standard", VatCategory.S),
        ({"building_work": True}, "domestic-standard", VatCategory.S),
        ({"building_work": None}, "domestic-standard", VatCategory.S),
        ({"building_work": True, **CERTIFIED}, "building-work", VatCategory.AE),
        ({"building_work": False, **CERTIFIED}, "domestic-standard", VatCategory.S),
        ({"building_work": None, **CERTIFIED}, None, Hold.work_not_classified),
        (
            {"building_work": True, "small_repair": True, **CERTIFIED},
            "building-work-small-repair",
            VatCategory.S,
        ),
        ({"small_business": True}, "small-business", VatCategory.E),
        # § 13b (5) does not reach a small business' supplies: § 19 comes first
        ({"small_business": True, "building_work": True, **CERTIFIED}, "small-business", VatCategory.E),
        ({"supplier": EU}, "supplier-eu", VatCategory.AE),
        ({"supplier": EU, "supplier_vat_id": False}, None, Hold.missing_party_data),
        ({"supplier": EU, "small_business": True}, None, Hold.tax_undecided),
        ({"supplier": CH, "supplier_vat_id": False}, "supplier-switzerland", VatCategory.AE),
        ({"supplier": Region.elsewhere}, None, Hold.tax_undecided),
        ({"recipient": EU}, None, Hold.work_not_classified),
        ({"recipient": EU, "property_connected": True}, "recipient-abroad-property-here", VatCategory.S),
        ({"recipient": EU, "property_connected": False}, "recipient-eu", VatCategory.AE),
        (
            {"recipient": EU, "property_connected": False, "recipient_vat_id": False},
            None,
            Hold.missing_party_data,
        ),
        ({"recipient": EU, "building_work": True, **CERTIFIED}, "building-work", VatCategory.AE),
        ({"recipient": CH, "property_connected": False}, "recipient-switzerland", VatCategory.O),
        ({"recipient": Region.elsewhere}, None, Hold.tax_undecided),
        ({"supply": Supply.fee_unclassified}, None, Hold.fee_not_classified),
        ({"supply": Supply.fee_remuneration}, "domestic-standard", VatCategory.S),
        ({"supply": Supply.fee_damages}, "fee-damages", VatCategory.O),
    ],
)
def test_each_row_says_what_it_should(facts: dict[str, Any], rule: str | None, outcome: Any) -> None:
    found = tax.decide(replace(PLAIN, **facts), DAY)
    if rule is None:
        assert found is outcome
    else:
        assert isinstance(found, Decided)
        assert (found.rule, found.treatment.category) == (rule, outcome)


def test_every_row_names_its_source_and_is_reached_by_some_case() -> None:
    assert len({row.name for row in tax.TABLE}) == len(tax.TABLE)
    for row in tax.TABLE:
        assert "§" in row.source or "UStAE" in row.source, row.name
    reached = set()
    for case in _all_cases():
        for day in (date(2024, 6, 1), DAY):
            first = next((row.name for row in tax.TABLE if row.decides(case, day)), None)
            reached.add(first)
    assert {row.name for row in tax.TABLE} <= reached


def _all_cases() -> list[Case]:
    from itertools import product

    flags = (True, False)
    return [
        Case(*chosen)
        for chosen in product(
            Region,
            Region,
            Supply,
            flags,
            flags,
            flags,
            (True, False, None),
            flags,
            flags,
            (True, False, None),
        )
    ]


_cases = st.builds(
    Case,
    supplier=st.sampled_from(Region),
    recipient=st.sampled_from(Region),
    supply=st.sampled_from(Supply),
    supplier_vat_id=st.booleans(),
    recipient_vat_id=st.booleans(),
    small_business=st.booleans(),
    building_work=st.none() | st.booleans(),
    small_repair=st.booleans(),
    recipient_certified=st.booleans(),
    property_connected=st.none() | st.booleans(),
)


@given(case=_cases, day=st.dates(date(2019, 1, 1), date(2035, 1, 1)))
def test_whatever_the_case_it_is_decided_or_held_and_never_reversed_without_reason(
    case: Case, day: date
) -> None:
    found = tax.decide(case, day)
    if isinstance(found, Hold):
        assert found is not Hold.unknown
        return
    category = found.treatment.category
    assert day >= date(2021, 1, 1)
    assert (category is VatCategory.S) is (found.treatment.rate == tax.STANDARD)
    assert bool(found.treatment.reason) is (category is not VatCategory.S)
    if category is VatCategory.AE and case.supplier is HERE and case.recipient is HERE:
        assert case.recipient_certified
        assert case.building_work is True
        assert not case.small_repair
        assert not case.small_business


def test_a_day_that_no_row_covers_is_left_to_a_clerk() -> None:
    assert tax.decide(PLAIN, date(2020, 8, 1)) is Hold.tax_undecided  # 16 %, and long over
    assert isinstance(tax.decide(PLAIN, date(2021, 1, 1)), Decided)


@pytest.mark.parametrize(
    ("vat_id", "country", "formed"),
    [
        ("DE123456789", "DE", True),
        ("DE12345678", "DE", False),
        ("DE1", "DE", False),
        ("ATU12345678", "DE", False),
        ("ATU13585627", "AT", True),
        ("ATU13585628", "AT", False),
        ("CHE123456789", "CH", True),
        ("CHE12345678", "CH", False),
        (None, "DE", False),
        ("EL094259216", "GR", True),
        ("US123", "US", False),
    ],
)
def test_a_vat_id_has_its_countrys_form_or_counts_as_none(
    vat_id: str | None, country: str, formed: bool
) -> None:
    assert (well_formed(vat_id, country) is not None) is formed


# -- both legs of a job ----------------------------------------------------------------------------------------


def _class(building_work: bool, *, repair: bool = False, property_: bool | None = None) -> Any:
    one = WorkClass(date(2026, 1, 1), building_work, repair, property_, "")
    return Classified("installation", (one,))


def _drafts(story: Any, facts: Facts, **work: Any) -> Drafts | Lack:
    found = draft(Settlement(work_of(story, **work)), facts, TODAY)
    assert isinstance(found, Drafts | Lack)
    return found


def _categories(drafts: Drafts | Lack) -> tuple[VatCategory, VatCategory]:
    assert isinstance(drafts, Drafts), drafts
    return drafts.client.tax.treatment.category, drafts.contractor.tax.treatment.category


def _certified_client(story: Any, **facts: Any) -> Any:
    return partner_from(story.client(billing=BillingFacts(building_work_certificates=[YEARS]), **facts))


def test_legs_differ_where_their_recipients_do(story: Any) -> None:
    facts = replace(facts_of(story), client=_certified_client(story), work_class=_class(building_work=True))
    assert _categories(_drafts(story, facts)) == (VatCategory.AE, VatCategory.S)

    ours = replace(TERMS, certificates=(Period(date(2026, 1, 1), date(2028, 12, 31)),))
    assert _categories(_drafts(story, replace(facts, terms=ours))) == (VatCategory.AE, VatCategory.AE)
    plain = replace(facts_of(story), terms=ours, work_class=_class(building_work=True))
    assert _categories(_drafts(story, plain)) == (VatCategory.S, VatCategory.AE)


@pytest.mark.parametrize(
    ("last_day", "category"), [(date(2026, 3, 4), VatCategory.AE), (date(2026, 3, 3), VatCategory.S)]
)
def test_a_certificate_that_expired_before_the_day_of_performance_does_not_count(
    story: Any, last_day: date, category: VatCategory
) -> None:
    shown = TaxCertificate(number="4711", valid_from=date(2023, 1, 1), valid_until=last_day)
    client = partner_from(story.client(billing=BillingFacts(building_work_certificates=[shown])))
    facts = replace(facts_of(story), client=client, work_class=_class(building_work=True))
    assert _categories(_drafts(story, facts))[0] is category


@pytest.mark.parametrize(
    ("hours", "category"),
    [("4.50", VatCategory.S), ("4.75", VatCategory.AE)],  # 486.50 and 510.25 net
)
def test_repairs_up_to_500_euros_net_stay_with_the_supplier(
    story: Any, hours: str, category: VatCategory
) -> None:
    facts = replace(
        facts_of(story), client=_certified_client(story), work_class=_class(building_work=True, repair=True)
    )
    assert _categories(_drafts(story, facts, hours=Decimal(hours)))[0] is category


def test_a_kind_of_work_that_nobody_classified_is_held_where_it_matters_and_completes_by_itself(
    story: Any,
) -> None:
    facts = replace(facts_of(story), client=_certified_client(story))
    held = settle(None, work_of(story), facts, NOW)
    assert isinstance(held, Decision)
    assert held.state is not None
    assert held.state.lack == Lack(Hold.work_not_classified, "work-class/installation")
    classified = classify_work(
        None,
        ClassifyWork(
            kind_of_work=KindOfWork.installation,
            valid_from=date(2026, 1, 1),
            building_work=True,
            note="UStAE 13b.2",
        ),
        [],
    ).state
    settled = done(go(held.state, replace(facts, work_class=classified), NOW)).state
    assert settled.issued[0].category is VatCategory.AE


def test_a_classification_counts_from_its_day_and_the_last_one_made_for_a_day_wins() -> None:
    def say(known: Any, valid_from: date, *, building: bool) -> Any:
        command = ClassifyWork(
            kind_of_work=KindOfWork.service, valid_from=valid_from, building_work=building, note="x"
        )
        return classify_work(known, command, []).state

    known = say(None, date(2026, 2, 1), building=True)
    known = say(known, date(2026, 1, 1), building=False)
    known = say(known, date(2026, 2, 1), building=False)
    assert known.on(date(2025, 12, 31)) is None
    assert known.on(date(2026, 1, 15)).building_work is False
    assert known.on(date(2026, 2, 1)).building_work is False
    with pytest.raises(Rejected, match="unknown-value"):
        classify_work(
            None,
            ClassifyWork(kind_of_work=KindOfWork.unknown, valid_from=DAY, building_work=True, note="x"),
            [],
        )


def test_a_small_business_has_no_vat_by_its_own_word_on_that_day(story: Any) -> None:
    declared = BillingFacts(small_business=[Term(valid_from=date(2026, 1, 1), valid_until=date(2026, 3, 4))])
    contractor = partner_from(story.contractor(billing=declared, vat_id=None, tax_number="15/123/45678"))
    facts = replace(facts_of(story), contractor=contractor)
    assert _categories(_drafts(story, facts)) == (VatCategory.S, VatCategory.E)
    later = _drafts(story, facts, performed_to=date(2026, 3, 5))
    assert _categories(later) == (VatCategory.S, VatCategory.S)
    self_billed = json.loads(done(settle(None, work_of(story), facts, NOW)).state.issued[1].text)
    assert self_billed["vat"] == "0.00"
    assert self_billed["vat_breakdown"][0]["exemption_text"] == (
        "Steuerbefreiung für Kleinunternehmer (§ 19 UStG)"
    )
    assert {"subject": "AAI", "text": self_billed["vat_breakdown"][0]["exemption_text"]} in self_billed[
        "notes"
    ]


def test_a_contractor_abroad_is_reverse_charged_and_we_book_the_tax_on_both_sides(story: Any) -> None:
    abroad = BillingFacts(company_address=VIENNA)
    contractor = partner_from(story.contractor(billing=abroad, vat_id="ATU13585627"))
    facts = replace(facts_of(story), contractor=contractor)
    state = done(settle(None, work_of(story), facts, NOW)).state
    assert state.issued[1].category is VatCategory.AE
    booked = {one.account: one.amount for one in state.booked[1].postings}
    assert booked[accounts.VAT_IN_REVERSE] == -booked[accounts.VAT_OUT_REVERSE] == Decimal("61.51")
    assert booked[accounts.payable(story.contractor_id)] == Decimal("-323.75")

    unnamed = partner_from(story.contractor(billing=abroad, vat_id="ATU13585628"))
    found = _drafts(story, replace(facts, contractor=unnamed))
    assert found == Lack(Hold.missing_party_data, f"partner/{story.contractor_id}")


def test_a_recipient_who_owes_the_tax_is_named_by_his_number_or_it_is_held(story: Any) -> None:
    """BR-AE-02 to 04: his VAT id, or his register number."""
    facts = replace(facts_of(story), work_class=_class(building_work=True))
    client = _certified_client(story, vat_id=None, tax_number="143/123/45678")
    unnamed = _drafts(story, replace(facts, client=client))
    assert unnamed == Lack(Hold.missing_party_data, f"partner/{story.client_id}")
    registered = replace(client, party=replace(client.party, registration="HRB 1 (München)"))
    assert _categories(_drafts(story, replace(facts, client=registered)))[0] is VatCategory.AE


# -- accounts --------------------------------------------------------------------------------------------------

_TREATED = [(row.name, row.then) for row in tax.TABLE if isinstance(row.then, tax.Treatment)] + [
    (decided.rule, decided.treatment)
    for decided in map(tax.decided_by_clerk, tax.BY_CLERK)
    if decided is not None
]
_ONLY_HE_SELLS = ("small-business", "supplier-", "by-clerk-small_business")
_ONLY_WE_SELL = ("recipient-",)
_AT_19_PERCENT = {accounts.REVENUE: 8400, accounts.COST_OF_SERVICES: 3106}


@pytest.mark.parametrize(("rule", "treatment"), _TREATED, ids=[rule for rule, _ in _TREATED])
def test_every_account_has_its_place_in_skr03_whatever_the_tax(rule: str, treatment: tax.Treatment) -> None:
    """Automatic accounts reckon 19 % by themselves: what is taxed otherwise must not stand there."""
    for account in (*accounts.OWN, accounts.receivable(uuid7()), accounts.payable(uuid7())):
        assert 1000 <= accounts.skr03(account, rule).number <= 9999
    for account, at_19_percent in _AT_19_PERCENT.items():
        never = _ONLY_HE_SELLS if account == accounts.REVENUE else _ONLY_WE_SELL
        if not rule.startswith(never):
            there = accounts.skr03(account, rule).number == at_19_percent
            assert there is (treatment.category is VatCategory.S), account
    with pytest.raises(KeyError):
        accounts.skr03("petty-cash", rule)


def test_what_is_kept_back_for_the_tax_office_has_its_own_account() -> None:
    assert accounts.skr03(accounts.WITHHELD_BUILDING_TAX, "domestic-standard").number == 1749
    assert accounts.skr03(accounts.COST_OF_SERVICES, "fee-damages").number == 3109


def test_a_document_outside_the_scope_names_no_vat_id(story: Any) -> None:
    client = partner_from(story.client(billing=BillingFacts(company_address=ZURICH), vat_id="CHE123456789"))
    facts = replace(facts_of(story), client=client, work_class=_class(building_work=False, property_=False))
    invoice = json.loads(done(settle(None, work_of(story), facts, NOW)).state.issued[0].text)
    assert invoice["vat_breakdown"][0]["category"] == "O"
    assert invoice["lines"][0]["vat_rate"] is None
    assert [invoice[role]["vat_id"] for role in ("seller", "buyer", "issuer")] == [None, None, None]
    assert invoice["buyer"]["country"] == "CH"


def test_what_the_table_leaves_open_a_clerk_decides_leg_by_leg(story: Any) -> None:
    tokyo = PostalAddress(street="Ginza 1", postcode="104-0061", city="Tokyo", country="JP")
    client = partner_from(story.client(billing=BillingFacts(company_address=tokyo)))
    facts = replace(facts_of(story), client=client)
    held = settle(None, work_of(story), facts, NOW)
    assert isinstance(held, Decision)
    assert held.state is not None
    assert held.state.lack == Lack(Hold.tax_undecided, f"settlement/{story.job_id}")
    command = DecideTax(
        job_id=story.job_id, leg=Leg.client, treatment=TaxTreatment.outside_scope, note="Auskunft"
    )
    state = done(decide_tax(held.state, command, facts, NOW)).state
    assert state.issued[0].category is VatCategory.O
    assert json.loads(state.issued[0].text)["tax"]["rule"] == "by-clerk-outside_scope"
    with pytest.raises(Rejected, match="not-held"):
        decide_tax(state, command, facts, NOW)


# -- fees ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nature", "category"),
    [(FeeNature.remuneration, VatCategory.S), (FeeNature.damages, VatCategory.O)],
)
def test_a_fee_is_held_until_a_clerk_says_what_it_is(
    story: Any, nature: FeeNature, category: VatCategory
) -> None:
    from contracts.values import Fee, FeeKind, eur

    fee = Fee(kind=FeeKind.nobody_there, client_flat=eur("75.00"), contractor_flat=eur("60.00"))
    facts = facts_of(story, fees=[fee])
    assert _drafts(story, facts, nobody_there=True) == Lack(Hold.fee_not_classified, "fee-class/nobody_there")
    classified = Classified("nobody_there", (FeeClass(date(2026, 1, 1), nature, ""),))
    drafts = _drafts(story, replace(facts, fee_class=classified), nobody_there=True)
    assert _categories(drafts) == (category, category)
    assert isinstance(drafts, Drafts)
    assert [line.code for line in drafts.client.lines] == ["fee-nobody_there", "travel"]


# -- building withholding tax ----------------------------------------------------------------------------------


def test_building_tax_is_kept_back_from_who_has_no_exemption(story: Any) -> None:
    facts = replace(facts_of(story), work_class=_class(building_work=True))
    state = done(settle(None, work_of(story), facts, NOW)).state
    document = json.loads(state.issued[1].text)
    assert document["withheld"] == {
        "law": "§ 48 EStG",
        "percent": "15.00",
        "base": "385.26",
        "amount": "57.79",
    }
    assert document["totals"]["payable"] == "385.26"
    booked = {one.account: one.amount for one in state.booked[1].postings}
    assert booked[accounts.WITHHELD_BUILDING_TAX] == Decimal("-57.79")
    assert booked[accounts.payable(story.contractor_id)] == Decimal("-327.47")

    exempt = partner_from(story.contractor(billing=BillingFacts(building_tax_exemptions=[YEARS])))
    free = done(settle(None, work_of(story), replace(facts, contractor=exempt), NOW)).state
    assert json.loads(free.issued[1].text)["withheld"] is None
    assert free.building_tax.value == "exempt"


def test_without_a_classification_the_payable_is_marked_and_the_document_is_not_touched(story: Any) -> None:
    state = done(settle(None, work_of(story), facts_of(story), NOW)).state
    assert state.building_tax.value == "undecided"
    assert json.loads(state.issued[1].text)["withheld"] is None
