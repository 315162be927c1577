"""Facts for documents and taxes: whole details, dated terms, certificates."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chassis.decisions import Rejected
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import uuid7
from contracts.partner_registry_commands_v1 import (
    DeclareSmallBusiness,
    RecordTaxCertificate,
    SetBillingDetails,
    TaxCertificateKind,
)
from contracts.values import Address, CustomerStatus, TaxCertificate
from partner_registry.domain.money_facts import declare_small_business, record_certificate, set_details
from partner_registry.domain.partner import Partner, snapshot


def partner() -> Partner:
    master = PartnerMasterData(
        customer_number="K-1",
        name="Systemhaus",
        address=Address(street="Weg 1", postcode="24937", city="Flensburg"),
        email="wer@systemhaus.example",
        language="de",
        customer_status=CustomerStatus.active,
        certifications=[],
    )
    return Partner(uuid7(), master)


def declare(of: Partner, day: date, *, small: bool) -> Partner:
    said = DeclareSmallBusiness(partner_id=of.partner_id, from_day=day, small_business=small)
    after = declare_small_business(of, said).state
    assert after is not None
    return after


def terms(of: Partner) -> list[tuple[date, date | None]]:
    assert of.billing is not None
    return [(term.valid_from, term.valid_until) for term in of.billing.small_business]


def test_a_small_business_has_a_history() -> None:
    of = declare(partner(), date(2025, 1, 1), small=True)
    of = declare(of, date(2026, 1, 1), small=False)
    of = declare(of, date(2027, 1, 1), small=True)
    assert terms(of) == [(date(2025, 1, 1), date(2025, 12, 31)), (date(2027, 1, 1), None)]
    corrected = declare(of, date(2025, 7, 1), small=False)
    assert terms(corrected) == [(date(2025, 1, 1), date(2025, 6, 30))]
    assert terms(declare(corrected, date(2024, 1, 1), small=False)) == []


def test_certificates_are_kept_for_their_days_and_one_number_is_one_certificate() -> None:
    def record(of: Partner, number: str, first: int, last: int, kind: TaxCertificateKind) -> Any:
        shown = TaxCertificate(number=number, valid_from=date(first, 1, 1), valid_until=date(last, 12, 31))
        said = RecordTaxCertificate(partner_id=of.partner_id, kind=kind, certificate=shown)
        return record_certificate(of, said).state

    building, exemption = TaxCertificateKind.building_work, TaxCertificateKind.building_tax_exemption
    of = record(partner(), "B-2", 2026, 2028, building)
    of = record(record(of, "B-1", 2023, 2025, building), "F-1", 2026, 2027, exemption)
    of = record(of, "B-2", 2026, 2027, building)
    assert [(one.number, one.valid_until.year) for one in of.billing.building_work_certificates] == [
        ("B-1", 2025),
        ("B-2", 2027),
    ]
    assert [one.number for one in of.billing.building_tax_exemptions] == ["F-1"]
    with pytest.raises(Rejected, match="ends-before-begins"):
        record(of, "B-3", 2027, 2026, building)
    with pytest.raises(Rejected, match="unknown-value"):
        record(of, "B-3", 2026, 2027, TaxCertificateKind.unknown)


def test_details_are_set_whole_tax_facts_stay_and_others_see_them() -> None:
    of = declare(partner(), date(2025, 1, 1), small=True)
    said = SetBillingDetails(partner_id=of.partner_id, phone="+49 461 1234", iban="DE02120300000000202051")
    decision = set_details(of, said)
    after = decision.state
    assert after is not None
    assert after.billing is not None
    assert (after.billing.iban, len(after.billing.small_business)) == ("DE02120300000000202051", 1)
    assert decision.events == [snapshot(after)]
    again = set_details(after, SetBillingDetails(partner_id=of.partner_id, phone="+49 461 1234")).state
    assert again is not None
    assert again.billing is not None
    assert again.billing.iban is None
