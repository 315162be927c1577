"""matching.assignments.v1: who was looked at, asked and given the job, and why. Blind as the jobs are."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.ids import JobId, OfferId, PartnerId
from contracts.matching_commands_v1 import DeclineReason
from contracts.messages import Event, OpenEnum, Value
from contracts.topics import Topic
from contracts.values import Code, Count, Fact, JobNumber, Kilometres, Money, Score, Share, Version, Zone
from contracts.wire import Flag, Time, whole

How = Literal["accepted", "standing_offer", "by_hand"]


class WithdrawReason(OpenEnum):
    """Why an offer no longer stands."""

    cancelled = "cancelled"
    assigned_otherwise = "assigned_otherwise"
    partner_lapsed = "partner_lapsed"
    on_hold = "on_hold"
    ranked_again = "ranked_again"
    amended = "amended"
    unknown = "unknown"


class UnfilledCause(OpenEnum):
    """Why nobody is asked any more."""

    nobody_left = "nobody_left"
    window_over = "window_over"
    too_many_rounds = "too_many_rounds"
    reference_data_missing = "reference_data_missing"
    """The rate card's version or the client never became known here."""
    unknown = "unknown"


class AssignmentReleaseReason(OpenEnum):
    """Why a contractor no longer has a job."""

    released = "released"
    no_show = "no_show"
    partner_lapsed = "partner_lapsed"
    cancelled = "cancelled"
    amended = "amended"
    """The client changed the job, and as it is now he may not or cannot do it."""
    unknown = "unknown"


class Failure(Value):
    """A constraint of the gate that did not hold, and what was found."""

    constraint: Code
    fact: Fact
    fact_de: Fact | None = None
    """The same in German."""


class Term(Value):
    """One part of a ranking. The points of all terms are the score."""

    name: Code
    value: Share
    weight: Score | None = None
    """By the policy; below zero it counts against."""
    points: Score | None = None
    """Weight times value, rounded down."""


class Difference(Value):
    """By how many points the chosen one is ahead in this term; below zero he is behind."""

    name: Code
    points: Score


class Candidate(Value):
    """A partner as he was looked at."""

    contractor_id: PartnerId
    partner_version: Version
    """Of the partners topic: the state that was judged."""
    distance_km: Kilometres
    travel_zone: Zone | None = None
    eligible: Flag
    failed: Annotated[list[Failure], Field(max_length=20)]
    terms: Annotated[list[Term], Field(max_length=20)]
    score: Score | None = None
    behind: Annotated[list[Difference], Field(max_length=20)] | None = None
    """Who passed and was not chosen: term by term, what the chosen one had more. The sum is the difference."""


class Removed(Value):
    """How many partners a constraint kept away."""

    constraint: Code
    count: Count


class Earnings(Value):
    """What the contractor gets, net."""

    per_hour: Money
    travel: Money
    estimated_total: Money


class AssignmentEvent(Event):
    """Something about who does one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber


class CandidatesRanked(AssignmentEvent):
    """Who may and can, the best ones in order, and why others may not.

    Counted are all who were looked at: everybody in a small network, those in question in a large one.
    """

    TYPE: ClassVar[str] = "matching.CandidatesRanked.v1"

    round: Annotated[int, whole(1, 1_000)]
    looked_at: Count
    candidates: Annotated[list[Candidate], Field(max_length=50)]
    removed: Annotated[list[Removed], Field(max_length=50)]
    policy_version: Code
    planned_with: Count | None = None
    """So many jobs were planned together, and the first of these candidates is the plan's; None: no plan was made."""


class JobOffered(AssignmentEvent):
    """A candidate is asked, with what he would earn."""

    TYPE: ClassVar[str] = "matching.JobOffered.v1"

    offer_id: OfferId
    contractor_id: PartnerId
    earnings: Earnings
    travel_zone: Zone
    expires_at: Time


class OfferDeclined(AssignmentEvent):
    """The candidate does not want it."""

    TYPE: ClassVar[str] = "matching.OfferDeclined.v1"

    offer_id: OfferId
    contractor_id: PartnerId
    reason: DeclineReason


class OfferExpired(AssignmentEvent):
    """The candidate did not answer in time."""

    TYPE: ClassVar[str] = "matching.OfferExpired.v1"

    offer_id: OfferId
    contractor_id: PartnerId


class OfferWithdrawn(AssignmentEvent):
    """The offer no longer stands."""

    TYPE: ClassVar[str] = "matching.OfferWithdrawn.v1"

    offer_id: OfferId
    contractor_id: PartnerId
    reason: WithdrawReason


class JobAssigned(AssignmentEvent):
    """The job is his, with the reasons of every candidate looked at. The travel zone is fixed now."""

    TYPE: ClassVar[str] = "matching.JobAssigned.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    partner_version: Version
    offer_id: OfferId | None = None
    travel_zone: Zone
    distance_km: Kilometres
    how: How
    chosen: Candidate
    others: Annotated[list[Candidate], Field(max_length=50)]
    earnings: Earnings


class AssignmentReleased(AssignmentEvent):
    """The contractor no longer has the job."""

    TYPE: ClassVar[str] = "matching.AssignmentReleased.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    reason: AssignmentReleaseReason


class AssignmentKept(AssignmentEvent):
    """The client changed the job; who had it passes the gate for it as it is now, and has it still."""

    TYPE: ClassVar[str] = "matching.AssignmentKept.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    partner_version: Version
    """Of the partners topic: the state that was judged."""


class JobUnfilled(AssignmentEvent):
    """Nobody is left who may and can: a dispatcher's turn."""

    TYPE: ClassVar[str] = "matching.JobUnfilled.v1"

    client_id: PartnerId
    removed: Annotated[list[Removed], Field(max_length=50)]
    looked_at: Count
    offers_made: Count
    cause: UnfilledCause | None = None


class JobHeld(AssignmentEvent):
    """A dispatcher stopped the search: nobody is asked until he goes on, gives it by hand, or its time is over."""

    TYPE: ClassVar[str] = "matching.JobHeld.v1"

    client_id: PartnerId
    held_until: Time
    """The end of the job's window."""


TOPIC = Topic(
    name="matching.assignments.v1",
    owner="matching",
    readers=("job-exchange", "billing", "partner-registry", "gateway"),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=90),
    data_class="blind",
    messages=(
        CandidatesRanked,
        JobOffered,
        OfferDeclined,
        OfferExpired,
        OfferWithdrawn,
        JobAssigned,
        AssignmentReleased,
        AssignmentKept,
        JobUnfilled,
        JobHeld,
    ),
    versioned=True,
)
