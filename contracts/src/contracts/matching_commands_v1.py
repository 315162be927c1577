"""matching.commands.v1: accept, decline, volunteer, by hand, hold, rank again, release, no-show, rate."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from contracts.ids import JobId, OfferId, PartnerId
from contracts.messages import Command, OpenEnum
from contracts.topics import Topic
from contracts.values import Remark
from contracts.wire import whole


class DeclineReason(OpenEnum):
    """Why a candidate does not want a job."""

    no_capacity = "no_capacity"
    too_far = "too_far"
    not_interested = "not_interested"
    other = "other"
    unknown = "unknown"


class ReleaseReason(OpenEnum):
    """Why a contractor gives a job back."""

    illness = "illness"
    no_capacity = "no_capacity"
    other = "other"
    unknown = "unknown"


class AboutJob(Command):
    """A request about who does one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId


class MatchingCommand(AboutJob):
    """The same, about one partner."""

    contractor_id: PartnerId


class AcceptOffer(MatchingCommand):
    """The candidate takes the job."""

    TYPE: ClassVar[str] = "matching.AcceptOffer.v1"

    offer_id: OfferId


class DeclineOffer(MatchingCommand):
    """The candidate does not take the job."""

    TYPE: ClassVar[str] = "matching.DeclineOffer.v1"

    offer_id: OfferId
    reason: DeclineReason


class Volunteer(MatchingCommand):
    """A partner saw the job on the board and would take it."""

    TYPE: ClassVar[str] = "matching.Volunteer.v1"


class AssignByHand(MatchingCommand):
    """A dispatcher gives the job to a partner; the gate holds all the same. The distributor only."""

    TYPE: ClassVar[str] = "matching.AssignByHand.v1"

    reason: Remark


class HoldJob(AboutJob):
    """A dispatcher stops the search: open offers are withdrawn, nobody is asked. The distributor only."""

    TYPE: ClassVar[str] = "matching.HoldJob.v1"

    reason: Remark


class RankAgain(AboutJob):
    """A dispatcher lets everybody be looked at anew; open offers are withdrawn. The distributor only."""

    TYPE: ClassVar[str] = "matching.RankAgain.v1"

    reason: Remark


class ReleaseAssignment(MatchingCommand):
    """The contractor gives the job back, or the distributor takes it from him."""

    TYPE: ClassVar[str] = "matching.ReleaseAssignment.v1"

    reason: ReleaseReason


class ReportNoShow(MatchingCommand):
    """The contractor did not come."""

    TYPE: ClassVar[str] = "matching.ReportNoShow.v1"

    client_id: PartnerId


class RateContractor(MatchingCommand):
    """The client says how the work was, once, after the job is completed."""

    TYPE: ClassVar[str] = "matching.RateContractor.v1"

    client_id: PartnerId
    stars: Annotated[int, whole(1, 5)]


TOPIC = Topic(
    name="matching.commands.v1",
    owner="matching",
    readers=("matching",),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="operational",
    messages=(
        AcceptOffer,
        DeclineOffer,
        Volunteer,
        AssignByHand,
        HoldJob,
        RankAgain,
        ReleaseAssignment,
        ReportNoShow,
        RateContractor,
    ),
)
