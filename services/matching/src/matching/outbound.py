"""The way out: each event's topic and key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import matching_assignments_v1 as assignments_v1
from contracts import matching_coverage_v1 as coverage_v1
from contracts import matching_standings_v1 as standings_v1
from contracts.matching_assignments_v1 import (
    AssignmentKept,
    AssignmentReleased,
    CandidatesRanked,
    JobAssigned,
    JobHeld,
    JobOffered,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
)
from contracts.matching_coverage_v1 import Coverage
from contracts.matching_standings_v1 import Standing

Event = (
    CandidatesRanked
    | JobOffered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | JobAssigned
    | AssignmentReleased
    | AssignmentKept
    | JobUnfilled
    | Coverage
    | JobHeld
    | Standing
)


def route(event: object) -> Iterable[Outgoing]:
    """What concerns a job stands on one topic; what partners have done so far, and the network, on others."""
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
            | AssignmentKept()
            | JobUnfilled()
            | JobHeld()
        ):
            yield Outgoing(assignments_v1.TOPIC, str(told.job_id), told)
        case Coverage():
            yield Outgoing(coverage_v1.TOPIC, told.country, told)
        case Standing():
            yield Outgoing(standings_v1.TOPIC, str(told.partner_id), told)
        case _:
            assert_never(told)
