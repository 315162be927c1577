"""job-exchange.commands.v1: requests about a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, PartnerId, StatementId
from contracts.messages import Command, OpenEnum
from contracts.topics import Topic
from contracts.values import (
    Hours,
    KindOfWork,
    Material,
    Money,
    OfferPolicy,
    OwnReference,
    Postcode,
    RequiredCertification,
    ResponseTime,
    Sealed,
    Sha256,
    Summary,
    Window,
    WorkedTime,
    Zone,
)
from contracts.wire import Day, Flag, Time, whole


class CancelReason(OpenEnum):
    """Why a client takes a job back."""

    customer_withdrew = "customer_withdrew"
    done_otherwise = "done_otherwise"
    posted_in_error = "posted_in_error"
    unknown = "unknown"


class DisputeReason(OpenEnum):
    """Why a client does not approve a statement."""

    hours_too_high = "hours_too_high"
    work_incomplete = "work_incomplete"
    wrong_dates = "wrong_dates"
    unknown = "unknown"


class JobCommand(Command):
    """A request about one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId


class PostJob(JobCommand):
    """A client is short of hands. The poster chooses the job's id."""

    TYPE: ClassVar[str] = "job-exchange.PostJob.v1"

    client_id: PartnerId
    postcode: Postcode
    """Where the work is done; all that anybody but client and contractor learns of the place."""
    kind_of_work: KindOfWork
    required_certifications: Annotated[list[RequiredCertification], Field(max_length=10)]
    window: Window
    estimated_hours: Hours
    response_time: ResponseTime
    insurance_sum: Money | None = None
    """The contractor must be insured for so much at least."""
    highest_zone: Zone
    """No contractor from a travel zone beyond this one."""
    offer_policy: OfferPolicy
    own_reference: OwnReference
    summary: Summary
    rework_of: JobId | None = None
    """The client's own job whose work has to be made good, at no charge."""
    end_customer: Sealed
    """Sealed to job-exchange's published key, bound to this job's id."""


class AmendJob(JobCommand):
    """The client changes the job, until the work has begun. What stands here holds from then on, all of it.

    Place, kind of work, end customer and prices stay: who needs those otherwise cancels and posts anew.
    """

    TYPE: ClassVar[str] = "job-exchange.AmendJob.v1"

    client_id: PartnerId
    required_certifications: Annotated[list[RequiredCertification], Field(max_length=10)]
    window: Window
    estimated_hours: Hours
    response_time: ResponseTime
    insurance_sum: Money | None = None
    """Left out: no sum is asked for any more."""
    highest_zone: Zone
    summary: Summary


class CancelJob(JobCommand):
    """The client takes the job back."""

    TYPE: ClassVar[str] = "job-exchange.CancelJob.v1"

    client_id: PartnerId
    reason: CancelReason


class RecordArrival(JobCommand):
    """The contractor is at the end customer's."""

    TYPE: ClassVar[str] = "job-exchange.RecordArrival.v1"

    contractor_id: PartnerId
    arrived_at: Time


class SubmitStatement(JobCommand):
    """What was done. A correction comes with a new statement id."""

    TYPE: ClassVar[str] = "job-exchange.SubmitStatement.v1"

    contractor_id: PartnerId
    statement_id: StatementId
    hours: Hours
    travel_km: Annotated[int, whole(0, 2_000)]
    performed_from: Day
    performed_to: Day
    """The last day of the work, not before `performed_from`."""
    materials: Annotated[list[Material], Field(max_length=100)]
    proof_sha256: Sha256 | None = None
    """The signed paper's SHA-256; the paper itself stays with the contractor."""
    worked: list[WorkedTime] = Field(default_factory=list, max_length=50)
    """When, for surcharges; none are paid without. Together they are the hours."""
    nobody_there: Flag = False
    """He came and could not work: the fee for that is paid instead of hours."""


class ApproveStatement(JobCommand):
    """The client agrees to the statement."""

    TYPE: ClassVar[str] = "job-exchange.ApproveStatement.v1"

    client_id: PartnerId
    statement_id: StatementId


class DisputeStatement(JobCommand):
    """The client does not agree to the statement."""

    TYPE: ClassVar[str] = "job-exchange.DisputeStatement.v1"

    client_id: PartnerId
    statement_id: StatementId
    reason: DisputeReason


class ResolveDispute(JobCommand):
    """So many hours it is. The distributor only."""

    TYPE: ClassVar[str] = "job-exchange.ResolveDispute.v1"

    statement_id: StatementId
    hours: Hours


class CorrectStatement(JobCommand):
    """A statement that was approved and settled was wrong. The distributor only."""

    TYPE: ClassVar[str] = "job-exchange.CorrectStatement.v1"

    statement_id: StatementId
    """The wrong one."""
    new_statement_id: StatementId
    hours: Hours
    performed_from: Day
    performed_to: Day
    worked: list[WorkedTime] = Field(default_factory=list, max_length=50)


TOPIC = Topic(
    name="job-exchange.commands.v1",
    owner="job-exchange",
    readers=("job-exchange",),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="sealed",
    messages=(
        PostJob,
        AmendJob,
        CancelJob,
        RecordArrival,
        SubmitStatement,
        ApproveStatement,
        DisputeStatement,
        ResolveDispute,
        CorrectStatement,
    ),
)
