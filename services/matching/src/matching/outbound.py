"""The way out: each event's topic and key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import matching_assignments_v1 as assignments_v1
from contracts import matching_coverage_v1 as coverage_v1
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    CandidatesRanked,
    JobAssigned,
    JobOffered,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
)
from contracts.matching_coverage_v1 import Coverage

Event = (
    CandidatesRanked
    | JobOffered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | JobAssigned
    | AssignmentReleased
    | JobUnfilled
    | Coverage
)


def route(event: object) -> Iterable[Outgoing]:
    """What matching says is about one job, on one topic; or about all of the network."""
    told = cast("Event", event)
    match told:
        case (
            CandidatesRanked()
            | JobOffered()
            | OfferDeclined()
            | OfferExpired()
            | OfferWithdrawn()
            | JobAssigned()
            | AssignmentReleased()
            | JobUnfilled()
        ):
            yield Outgoing(assignments_v1.TOPIC, str(told.job_id), told)
        case Coverage():
            yield Outgoing(coverage_v1.TOPIC, told.country, told)
        case _:
            assert_never(told)
