"""partner-registry.commands.v1: requests about a partner."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import JobId, PartnerId
from contracts.messages import Command, OpenEnum
from contracts.topics import Topic
from contracts.values import (
    AgreementKind,
    Certification,
    Email,
    Iban,
    JobNumber,
    Jwk,
    KindOfWork,
    LeitwegId,
    Manufacturer,
    Money,
    Name,
    NoticeKind,
    Phone,
    PostalAddress,
    ProductLine,
    Reference,
    Remark,
    ResponseTime,
    TaxCertificate,
    WeeklyHours,
    Zone,
)
from contracts.wire import Day, Flag, whole


class PartnerCommand(Command):
    """A request about one partner."""

    SUBJECT: ClassVar[str] = "partner_id"

    partner_id: PartnerId


class RegisterPartner(PartnerMasterData, PartnerCommand):
    """A dealer joins. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.RegisterPartner.v1"


class ApplyCrmRecord(PartnerCommand):
    """What the CRM says about a dealer, addressed to the partner it concerns. The registry itself only."""

    TYPE: ClassVar[str] = "partner-registry.ApplyCrmRecord.v1"

    record: PartnerMasterData


class SignAgreement(PartnerCommand):
    """A framework agreement was signed. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.SignAgreement.v1"

    kind: AgreementKind
    valid_from: Day
    valid_until: Day | None = None
    """The last day; none for an agreement that is open-ended."""
    self_billing_agreed: Flag = False
    """Contractor: the distributor may issue the self-billed invoice, § 14 (2) sentence 5 UStG."""
    auto_approve_percent_over: Annotated[int, whole(0, 50)] = 0
    """Client: a statement up to so many percent over the estimated hours approves itself."""
    highest_travel_zone: Zone = 6
    """Client: he pays no travel beyond this zone."""


class EndAgreement(PartnerCommand):
    """A framework agreement ends. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.EndAgreement.v1"

    kind: AgreementKind
    ends_on: Day
    """Its last day."""
    reason: Remark


class RecordLiabilityInsurance(PartnerCommand):
    """A liability insurance was shown. It replaces the one known before."""

    TYPE: ClassVar[str] = "partner-registry.RecordLiabilityInsurance.v1"

    insurer: Name
    policy_number: Reference
    sum_insured: Money
    valid_from: Day
    valid_until: Day
    """The last insured day."""


class RecordCertification(PartnerCommand):
    """A manufacturer's certificate was shown; it replaces an older one for the same product line."""

    TYPE: ClassVar[str] = "partner-registry.RecordCertification.v1"

    certification: Certification


class WithdrawCertification(PartnerCommand):
    """A manufacturer took a certificate back."""

    TYPE: ClassVar[str] = "partner-registry.WithdrawCertification.v1"

    manufacturer: Manufacturer
    product_line: ProductLine


class SetAvailability(PartnerCommand):
    """What a contractor offers from now on, whole."""

    TYPE: ClassVar[str] = "partner-registry.SetAvailability.v1"

    radius_km: Annotated[int, whole(0, 1_000)] | None = None
    """As the crow flies, from the partner's postcode. None with `nationwide`."""
    nationwide: Flag = False
    weekly_hours: WeeklyHours
    kinds_of_work: Annotated[list[KindOfWork], Field(max_length=20)]
    response_times: Annotated[list[ResponseTime], Field(max_length=20)]
    standing_offer: Flag = False
    """He takes what fits without being asked."""


class SuspendPartner(PartnerCommand):
    """A partner neither posts nor takes jobs until he is reinstated. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.SuspendPartner.v1"

    reason: Remark


class ReinstatePartner(PartnerCommand):
    """The suspension ends. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.ReinstatePartner.v1"


class ExcludePartner(PartnerCommand):
    """A partner's jobs are never given to a certain other one."""

    TYPE: ClassVar[str] = "partner-registry.ExcludePartner.v1"

    other_partner_id: PartnerId
    reason: Remark


class SetSealingKey(PartnerCommand):
    """The public key that work orders for this partner are sealed to."""

    TYPE: ClassVar[str] = "partner-registry.SetSealingKey.v1"

    public_key: Jwk


class SetBillingDetails(PartnerCommand):
    """How a partner is named and reached on documents, and where he is paid; whole."""

    TYPE: ClassVar[str] = "partner-registry.SetBillingDetails.v1"

    company_address: PostalAddress | None = None
    registration: Name | None = None
    invoice_email: Email | None = None
    phone: Phone | None = None
    iban: Iban | None = None
    leitweg_id: LeitwegId | None = None


class DeclareSmallBusiness(PartnerCommand):
    """From this day on he is a small business (§ 19 UStG), or is one no longer. His own word."""

    TYPE: ClassVar[str] = "partner-registry.DeclareSmallBusiness.v1"

    from_day: Day
    small_business: Flag


class TaxCertificateKind(OpenEnum):
    """Which certificate of the tax office."""

    building_work = "building_work"
    """USt 1 TG: he does building work lastingly himself, § 13b (5) sentence 2 UStG."""
    building_tax_exemption = "building_tax_exemption"
    """§ 48b EStG: nothing is kept back from what he is paid."""
    unknown = "unknown"


class RecordTaxCertificate(PartnerCommand):
    """A certificate of the tax office was shown. The distributor only."""

    TYPE: ClassVar[str] = "partner-registry.RecordTaxCertificate.v1"

    kind: TaxCertificateKind
    certificate: TaxCertificate


class NotifyPartner(PartnerCommand):
    """Tell a partner what happened to a job. Services only."""

    TYPE: ClassVar[str] = "partner-registry.NotifyPartner.v1"

    job_id: JobId
    job_number: JobNumber
    notice: NoticeKind


TOPIC = Topic(
    name="partner-registry.commands.v1",
    owner="partner-registry",
    readers=("partner-registry",),
    key="partner id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="personal",
    messages=(
        RegisterPartner,
        ApplyCrmRecord,
        SignAgreement,
        EndAgreement,
        RecordLiabilityInsurance,
        RecordCertification,
        WithdrawCertification,
        SetAvailability,
        SuspendPartner,
        ReinstatePartner,
        ExcludePartner,
        SetSealingKey,
        SetBillingDetails,
        DeclareSmallBusiness,
        RecordTaxCertificate,
        NotifyPartner,
    ),
)
