"""Agreements, availability, exclusions, certificates, the CRM: what is refused and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from chassis.decisions import Decision, Rejected
from contracts import partner_registry_commands_v1 as c
from contracts import partner_registry_events_v1 as e
from contracts import partner_registry_partners_v1 as p
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import uuid7
from contracts.values import (
    Address,
    AgreementKind,
    Certification,
    CustomerStatus,
    Jwk,
    KindOfWork,
    ResponseTime,
)
from partner_registry.domain import certificates, master, rights, wishes
from partner_registry.domain.partner import Partner, snapshot

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
ID, OTHER = uuid7(), uuid7()
KEY = Jwk(kty="OKP", crv="X25519", x="a" * 43, kid="k1")


def certificate(line: str = "Anlagen", level: int = 2, until: date = date(2027, 12, 31)) -> Certification:
    return Certification(manufacturer="Telko", product_line=line, level=level, valid_until=until)


def record(**changes: Any) -> PartnerMasterData:
    plain: dict[str, Any] = {
        "customer_number": "K-1001",
        "name": "Müller Telefonbau GmbH",
        "address": Address(street="Hauptstr. 1", postcode="80331", city="München"),
        "email": "auftrag@mueller.example",
        "language": "de",
        "customer_status": CustomerStatus.active,
        "certifications": [certificate()],
    }
    return PartnerMasterData(**(plain | changes))


def a_partner(**changes: Any) -> Partner:
    said = record()
    return replace(Partner(ID, said, certificates.in_order(said.certifications)), **changes)


def sign(
    kind: AgreementKind = AgreementKind.client, start: str = "2026-01-01", end: str | None = None
) -> c.SignAgreement:
    return c.SignAgreement(
        partner_id=ID,
        kind=kind,
        valid_from=date.fromisoformat(start),
        valid_until=date.fromisoformat(end) if end else None,
    )


def end(on: str, kind: AgreementKind = AgreementKind.client) -> c.EndAgreement:
    return c.EndAgreement(partner_id=ID, kind=kind, ends_on=date.fromisoformat(on), reason="Kündigung")


def available(**changes: Any) -> c.SetAvailability:
    plain: dict[str, Any] = {
        "partner_id": ID,
        "radius_km": 80,
        "weekly_hours": Decimal(20),
        "kinds_of_work": [KindOfWork.service],
        "response_times": [ResponseTime.scheduled],
    }
    return c.SetAvailability(**(plain | changes))


def excluding(other: UUID) -> c.ExcludePartner:
    return c.ExcludePartner(partner_id=ID, other_partner_id=other, reason="nie wieder")


def after(*commands: c.SignAgreement | c.EndAgreement) -> Partner:
    partner = a_partner()
    for command in commands:
        decision = (
            rights.sign_agreement(partner, command)
            if isinstance(command, c.SignAgreement)
            else rights.end_agreement(partner, command, NOW)
        )
        assert decision.state is not None
        partner = decision.state
    return partner


def told(decision: Decision[Any]) -> list[Any]:
    return list(decision.events)


def kinds(decision: Decision[Any]) -> list[type]:
    return [type(event) for event in decision.events]


# -- refusals

client_forever = sign()
client_2026 = sign(start="2026-01-01", end="2026-12-31")

REFUSED: list[tuple[str, str | None, Callable[[], Decision[Any]]]] = [
    ("unknown-partner", "partner_id", lambda: rights.sign_agreement(None, sign())),
    ("unknown-partner", "partner_id", lambda: wishes.set_availability(None, available())),
    ("unknown-partner", "partner_id", lambda: rights.reinstate(None, c.ReinstatePartner(partner_id=ID))),
    ("unknown-value", "kind", lambda: rights.sign_agreement(a_partner(), sign(AgreementKind.unknown))),
    ("unknown-value", "kind",
     lambda: rights.end_agreement(a_partner(), end("2026-07-01", AgreementKind.unknown), NOW)),
    ("ends-before-begins", "valid_until",
     lambda: rights.sign_agreement(a_partner(), sign(start="2026-05-02", end="2026-05-01"))),
    ("agreement-in-force", "valid_from",
     lambda: rights.sign_agreement(after(client_forever), sign(start="2030-01-01"))),
    ("agreement-in-force", "valid_from",
     lambda: rights.sign_agreement(after(client_2026), sign(start="2026-12-31"))),
    ("agreement-in-force", "valid_from",
     lambda: rights.sign_agreement(after(client_2026), sign(start="2025-01-01", end="2026-01-01"))),
    ("agreement-in-force", "valid_from",
     lambda: rights.sign_agreement(after(client_2026), sign(start="2025-01-01"))),
    ("no-agreement", "ends_on", lambda: rights.end_agreement(a_partner(), end("2026-07-01"), NOW)),
    ("no-agreement", "ends_on", lambda: rights.end_agreement(after(client_2026), end("2027-01-01"), NOW)),
    ("ends-in-past", "ends_on", lambda: rights.end_agreement(after(client_2026), end("2026-05-31"), NOW)),
    ("radius-and-nationwide", "radius_km",
     lambda: wishes.set_availability(a_partner(), available(nationwide=True))),
    ("radius-missing", "radius_km", lambda: wishes.set_availability(a_partner(), available(radius_km=None))),
    ("unknown-value", "kinds_of_work",
     lambda: wishes.set_availability(a_partner(), available(kinds_of_work=[KindOfWork.unknown]))),
    ("unknown-value", "response_times",
     lambda: wishes.set_availability(a_partner(), available(response_times=[ResponseTime.unknown]))),
    ("no-kind-of-work", "kinds_of_work",
     lambda: wishes.set_availability(a_partner(), available(kinds_of_work=[]))),
    ("no-response-time", "response_times",
     lambda: wishes.set_availability(a_partner(), available(response_times=[]))),
    ("excludes-himself", "other_partner_id",
     lambda: wishes.exclude(a_partner(), excluding(ID), a_partner())),
    ("unknown-partner", "other_partner_id",
     lambda: wishes.exclude(a_partner(), excluding(OTHER), None)),
    ("too-many-exclusions", "other_partner_id",
     lambda: wishes.exclude(
         a_partner(excluded=tuple(uuid7() for _ in range(1_000))),
         excluding(OTHER), a_partner(partner_id=OTHER))),
    ("certification-expired", "certification.valid_until",
     lambda: rights.record_certification(
         a_partner(),
         c.RecordCertification(partner_id=ID, certification=certificate(until=date(2026, 5, 31))), NOW)),
    ("too-many-certifications", "certification",
     lambda: rights.record_certification(
         a_partner(certificates=certificates.in_order(certificate(f"L{n}") for n in range(200))),
         c.RecordCertification(partner_id=ID, certification=certificate("Neu")), NOW)),
    ("other-customer", "record.customer_number",
     lambda: applied(a_partner(), customer_number="K-2")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "field", "ask"), REFUSED)
def test_what_is_not_allowed_is_refused_with_code_sentence_and_field(
    code: str, field: str | None, ask: Callable[[], Decision[Any]]
) -> None:
    with pytest.raises(Rejected) as refusal:
        ask()
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.message.endswith(".")


# -- what follows


def test_a_signed_agreement_is_told_and_published() -> None:
    decision = rights.sign_agreement(a_partner(), sign(AgreementKind.contractor))
    assert kinds(decision) == [e.AgreementSigned, p.Partner]
    assert [agreement.kind for agreement in told(decision)[1].agreements] == [AgreementKind.contractor]


def test_agreements_of_different_kinds_and_one_after_the_other_stand_together() -> None:
    partner = after(client_2026, sign(AgreementKind.contractor), sign(start="2027-01-01"))
    assert len(partner.agreements) == 3


def test_an_agreement_ends_on_a_day_and_a_new_one_may_follow() -> None:
    partner = after(client_forever, end("2026-06-01"), sign(start="2026-06-02"))
    assert [(a.valid_from, a.valid_until) for a in partner.agreements] == [
        (date(2026, 1, 1), date(2026, 6, 1)),
        (date(2026, 6, 2), None),
    ]


def test_the_same_again_says_nothing() -> None:
    offered = wishes.set_availability(a_partner(), available()).state
    again = wishes.set_availability(offered, available())
    assert (again.state, again.events) == (offered, ())


def test_kinds_of_work_are_a_set() -> None:
    twice = available(kinds_of_work=[KindOfWork.service, KindOfWork.installation, KindOfWork.service])
    decision = wishes.set_availability(a_partner(), twice)
    assert told(decision)[0].kinds_of_work == [KindOfWork.installation, KindOfWork.service]


def test_no_hours_are_a_pause() -> None:
    paused = wishes.set_availability(a_partner(), available(weekly_hours=Decimal(0), kinds_of_work=[]))
    assert kinds(paused) == [e.AvailabilitySet, p.Partner]


def test_a_suspension_is_told_once_and_without_the_distributors_words() -> None:
    first = rights.suspend(a_partner(), c.SuspendPartner(partner_id=ID, reason="Streit mit Meier"))
    second = rights.suspend(first.state, c.SuspendPartner(partner_id=ID, reason="noch immer"))
    assert kinds(first) == [e.PartnerSuspended, p.Partner]
    assert all(b"Streit" not in event.write() for event in told(first))
    assert second.events == []
    assert second.state is not None
    assert second.state.suspended_for == "noch immer"


def test_who_is_not_suspended_is_not_reinstated() -> None:
    assert rights.reinstate(a_partner(), c.ReinstatePartner(partner_id=ID)).events == ()


def test_an_exclusion_and_a_key_are_published() -> None:
    excluded = wishes.exclude(a_partner(), excluding(OTHER), a_partner(partner_id=OTHER))
    keyed = wishes.set_sealing_key(excluded.state, c.SetSealingKey(partner_id=ID, public_key=KEY))
    assert kinds(excluded) == [e.PartnerExcluded, p.Partner]
    assert kinds(keyed) == [e.SealingKeySet, p.Partner]
    assert told(keyed)[1].excluded_partner_ids == [OTHER]
    assert told(keyed)[1].sealing_key == KEY


# -- the CRM and its certificates


def applied(partner: Partner | None, **changes: Any) -> Decision[Partner | None]:
    return master.apply(partner, c.ApplyCrmRecord(partner_id=ID, record=record(**changes)))


def test_a_new_customer_of_the_crm_is_a_partner() -> None:
    decision = applied(None)
    assert kinds(decision) == [e.PartnerRegistered, e.CertificationRecorded, p.Partner]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"email": "neu@mueller.example"}, []),
        ({"name": "Müller Netze GmbH"}, [p.Partner]),
        ({"customer_status": CustomerStatus.blocked}, [e.CustomerStatusChanged, p.Partner]),
        ({"customer_status": CustomerStatus.unknown}, [e.CustomerStatusChanged, p.Partner]),
        ({"certifications": []}, [e.CertificationWithdrawn, p.Partner]),
        ({"certifications": [certificate(level=3)]}, [e.CertificationRecorded, p.Partner]),
        ({"certifications": [certificate(), certificate("Router")]}, [e.CertificationRecorded, p.Partner]),
        ({"certifications": [certificate(), certificate()]}, []),
    ],
)
def test_a_crm_record_tells_what_changed_and_nothing_else(
    changes: dict[str, Any], expected: list[type]
) -> None:
    decision = applied(a_partner(), **changes)
    assert kinds(decision) == expected
    assert decision.state is not None
    assert decision.state.master == record(**changes)


def test_a_new_mail_address_is_kept_though_nobody_is_told() -> None:
    decision = applied(a_partner(), email="neu@mueller.example")
    assert decision.state is not None
    assert decision.state.master.email == "neu@mueller.example"


def test_a_repeated_export_does_not_undo_what_was_recorded_or_withdrawn_by_hand() -> None:
    withdrawal = c.WithdrawCertification(partner_id=ID, manufacturer="Telko", product_line="Anlagen")
    withdrawn = rights.withdraw_certification(a_partner(), withdrawal).state
    by_hand = c.RecordCertification(partner_id=ID, certification=certificate("Router"))
    recorded = rights.record_certification(withdrawn, by_hand, NOW).state
    repeated = applied(recorded, name="Müller Netze GmbH")
    assert repeated.state is not None
    assert [one.product_line for one in repeated.state.certificates] == ["Router"]


def test_what_the_crm_says_anew_about_a_product_line_counts() -> None:
    withdrawal = c.WithdrawCertification(partner_id=ID, manufacturer="Telko", product_line="Anlagen")
    withdrawn = rights.withdraw_certification(a_partner(), withdrawal).state
    renewed = applied(withdrawn, certifications=[certificate(until=date(2029, 1, 1))])
    assert kinds(renewed) == [e.CertificationRecorded, p.Partner]


def test_more_certificates_than_a_message_holds_lose_those_that_end_first() -> None:
    by_hand = [certificate(f"H{n}", until=date(2026, 7, 1)) for n in range(150)]
    from_crm = [certificate(f"C{n}") for n in range(200)]
    merged = certificates.merged(certificates.in_order(by_hand), [], from_crm)
    assert {one.product_line[0] for one in merged} == {"C"}
    assert len(merged) == 200


# -- one partner for each customer number

REGISTRATION = c.RegisterPartner(partner_id=ID, **dict(record()))


def test_a_registration_gives_the_customer_number_to_the_partner() -> None:
    decision = master.register(None, REGISTRATION, None, "customer")
    (given,) = decision.also
    assert (given.rows, given.id) == ("customer", "K-1001")
    assert given.value == master.Customer("K-1001", ID, record())


def test_a_later_crm_record_finds_the_registered_partner() -> None:
    (given,) = master.register(None, REGISTRATION, None, "customer").also
    assert isinstance(given.value, master.Customer)
    heard = master.heard(given.value, record(name="Müller Netze GmbH"), OTHER)
    assert [command.partner_id for command in told(heard)] == [ID]


def test_a_customer_of_the_crm_is_not_registered_again() -> None:
    customer = master.heard(None, record(), OTHER).state
    with pytest.raises(Rejected, match="customer-known"):
        master.register(None, REGISTRATION, customer, "customer")


def test_a_partner_is_not_registered_twice_under_another_number() -> None:
    with pytest.raises(Rejected, match="partner-known"):
        master.register(
            a_partner(), REGISTRATION.model_copy(update={"customer_number": "K-2"}), None, "customer"
        )


def test_a_registration_with_a_status_not_known_here_is_refused() -> None:
    unknown = REGISTRATION.model_copy(update={"customer_status": CustomerStatus.unknown})
    with pytest.raises(Rejected, match="unknown-value"):
        master.register(None, unknown, None, "customer")


def test_the_crm_keeps_the_partner_it_gave_and_repeats_itself_harmlessly() -> None:
    first = master.heard(None, record(), ID)
    second = master.heard(first.state, record(), OTHER)
    assert second.state is first.state
    assert [command.partner_id for command in told(second)] == [ID]


def test_a_tombstone_ends_the_customer_and_a_new_record_brings_him_back() -> None:
    customer = master.heard(None, record(), ID).state
    ended = master.forgotten(customer)
    assert [command.record.customer_status for command in told(ended)] == [CustomerStatus.ended]
    back = master.heard(ended.state, record(), OTHER)
    assert [command.partner_id for command in told(back)] == [ID]
    assert [command.record.customer_status for command in told(back)] == [CustomerStatus.active]


def test_a_tombstone_of_nobody_is_nothing() -> None:
    assert master.forgotten(None) == Decision(None)


def test_the_published_partner_has_no_mail_address() -> None:
    assert b"@" not in snapshot(a_partner()).write()
