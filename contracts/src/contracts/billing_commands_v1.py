"""billing.commands.v1: requests about a rate card, a settlement, or how something is classified."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, PartnerId, RateCardId
from contracts.messages import Command, OpenEnum
from contracts.topics import Topic
from contracts.values import (
    DocumentNumber,
    FeeKind,
    Hours,
    KindOfWork,
    Leg,
    Money,
    Postcode,
    PriceTerms,
    Remark,
    RequiredCertification,
    ResponseTime,
    State,
    VatCategory,
    Version,
    WorkedTime,
    WorkPrice,
    Zone,
    ZoneTravel,
)
from contracts.wire import Day, Flag, text


class FeeNature(OpenEnum):
    """What a fee is in the eyes of the tax law."""

    remuneration = "remuneration"
    """Agreed for standing ready: taxed."""
    damages = "damages"
    """Makes a loss good: not taxed."""
    unknown = "unknown"


class TaxTreatment(OpenEnum):
    """How one leg is taxed."""

    domestic_standard = "domestic_standard"
    reverse_charge = "reverse_charge"
    small_business = "small_business"
    outside_scope = "outside_scope"
    unknown = "unknown"


class PublishRateCard(PriceTerms, Command):
    """The next version of a rate card. The distributor only."""

    TYPE: ClassVar[str] = "billing.PublishRateCard.v1"
    SUBJECT: ClassVar[str] = "rate_card_id"

    rate_card_id: RateCardId
    version: Version
    valid_from: Day
    prices: Annotated[list[WorkPrice], Field(min_length=1, max_length=20)]
    zones: Annotated[list[ZoneTravel], Field(min_length=1, max_length=6)]


class EstimateJob(Command):
    """What a job would cost the client, or earn the contractor, by this rate card. The reply has it."""

    TYPE: ClassVar[str] = "billing.EstimateJob.v1"
    SUBJECT: ClassVar[str] = "rate_card_id"

    rate_card_id: RateCardId
    version: Version
    partner_id: PartnerId
    """Who asks."""
    side: Leg
    """As what he asks."""
    kind_of_work: KindOfWork
    required_certifications: Annotated[list[RequiredCertification], Field(max_length=10)]
    hours: Hours
    zone: Zone
    postcode: Postcode
    response_time: ResponseTime
    worked: list[WorkedTime] = Field(default_factory=list, max_length=50)
    """When, if surcharges are to be counted."""


class ClassifyWork(Command):
    """A clerk says whether a kind of work is building work (§ 13b (2) no. 4 UStG, § 48 EStG). Never the poster."""

    TYPE: ClassVar[str] = "billing.ClassifyWork.v1"
    SUBJECT: ClassVar[str] = "kind_of_work"

    kind_of_work: KindOfWork
    valid_from: Day
    building_work: Flag
    repair: Flag = False
    """Repair or maintenance: up to 500 euros net § 13b does not apply, UStAE 13b.2 (7) no. 15."""
    connected_with_property: Flag | None = None
    """§ 3a (3) no. 1 UStG, for partners abroad; none: not decided."""
    note: Remark


class ClassifyFee(Command):
    """A clerk says what a kind of fee is in the eyes of the tax law."""

    TYPE: ClassVar[str] = "billing.ClassifyFee.v1"
    SUBJECT: ClassVar[str] = "fee"

    fee: FeeKind
    valid_from: Day
    nature: FeeNature
    note: Remark


class JobMoneyCommand(Command):
    """A request about the settlement of one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId


class ResolveHold(JobMoneyCommand):
    """What kept a settlement from being made is put right, or was looked at: go on. The distributor only."""

    TYPE: ClassVar[str] = "billing.ResolveHold.v1"

    note: Remark
    state: State | None = None
    """Where it was, when the postcode lies in several states."""


class DecideTax(JobMoneyCommand):
    """A clerk decides how one leg is taxed, where the decision table has no row. The distributor only."""

    TYPE: ClassVar[str] = "billing.DecideTax.v1"

    leg: Leg
    treatment: TaxTreatment
    note: Remark


class ObjectToSelfBilling(JobMoneyCommand):
    """The contractor objects to a self-billed invoice, § 14 (2) sentence 6 UStG."""

    TYPE: ClassVar[str] = "billing.ObjectToSelfBilling.v1"

    contractor_id: PartnerId
    document_number: DocumentNumber
    reason: Remark


class SubmitOwnInvoice(JobMoneyCommand):
    """The contractor's own e-invoice (UBL or CII), where self-billing is not agreed or he objected."""

    TYPE: ClassVar[str] = "billing.SubmitOwnInvoice.v1"

    contractor_id: PartnerId
    content_base64: Annotated[
        list[Annotated[str, text(20_000, "^[A-Za-z0-9+/]{1,20000}={0,2}$")]],
        Field(min_length=1, max_length=30),
    ]
    """The file in base64, cut into pieces."""


class RecordOwnInvoice(JobMoneyCommand):
    """A clerk enters the contractor's own invoice that came on paper. The distributor only."""

    TYPE: ClassVar[str] = "billing.RecordOwnInvoice.v1"

    own_number: DocumentNumber
    issued_on: Day
    net: Money
    vat: Money
    gross: Money
    vat_category: VatCategory


class DecideOwnInvoice(JobMoneyCommand):
    """The contractor's own invoice differs from the fixed amounts: a clerk takes it as it is, or sends it back."""

    TYPE: ClassVar[str] = "billing.DecideOwnInvoice.v1"

    accept: Flag
    note: Remark


class RecordPayout(JobMoneyCommand):
    """The contractor was paid. The distributor only."""

    TYPE: ClassVar[str] = "billing.RecordPayout.v1"

    amount: Money
    paid_on: Day


TOPIC = Topic(
    name="billing.commands.v1",
    owner="billing",
    readers=("billing",),
    key="subject id: rate card id, job id, kind of work or fee",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="money",
    messages=(
        PublishRateCard,
        EstimateJob,
        ClassifyWork,
        ClassifyFee,
        ResolveHold,
        DecideTax,
        ObjectToSelfBilling,
        SubmitOwnInvoice,
        RecordOwnInvoice,
        DecideOwnInvoice,
        RecordPayout,
    ),
)
