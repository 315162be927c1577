"""The way out: each event's topic and key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import matching_assignments_v1 as assignments_v1
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

Event = (
    CandidatesRanked
    | JobOffered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | JobAssigned
    | AssignmentReleased
    | JobUnfilled
)


def route(event: object) -> Iterable[Outgoing]:
    """Everything that matching says is about one job, on one topic."""
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
        case _:
            assert_never(told)
