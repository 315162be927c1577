"""What must be said so that a member takes part as he means to: nothing, if the registry knows it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zlib import crc32

from contracts.crm_partners_v1 import CrmPartner, PartnerMasterData
from contracts.messages import Message
from contracts.partner_registry_commands_v1 import (
    RecordCertification,
    RecordLiabilityInsurance,
    RegisterPartner,
    SetAvailability,
    SetSealingKey,
    SignAgreement,
    SuspendPartner,
)
from contracts.partner_registry_partners_v1 import Availability, Partner
from contracts.values import AgreementKind, Certification, eur
from dealers.members import Insured, Member, Offering

DISTRIBUTOR = "distributor:demo"
CERTIFIED_FOR = timedelta(days=500)
STILL_GOOD_FOR = timedelta(days=40)
"""What ends sooner is renewed, so that a community of last month works as one of today."""
INSURED_UNTIL: dict[Insured, timedelta] = {
    "long": timedelta(days=400),
    "expiring": timedelta(days=9),
    "ends_today": timedelta(0),
}


@dataclass(frozen=True, slots=True)
class Saying:
    """A message and who says it."""

    message: Message
    actor: str | None


def introduction(member: Member, partner_id: UUID, today: date) -> Saying:
    """How the registry first hears of him; a CRM record names no partner id, the registry chooses one."""
    if member.from_crm:
        return Saying(_crm_record(member, today), None)
    return Saying(RegisterPartner(partner_id=partner_id, **_master_data(member, today)), DISTRIBUTOR)


def wishes(member: Member, partner: Partner, today: date) -> Iterator[Saying]:
    """What the registry does not know of him yet."""
    himself = f"partner:{partner.partner_id}"
    yield from _renewed_certifications(member, partner, today)
    yield from _agreements(member, partner, today)
    until = INSURED_UNTIL.get(member.insured)
    if until is not None and _insurance_is_missing(member, partner, today):
        yield Saying(
            RecordLiabilityInsurance(
                partner_id=partner.partner_id,
                insurer="Norddeutsche Gewerbeversicherung AG",
                policy_number=f"HV-{member.customer_number}",
                sum_insured=eur(member.sum_insured_eur),
                valid_from=today - timedelta(days=300),
                valid_until=today + until,
            ),
            DISTRIBUTOR,
        )
    if member.offering is not None and not _same(partner.availability, _availability(member.offering)):
        yield Saying(
            SetAvailability(partner_id=partner.partner_id, **dict(_availability(member.offering))), himself
        )
    if partner.sealing_key != member.public_key:
        yield Saying(SetSealingKey(partner_id=partner.partner_id, public_key=member.public_key), himself)
    if member.suspended and not partner.suspended:
        yield Saying(
            SuspendPartner(partner_id=partner.partner_id, reason="Complaints, under review"), DISTRIBUTOR
        )


def _agreements(member: Member, partner: Partner, today: date) -> Iterator[Saying]:
    signed = {
        agreement.kind
        for agreement in partner.agreements
        if agreement.valid_until is None or agreement.valid_until > today
    }
    kinds = {AgreementKind.client: member.posts, AgreementKind.contractor: member.takes_jobs}
    for kind, wanted in kinds.items():
        if wanted and kind not in signed:
            yield Saying(_agreement(member, partner.partner_id, kind, today), DISTRIBUTOR)


def _agreement(member: Member, partner_id: UUID, kind: AgreementKind, today: date) -> SignAgreement:
    contractor = kind is AgreementKind.contractor
    return SignAgreement(
        partner_id=partner_id,
        kind=kind,
        valid_from=today - timedelta(days=1),
        self_billing_agreed=contractor,
        auto_approve_percent_over=0 if contractor else member.percent_over,
        highest_travel_zone=6 if contractor else member.highest_zone,
    )


def _insurance_is_missing(member: Member, partner: Partner, today: date) -> bool:
    known = partner.insurance
    if known is None:
        return True
    if member.insured == "ends_today":
        return known.valid_until < today
    return known.valid_until < today + min(STILL_GOOD_FOR, INSURED_UNTIL[member.insured]) / 2


def _renewed_certifications(member: Member, partner: Partner, today: date) -> Iterator[Saying]:
    good = {
        (known.manufacturer, known.product_line, known.level)
        for known in partner.certifications
        if known.valid_until > today + STILL_GOOD_FOR
    }
    missing = [
        certification
        for certification in _certifications(member, today)
        if (certification.manufacturer, certification.product_line, certification.level) not in good
    ]
    if missing and member.from_crm:
        yield Saying(_crm_record(member, today), None)
    elif missing:
        for certification in missing:
            yield Saying(
                RecordCertification(partner_id=partner.partner_id, certification=certification), DISTRIBUTOR
            )


def _certifications(member: Member, today: date) -> list[Certification]:
    return [
        Certification(**dict(certification), valid_until=today + CERTIFIED_FOR)
        for certification in member.certifications
    ]


def _availability(offering: Offering) -> Availability:
    return Availability(
        radius_km=offering.radius_km,
        nationwide=offering.radius_km is None,
        weekly_hours=Decimal(offering.weekly_hours),
        kinds_of_work=list(offering.kinds_of_work),
        response_times=list(offering.response_times),
        standing_offer=offering.standing_offer,
    )


def _same(known: Availability | None, wanted: Availability) -> bool:
    """Lists of words have no order."""
    return known is not None and all(
        frozenset(mine) == frozenset(theirs) if isinstance(mine, list) else mine == theirs
        for (_, mine), (_, theirs) in zip(known, wanted, strict=True)
    )


def _crm_record(member: Member, today: date) -> CrmPartner:
    return CrmPartner(**dict(_master_data(member, today)))


def _master_data(member: Member, today: date) -> dict[str, Any]:
    return dict(
        PartnerMasterData(
            customer_number=member.customer_number,
            name=member.name,
            address=member.address,
            email=member.email,
            language=member.language,
            customer_status=member.status,
            group=member.group,
            vat_id=f"DE{crc32(member.customer_number.encode()) % 10**9:09}",
            certifications=_certifications(member, today),
        )
    )
