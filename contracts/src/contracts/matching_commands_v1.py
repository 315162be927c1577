"""matching.commands.v1: accept, decline, volunteer, assign by hand, release, no-show."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from contracts.ids import JobId, OfferId, PartnerId
from contracts.messages import Command, OpenEnum
from contracts.topics import Topic
from contracts.values import Remark


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


class MatchingCommand(Command):
    """A request about who does one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
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


class ReleaseAssignment(MatchingCommand):
    """The contractor gives the job back."""

    TYPE: ClassVar[str] = "matching.ReleaseAssignment.v1"

    reason: ReleaseReason


class ReportNoShow(MatchingCommand):
    """The contractor did not come."""

    TYPE: ClassVar[str] = "matching.ReportNoShow.v1"

    client_id: PartnerId


TOPIC = Topic(
    name="matching.commands.v1",
    owner="matching",
    readers=("matching",),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="operational",
    messages=(AcceptOffer, DeclineOffer, Volunteer, AssignByHand, ReleaseAssignment, ReportNoShow),
)
