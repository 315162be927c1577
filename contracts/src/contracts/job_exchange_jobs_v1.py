"""job-exchange.jobs.v1: what happened to a job. Blind: nothing here leads to an end customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.ids import JobId, PartnerId, RateCardId, StatementId
from contracts.job_exchange_commands_v1 import CancelReason, DisputeReason
from contracts.messages import Event, Value
from contracts.topics import Topic
from contracts.values import (
    Group,
    Hours,
    JobNumber,
    KindOfWork,
    Material,
    Money,
    OfferPolicy,
    OwnReference,
    Postcode,
    Quantity,
    RequiredCertification,
    ResponseTime,
    Summary,
    Version,
    Window,
    WorkedTime,
    Zone,
)
from contracts.wire import Day, Flag, Time, whole

Approver = Literal["client", "limits", "distributor"]


class JobEvent(Event):
    """Something that happened to one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber


class JobAsAsked(JobEvent):
    """The job as it is asked for now, whole."""

    client_id: PartnerId
    client_group: Group | None = None
    postcode: Postcode
    kind_of_work: KindOfWork
    required_certifications: Annotated[list[RequiredCertification], Field(max_length=10)]
    window: Window
    estimated_hours: Hours
    response_time: ResponseTime
    insurance_sum: Money | None = None
    highest_zone: Zone
    offer_policy: OfferPolicy
    rate_card_id: RateCardId
    rate_card_version: Version
    own_reference: OwnReference
    summary: Summary
    posted_at: Time
    rework_of: JobId | None = None


class JobPosted(JobAsAsked):
    """A job is on the board. The rate card's version is fixed from here on."""

    TYPE: ClassVar[str] = "job-exchange.JobPosted.v1"


class JobAmended(JobAsAsked):
    """The client changed the job before the work began: this holds now, whoever has or is asked for it.

    Postcode, kind of work, offer policy, rate card and its version are those of the posting.
    """

    TYPE: ClassVar[str] = "job-exchange.JobAmended.v1"

    amended_at: Time


class FeeBasis(Value):
    """What billing needs to know of a job that was cancelled after award."""

    window_starts_at: Time
    postcode: Postcode
    kind_of_work: KindOfWork
    travel_zone: Zone
    rate_card_id: RateCardId
    rate_card_version: Version
    own_reference: OwnReference


class JobCancelled(JobEvent):
    """The client took the job back."""

    TYPE: ClassVar[str] = "job-exchange.JobCancelled.v1"

    client_id: PartnerId
    contractor_id: PartnerId | None = None
    """Who had it, if anybody."""
    reason: CancelReason
    cancelled_at: Time | None = None
    fee_basis: FeeBasis | None = None
    """What a fee is reckoned by, when somebody had the job."""


class JobStarted(JobEvent):
    """The contractor arrived."""

    TYPE: ClassVar[str] = "job-exchange.JobStarted.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    arrived_at: Time


class JobStated(JobEvent):
    """The contractor sent his statement."""

    TYPE: ClassVar[str] = "job-exchange.JobStated.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    statement_id: StatementId
    statement_version: Version
    hours: Hours
    within_limits: Flag
    """It approves itself, by the client's agreement."""


class JobDisputed(JobEvent):
    """The client does not agree to the statement."""

    TYPE: ClassVar[str] = "job-exchange.JobDisputed.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    statement_id: StatementId
    reason: DisputeReason


class Statement(Value):
    """The approved statement."""

    statement_id: StatementId
    version: Version
    hours: Hours
    travel_km: Annotated[int, whole(0, 2_000)]
    performed_from: Day
    performed_to: Day
    materials: Annotated[list[Material], Field(max_length=100)]
    worked: list[WorkedTime] = Field(default_factory=list, max_length=50)
    """When, for surcharges."""
    nobody_there: Flag = False
    """No work could be done: the fee for that is paid instead of hours."""


class DoneWork(JobEvent):
    """All that billing needs for both legs."""

    client_id: PartnerId
    contractor_id: PartnerId
    postcode: Postcode
    kind_of_work: KindOfWork
    required_certifications: Annotated[list[RequiredCertification], Field(max_length=10)]
    statement: Statement
    travel_zone: Zone
    """Fixed at award."""
    rate_card_id: RateCardId
    rate_card_version: Version
    own_reference: OwnReference
    approved_by: Approver
    completed_at: Time
    response_time: ResponseTime = ResponseTime.unknown
    approves_itself_up_to_hours: Quantity | None = None
    rework_of: JobId | None = None
    """Made good at no charge: the job whose work it was."""


class JobCompleted(DoneWork):
    """The work is done and approved."""

    TYPE: ClassVar[str] = "job-exchange.JobCompleted.v1"


class StatementCorrected(DoneWork):
    """The approved statement was wrong; this one, of a higher version, stands in its place."""

    TYPE: ClassVar[str] = "job-exchange.StatementCorrected.v1"


class WorkOrderReleased(JobEvent):
    """The contractor can read his work order now."""

    TYPE: ClassVar[str] = "job-exchange.WorkOrderReleased.v1"

    contractor_id: PartnerId


class WorkOrderTakenBack(JobEvent):
    """The former contractor's work order is gone."""

    TYPE: ClassVar[str] = "job-exchange.WorkOrderTakenBack.v1"

    contractor_id: PartnerId


TOPIC = Topic(
    name="job-exchange.jobs.v1",
    owner="job-exchange",
    readers=("matching", "billing", "partner-registry", "gateway"),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=90),
    data_class="blind",
    messages=(
        JobPosted,
        JobAmended,
        JobCancelled,
        JobStarted,
        JobStated,
        JobDisputed,
        JobCompleted,
        StatementCorrected,
        WorkOrderReleased,
        WorkOrderTakenBack,
    ),
    versioned=True,
)
