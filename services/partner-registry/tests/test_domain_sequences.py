"""For any sequence of commands: said twice is as said once, and nothing told has an e-mail address in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.decisions import Decision, Rejected
from contracts import partner_registry_commands_v1 as c
from contracts import partner_registry_partners_v1 as p
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import uuid7
from contracts.messages import Message
from contracts.values import (
    Address,
    AgreementKind,
    Certification,
    CustomerStatus,
    Jwk,
    KindOfWork,
    ResponseTime,
    eur,
)
from partner_registry.domain import master, rights, wishes
from partner_registry.domain.partner import Partner, snapshot

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
ID = uuid7()
OTHERS = [uuid7() for _ in range(3)]
SOMEBODY = Partner(
    OTHERS[0],
    PartnerMasterData(
        customer_number="K-9",
        name="Anderer",
        address=Address(street="Weg 9", postcode="20095", city="Hamburg"),
        email="anderer@marker.example",
        language="de",
        customer_status=CustomerStatus.active,
        certifications=[],
    ),
)

days = st.integers(-30, 60).map(lambda number: date(2026, 6, 1) + timedelta(days=number))
words = st.sampled_from(["Anlagen", "Router", "Netze"])
certifications = st.builds(
    Certification,
    manufacturer=st.just("Telko"),
    product_line=words,
    level=st.integers(1, 5),
    valid_until=days,
)
records = st.builds(
    PartnerMasterData,
    customer_number=st.just("K-1"),
    name=st.sampled_from(["Müller", "Meier"]),
    address=st.just(SOMEBODY.master.address),
    email=st.sampled_from(["a@marker.example", "b@marker.example"]),
    language=st.sampled_from(["de", "en"]),
    customer_status=st.sampled_from(CustomerStatus),
    certifications=st.lists(certifications, max_size=4),
)
agreement_kinds = st.sampled_from(AgreementKind)
some = st.just(ID)
commands: st.SearchStrategy[c.PartnerCommand] = st.one_of(
    st.builds(c.ApplyCrmRecord, partner_id=some, record=records),
    st.builds(
        c.SignAgreement, partner_id=some, kind=agreement_kinds, valid_from=days, valid_until=st.none() | days
    ),
    st.builds(c.EndAgreement, partner_id=some, kind=agreement_kinds, ends_on=days, reason=st.just("Ende")),
    st.builds(
        c.RecordLiabilityInsurance,
        partner_id=some,
        insurer=st.just("AG"),
        policy_number=st.just("P1"),
        sum_insured=st.sampled_from([eur(1_000_000), eur(5_000_000)]),
        valid_from=days,
        valid_until=days,
    ),
    st.builds(c.RecordCertification, partner_id=some, certification=certifications),
    st.builds(c.WithdrawCertification, partner_id=some, manufacturer=st.just("Telko"), product_line=words),
    st.builds(
        c.SetAvailability,
        partner_id=some,
        radius_km=st.none() | st.integers(0, 1000),
        nationwide=st.booleans(),
        weekly_hours=st.sampled_from([Decimal(0), Decimal("37.5")]),
        kinds_of_work=st.lists(st.sampled_from(KindOfWork), max_size=3),
        response_times=st.lists(st.sampled_from(ResponseTime), max_size=3),
        standing_offer=st.booleans(),
    ),
    st.builds(c.SuspendPartner, partner_id=some, reason=st.sampled_from(["dies", "das"])),
    st.builds(c.ReinstatePartner, partner_id=some),
    st.builds(
        c.ExcludePartner,
        partner_id=some,
        other_partner_id=st.sampled_from([*OTHERS, ID]),
        reason=st.just("x"),
    ),
    st.builds(
        c.SetSealingKey,
        partner_id=some,
        public_key=st.sampled_from(["k1", "k2"]).map(
            lambda kid: Jwk(kty="OKP", crv="X25519", x="a" * 43, kid=kid)
        ),
    ),
)

DECIDE: dict[type[c.PartnerCommand], Callable[[Partner | None, Any], Decision[Partner | None]]] = {
    c.ApplyCrmRecord: master.apply,
    c.SignAgreement: rights.sign_agreement,
    c.EndAgreement: lambda partner, command: rights.end_agreement(partner, command, NOW),
    c.RecordLiabilityInsurance: lambda partner, command: rights.record_insurance(partner, command, NOW),
    c.RecordCertification: lambda partner, command: rights.record_certification(partner, command, NOW),
    c.WithdrawCertification: rights.withdraw_certification,
    c.SetAvailability: wishes.set_availability,
    c.SuspendPartner: rights.suspend,
    c.ReinstatePartner: rights.reinstate,
    c.ExcludePartner: lambda partner, command: wishes.exclude(partner, command, SOMEBODY),
    c.SetSealingKey: wishes.set_sealing_key,
}


def after(said: list[c.PartnerCommand], *, times: int = 1) -> tuple[Partner | None, list[Message]]:
    """The partner and all that was told, when each command is said so many times."""
    partner: Partner | None = None
    told: list[Message] = []
    for command in said:
        for _ in range(times):
            try:
                decision = DECIDE[type(command)](partner, command)
            except Rejected:
                continue
            partner = decision.state
            told += [event for event in decision.events if isinstance(event, Message)]
    return partner, told


@settings(max_examples=300)
@given(st.lists(commands, max_size=20))
def test_each_command_said_twice_changes_and_tells_nothing_more(said: list[c.PartnerCommand]) -> None:
    assert after(said, times=2) == after(said)


@settings(max_examples=300)
@given(st.lists(commands, max_size=20))
def test_the_last_partner_told_is_the_partner_and_no_two_in_a_row_are_alike(
    said: list[c.PartnerCommand],
) -> None:
    partner, told = after(said)
    published = [message for message in told if isinstance(message, p.Partner)]
    if partner is not None:
        assert published[-1] == snapshot(partner)
    assert all(before != now for before, now in pairwise(published))


@settings(max_examples=300)
@given(st.lists(commands, max_size=20))
def test_nothing_told_has_an_address_and_all_of_it_can_be_read(said: list[c.PartnerCommand]) -> None:
    for message in after(said)[1]:
        body = message.write()
        assert b"marker.example" not in body
        assert type(message).check(body) == message
