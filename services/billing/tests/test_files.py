"""What billing issues becomes e-invoices that pass the checks of form, cents and words. No database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from billing_books import DISTRIBUTOR, NOW, TERMS, done, facts_of, work_of

from billing.domain.classes import Classified, FeeClass, WorkClass
from billing.domain.documents import Document
from billing.domain.drafting import draft
from billing.domain.issuing import RENDER, settle
from billing.domain.partners import Period
from billing.domain.reversals import Frozen, reverse
from billing.domain.settlements import Facts, Lack, Settlement
from billing.einvoice import files
from billing.einvoice.profiles import Format
from billing.einvoice.reading import read
from billing.translation import partner_from
from contracts.billing_commands_v1 import FeeNature
from contracts.billing_settlements_v1 import Hold
from contracts.partner_registry_partners_v1 import BillingFacts
from contracts.values import Fee, FeeKind, OwnReference, PostalAddress, TaxCertificate, Term, eur

LATER = date(2026, 3, 20)
BEGUN = date(2026, 1, 1)
ENDS = date(2028, 12, 31)
ZURICH = PostalAddress(street="Bahnhofstrasse 1", postcode="8001", city="Zürich", country="CH")


def _documents(story: Any, facts: Facts | None = None, **work: Any) -> Iterator[Document]:
    """Both legs of a job, and the reversal of each."""
    decision = done(settle(None, work_of(story, **work), facts or facts_of(story), NOW))
    assert decision.state is not None
    for document in decision.state.issued:
        yield document
        yield reverse(Frozen.of(document), 1, LATER)


@pytest.mark.parametrize("hours", ["3.50", "0.25", "7.75", "11.25"])
def test_both_legs_and_their_reversals_become_all_formats(story: Any, hours: str) -> None:
    codes = []
    for document in _documents(story, hours=Decimal(hours)):
        made = files.make(json.loads(document.text))
        assert [file.format for file in made] == list(Format)
        said = read(next(file.content for file in made if file.format is Format.xrechnung_ubl))
        assert said.totals["payable"] == document.gross
        codes.append(said.type_code)
    assert codes == ["380", "384", "389", "389"]


def _damages(story: Any) -> Facts:
    fee = Fee(kind=FeeKind.nobody_there, client_flat=eur("75.00"), contractor_flat=eur("60.00"))
    damages = Classified("nobody_there", (FeeClass(BEGUN, FeeNature.damages, ""),))
    return replace(facts_of(story, fees=[fee]), fee_class=damages)


def _reverse_charge(story: Any) -> Facts:
    shown = TaxCertificate(number="4711", valid_from=BEGUN, valid_until=ENDS)
    client = partner_from(story.client(billing=BillingFacts(building_work_certificates=[shown])))
    terms = replace(TERMS, certificates=(Period(BEGUN, ENDS),))
    return replace(facts_of(story), terms=terms, client=client, work_class=_class(building_work=True))


def _small_business(story: Any) -> Facts:
    declared = BillingFacts(small_business=[Term(valid_from=BEGUN)])
    contractor = story.contractor(billing=declared, vat_id=None, tax_number="15/123/45678")
    return replace(facts_of(story), contractor=partner_from(contractor))


def _swiss_client(story: Any) -> Facts:
    client = partner_from(story.client(billing=BillingFacts(company_address=ZURICH), vat_id="CHE123456789"))
    return replace(facts_of(story), client=client, work_class=_class(building_work=False))


def _class(*, building_work: bool) -> Classified[WorkClass]:
    one = WorkClass(BEGUN, building_work, repair=False, connected_with_property=False, note="")
    return Classified("installation", (one,))


@pytest.mark.parametrize(
    ("case", "categories"),
    [
        (_damages, ("O", "O")),
        (_reverse_charge, ("AE", "AE")),
        (_small_business, ("S", "E")),
        (_swiss_client, ("O", "S")),
    ],
)
def test_whatever_is_issued_gets_its_files_however_it_is_taxed(
    story: Any, case: Any, categories: tuple[str, str]
) -> None:
    found = []
    for document in _documents(story, case(story), nobody_there=case is _damages):
        xml = {file.format: file.content for file in files.make(json.loads(document.text))}
        found.append(read(xml[Format.xrechnung_ubl]).taxes[0].category)
        assert read(xml[Format.xrechnung_cii]).taxes[0].category == found[-1]
    assert tuple(found) == (categories[0], categories[0], categories[1], categories[1])


@pytest.mark.parametrize("tax_number", [None, "66/200/00001"])
def test_what_could_not_be_written_is_held_before_it_is_issued(story: Any, tax_number: str | None) -> None:
    """BR-CO-26: where no VAT id may stand, a register number has to tell who we are; a tax number does not."""
    us = replace(DISTRIBUTOR, registration=None, tax_number=tax_number)
    for case in (_damages, _swiss_client):
        facts = replace(case(story), terms=replace(TERMS, distributor=us))
        work = work_of(story, nobody_there=case is _damages)
        assert draft(Settlement(work), facts, LATER) == Lack(
            Hold.missing_party_data, f"settlement/{story.job_id}"
        )


def test_the_word_is_looked_for_in_our_own_words_and_not_in_what_partners_call_things(story: Any) -> None:
    client = partner_from(story.client(name="Gutschriften-Service Huber"))
    facts = replace(facts_of(story), client=client)
    reference = OwnReference(order_number="Gutschrift-12", cost_centre="Gutschriften")
    for document in _documents(story, facts, own_reference=reference):
        assert len(files.make(json.loads(document.text))) == len(Format)


def test_the_decision_that_issues_asks_for_the_files_of_all_it_issued(story: Any) -> None:
    decision = done(settle(None, work_of(story), facts_of(story), NOW))
    assert decision.state is not None
    (errand,) = decision.errands
    assert errand.kind == RENDER
    assert errand.payload == {"documents": [one.number for one in decision.state.issued]}
