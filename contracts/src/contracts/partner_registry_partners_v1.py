"""partner-registry.partners.v1: the partner as other services may know him, whole, at each change."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import PartnerId
from contracts.messages import Event, Value
from contracts.topics import Topic
from contracts.values import (
    Address,
    AgreementKind,
    Certification,
    CustomerNumber,
    CustomerStatus,
    Email,
    Group,
    Iban,
    Jwk,
    KindOfWork,
    Language,
    LeitwegId,
    Money,
    Name,
    Phone,
    PostalAddress,
    ResponseTime,
    TaxCertificate,
    TaxNumber,
    Term,
    VatId,
    WeeklyHours,
    Zone,
)
from contracts.wire import Day, Flag, whole


class Agreement(Value):
    """A framework agreement and the days it holds, both included."""

    kind: AgreementKind
    valid_from: Day
    valid_until: Day | None = None
    self_billing_agreed: Flag
    """Contractor: § 14 (2) sentence 5 UStG."""
    auto_approve_percent_over: Annotated[int, whole(0, 50)]
    """Client: a statement up to so many percent over the estimated hours approves itself."""
    highest_travel_zone: Zone
    """Client: he pays no travel beyond this zone."""


class Insurance(Value):
    """The liability insurance and the days it holds, both included."""

    sum_insured: Money
    valid_from: Day
    valid_until: Day


class Availability(Value):
    """What a contractor offers."""

    radius_km: Annotated[int, whole(0, 1_000)] | None = None
    nationwide: Flag
    weekly_hours: WeeklyHours
    kinds_of_work: Annotated[list[KindOfWork], Field(max_length=20)]
    response_times: Annotated[list[ResponseTime], Field(max_length=20)]
    standing_offer: Flag


class BillingFacts(Value):
    """What documents and taxes need of a partner. Each tax fact has its days: old jobs are taxed by old facts."""

    company_address: PostalAddress | None = None
    """The seat, where it is not the address he works from; abroad it decides how he is taxed."""
    registration: Name | None = None
    """Such as HRB 4711 (Amtsgericht Osnabrück)."""
    invoice_email: Email | None = None
    """The company's mailbox for invoices (BT-34, BT-49)."""
    phone: Phone | None = None
    iban: Iban | None = None
    leitweg_id: LeitwegId | None = None
    small_business: list[Term] = Field(default_factory=list, max_length=50)
    """§ 19 UStG, as he declared it."""
    building_work_certificates: list[TaxCertificate] = Field(default_factory=list, max_length=50)
    """USt 1 TG, § 13b (5) sentence 2 UStG."""
    building_tax_exemptions: list[TaxCertificate] = Field(default_factory=list, max_length=50)
    """§ 48b EStG."""


class Partner(Event):
    """A partner. Contact data stays with the registry, which is also who notifies."""

    TYPE: ClassVar[str] = "partner-registry.Partner.v1"
    SUBJECT: ClassVar[str] = "partner_id"

    partner_id: PartnerId
    customer_number: CustomerNumber
    name: Name
    address: Address
    language: Language
    customer_status: CustomerStatus
    group: Group | None = None
    vat_id: VatId | None = None
    tax_number: TaxNumber | None = None
    agreements: Annotated[list[Agreement], Field(max_length=100)]
    insurance: Insurance | None = None
    certifications: Annotated[list[Certification], Field(max_length=200)]
    availability: Availability | None = None
    suspended: Flag
    excluded_partner_ids: Annotated[list[PartnerId], Field(max_length=1_000)]
    """These never get his jobs."""
    sealing_key: Jwk | None = None
    """Work orders for him are sealed to it."""
    billing: BillingFacts | None = None


TOPIC = Topic(
    name="partner-registry.partners.v1",
    owner="partner-registry",
    readers=("job-exchange", "matching", "billing"),
    key="partner id",
    cleanup="compact",
    retention=None,
    data_class="personal",
    messages=(Partner,),
    versioned=True,
)
