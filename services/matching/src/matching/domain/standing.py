"""What a partner's work so far says about him: sums that are matching's own, folded from what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from chassis.decisions import Changed, Decision, Wake
from contracts.matching_standings_v1 import Standing as StandingTold
from matching.domain.policy import PARTS, Policy


class DeedKind(StrEnum):
    """accepted, passed: an offer. lost: an assignment given back or taken away for his doing. rated: stars.

    given, taken: minutes of a completed job that he posted, or did.
    """

    ACCEPTED = "accepted"
    PASSED = "passed"
    LOST = "lost"
    RATED = "rated"
    GIVEN = "given"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that counts. amount: stars or minutes."""

    partner_id: UUID
    job_id: UUID
    kind: DeedKind
    at: datetime
    amount: int = 0


class NumberedDeed(NamedTuple):
    """A deed with its number in the ledger."""

    number: int
    deed: Deed


class Sums(NamedTuple):
    """As matching.standings.v1 has them."""

    asked: int = 0
    kept: int = 0
    ratings: int = 0
    stars: int = 0
    given_minutes: int = 0
    taken_minutes: int = 0


NEWCOMER = Sums()


@dataclass(frozen=True, slots=True)
class Standing:
    """A partner's sums; the row that only its own timer changes."""

    partner_id: UUID
    sums: Sums = NEWCOMER


class Merit(NamedTuple):
    """The terms that hang on the partner alone, in ten-thousandths."""

    rating: int
    acceptance: int
    reciprocity: int


@lru_cache(maxsize=65_536)
def merit(sums: Sums, policy: Policy) -> Merit:
    """Rating and acceptance are shrunk towards what a newcomer has, so that one bad day is not a verdict.

    Reciprocity: 1/2 for who gave as much as he took, towards 1 for who gave more, towards 0 for who took more.
    """
    ratings = sums.ratings + policy.rating_worth
    stars = sums.stars + policy.rating_mean * policy.rating_worth
    rating = PARTS * (stars - ratings) // (4 * ratings) if ratings else PARTS // 2
    asked = sums.asked + policy.acceptance_worth
    acceptance = PARTS * (sums.kept + policy.acceptance_worth) // asked if asked else PARTS
    given, taken = sums.given_minutes, sums.taken_minutes
    whole = 2 * (given + taken + policy.reciprocity_worth_minutes)
    reciprocity = PARTS // 2 + PARTS * (given - taken) // whole if whole else PARTS // 2
    return Merit(rating, min(PARTS, max(0, acceptance)), reciprocity)


def fold(sums: Sums, deeds: Iterable[Deed]) -> Sums:
    """Count these deeds in. Their order does not matter."""
    asked, kept, ratings, stars, given, taken = sums
    for deed in deeds:
        match deed.kind:
            case DeedKind.ACCEPTED:
                asked, kept = asked + 1, kept + 1
            case DeedKind.PASSED | DeedKind.LOST:
                asked += 1
            case DeedKind.RATED:
                ratings, stars = ratings + 1, stars + deed.amount
            case DeedKind.GIVEN:
                given += deed.amount
            case DeedKind.TAKEN:
                taken += deed.amount
    return Sums(asked, kept, ratings, stars, given, taken)


COUNTED_EVERY = timedelta(minutes=1)


def next_count(now: datetime) -> datetime:
    """The next whole minute: all deeds of a minute are counted together, and no new one puts it off."""
    return now.replace(second=0, microsecond=0) + COUNTED_EVERY


def wakes(deeds: Iterable[Deed], now: datetime) -> list[Wake]:
    """Let the standings of those concerned be counted soon."""
    return [Wake("standing", str(deed.partner_id), "count", next_count(now)) for deed in deeds]


def count(state: Standing, fresh: Sequence[NumberedDeed], now: datetime) -> Decision[Standing]:
    """Timer: fold what came since. It looks once more later, for deeds that were on their way just now."""
    if not fresh:
        return Decision(state)
    after = replace(state, sums=fold(state.sums, (each.deed for each in fresh)))
    return Decision(
        after,
        [StandingTold(partner_id=state.partner_id, **after.sums._asdict())],
        timers={"count": next_count(now)},
        also=[Changed("fresh-deeds", str(state.partner_id), fresh)],
    )
