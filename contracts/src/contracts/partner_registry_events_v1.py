"""partner-registry.events.v1: what happened to a partner. No personal data, no text."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import (
    AgreementKind,
    Certification,
    Code,
    CustomerStatus,
    KeyName,
    KindOfWork,
    Manufacturer,
    Money,
    ProductLine,
    ResponseTime,
    WeeklyHours,
)
from contracts.wire import Day, Flag, whole


class PartnerEvent(Event):
    """Something that happened to one partner."""

    SUBJECT: ClassVar[str] = "partner_id"

    partner_id: PartnerId


class PartnerRegistered(PartnerEvent):
    """A dealer joined."""

    TYPE: ClassVar[str] = "partner-registry.PartnerRegistered.v1"


class CustomerStatusChanged(PartnerEvent):
    """The distributor now stands differently to this dealer."""

    TYPE: ClassVar[str] = "partner-registry.CustomerStatusChanged.v1"

    status: CustomerStatus


class AgreementSigned(PartnerEvent):
    """A framework agreement holds from a day on."""

    TYPE: ClassVar[str] = "partner-registry.AgreementSigned.v1"

    kind: AgreementKind
    valid_from: Day
    valid_until: Day | None = None


class AgreementEnded(PartnerEvent):
    """A framework agreement has a last day."""

    TYPE: ClassVar[str] = "partner-registry.AgreementEnded.v1"

    kind: AgreementKind
    ends_on: Day


class LiabilityInsuranceRecorded(PartnerEvent):
    """A liability insurance was shown."""

    TYPE: ClassVar[str] = "partner-registry.LiabilityInsuranceRecorded.v1"

    sum_insured: Money
    valid_from: Day
    valid_until: Day


class LiabilityInsuranceExpired(PartnerEvent):
    """The last insured day is over."""

    TYPE: ClassVar[str] = "partner-registry.LiabilityInsuranceExpired.v1"

    expired_on: Day
    """The last insured day."""


class CertificationRecorded(PartnerEvent):
    """A certificate was shown."""

    TYPE: ClassVar[str] = "partner-registry.CertificationRecorded.v1"

    certification: Certification


class CertificationWithdrawn(PartnerEvent):
    """A manufacturer took a certificate back."""

    TYPE: ClassVar[str] = "partner-registry.CertificationWithdrawn.v1"

    manufacturer: Manufacturer
    product_line: ProductLine


class AvailabilitySet(PartnerEvent):
    """What a contractor offers from now on."""

    TYPE: ClassVar[str] = "partner-registry.AvailabilitySet.v1"

    radius_km: Annotated[int, whole(0, 1_000)] | None = None
    nationwide: Flag
    weekly_hours: WeeklyHours
    kinds_of_work: Annotated[list[KindOfWork], Field(max_length=20)]
    response_times: Annotated[list[ResponseTime], Field(max_length=20)]
    standing_offer: Flag


class PartnerSuspended(PartnerEvent):
    """The partner neither posts nor takes jobs for now."""

    TYPE: ClassVar[str] = "partner-registry.PartnerSuspended.v1"

    reason: Code
    """A fixed word, never the text of the one who asked."""


class PartnerReinstated(PartnerEvent):
    """The suspension ended."""

    TYPE: ClassVar[str] = "partner-registry.PartnerReinstated.v1"


class PartnerExcluded(PartnerEvent):
    """This partner's jobs are never given to the other one."""

    TYPE: ClassVar[str] = "partner-registry.PartnerExcluded.v1"

    other_partner_id: PartnerId


class SealingKeySet(PartnerEvent):
    """Work orders for this partner are sealed to another key from now on."""

    TYPE: ClassVar[str] = "partner-registry.SealingKeySet.v1"

    kid: KeyName


TOPIC = Topic(
    name="partner-registry.events.v1",
    owner="partner-registry",
    readers=("gateway",),
    key="partner id",
    cleanup="delete",
    retention=timedelta(days=30),
    data_class="operational",
    messages=(
        PartnerRegistered,
        CustomerStatusChanged,
        AgreementSigned,
        AgreementEnded,
        LiabilityInsuranceRecorded,
        LiabilityInsuranceExpired,
        CertificationRecorded,
        CertificationWithdrawn,
        AvailabilitySet,
        PartnerSuspended,
        PartnerReinstated,
        PartnerExcluded,
        SealingKeySet,
    ),
    versioned=True,
)
