"""The order among those who pass the gate: a sum of terms in [0, 1] with published weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import mul
from uuid import UUID

from contracts.matching_assignments_v1 import Candidate, Difference, Failure, Removed, Term
from contracts.values import ResponseTime
from matching.domain.gate import WITHOUT_CAPACITY, Case, ClientSide, Failed, capacity, case_of, judge
from matching.domain.model import Contractor, Job, Seen
from matching.domain.policy import PARTS, POLICY, TERMS, Policy
from matching.domain.standing import NEWCOMER, Sums, merit

TOLD = 6
"""So many candidates are described one by one; the others are counted by what removed them."""
PROMISED_MINUTES = {ResponseTime.four_hours: 4 * 60, ResponseTime.next_business_day: 9 * 60}
"""Service minutes until the contractor has to be there; other classes promise none."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate who passed: terms and score in ten-thousandths, terms in the order of policy.TERMS."""

    case: Case
    terms: tuple[int, ...]
    score: int
    sums: Sums = NEWCOMER
    reserved_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the partners brought.

    looked_at: how many were in question at all. passed: who may, capacity not yet asked, nearest first.
    failed: some of those who may not, with the reason. removed: how many each constraint kept away.
    complete: nobody was left out because enough were found.
    """

    looked_at: int
    passed: Sequence[Case]
    failed: Sequence[tuple[Case, Failed]]
    removed: Mapping[str, int]
    complete: bool


def look_over(
    job: Job,
    client: ClientSide,
    lost: Collection[UUID],
    partners: Iterable[Contractor],
    most: int | None = None,
    failed_most: int | None = TOLD,
) -> Look:
    """Judge these partners one after the other until `most` have passed; capacity is not asked here.

    failed_most: so many of those who fail are described one by one; None: all.
    """
    passed: list[Case] = []
    failed: list[tuple[Case, Failed]] = []
    removed: Counter[str] = Counter()
    looked_at = 0
    complete = True
    for contractor in partners:
        if len(passed) == most:
            complete = False
            break
        looked_at += 1
        case = case_of(job, contractor, client, lost=contractor.partner_id in lost)
        failure = judge(case, WITHOUT_CAPACITY)
        if failure is None:
            passed.append(case)
            continue
        removed[failure.constraint] += 1
        if failed_most is None or len(failed) < failed_most:
            failed.append((case, failure))
    return Look(looked_at, passed, failed, removed, complete)


def _newcomer(_: UUID) -> Sums:
    return NEWCOMER


def rank(
    cases: Iterable[Case],
    free_minutes: Mapping[UUID, int],
    volunteers: Collection[UUID] = (),
    policy: Policy = POLICY,
    standing: Callable[[UUID], Sums] = _newcomer,
    proposed: UUID | None = None,
) -> tuple[list[Ranked], list[tuple[Case, Failed]]]:
    """Order those who have the time, best first. Ties: by contractor id. `proposed`, by a plan, is before all."""
    able: list[Ranked] = []
    unable: list[tuple[Case, Failed]] = []
    for case in cases:
        partner_id = case.contractor.partner_id
        case.free_minutes = free_minutes[partner_id]
        fact = capacity(case)
        if fact is None:
            able.append(score(case, policy, standing(partner_id), volunteered=partner_id in volunteers))
        else:
            unable.append((case, Failed("capacity", *fact)))
    able.sort(key=lambda ranked: place_in_order(ranked, proposed))
    return able, unable


def place_in_order(ranked: Ranked, proposed: UUID | None = None) -> tuple[bool, int, int]:
    """The higher the score, the earlier; whom a plan proposes first of all."""
    partner_id = ranked.case.contractor.partner_id
    return partner_id != proposed, -ranked.score, partner_id.int


def score(case: Case, policy: Policy = POLICY, sums: Sums = NEWCOMER, *, volunteered: bool = False) -> Ranked:
    """The terms of one candidate, and their sum by the policy's weights."""
    km = case.distance_km if case.distance_km is not None else float(policy.far_km)
    offered = case.contractor.weekly_minutes
    own = merit(sums, policy)
    terms = (
        _nearness(km, policy),
        _response_fit(case.job.response_time, km, policy),
        own.rating,
        own.acceptance,
        min(PARTS, PARTS * max(0, case.free_minutes) // offered) if offered else 0,
        own.reciprocity,
        PARTS if volunteered else 0,
    )
    return Ranked(
        case, terms, sum(points(terms, policy)), sums, case.contractor.weekly_minutes - case.free_minutes
    )


def points(terms: Sequence[int], policy: Policy) -> list[int]:
    """What each term brings, in ten-thousandths, rounded down: they add up to the score."""
    return [product // PARTS for product in map(mul, policy.weights, terms)]


def away_points(wanted: ResponseTime, km: float, policy: Policy) -> int:
    """What the terms bring together that depend on how far away he is, for a job of this class."""
    terms = policy.distance * _nearness(km, policy), policy.response_fit * _response_fit(wanted, km, policy)
    return sum(term // PARTS for term in terms)


def own_points(sums: Sums, policy: Policy) -> int:
    """What the terms bring together that are his own, whatever the job."""
    own = merit(sums, policy)
    terms = (
        policy.rating * own.rating,
        policy.acceptance * own.acceptance,
        policy.reciprocity * own.reciprocity,
    )
    return sum(term // PARTS for term in terms)


def _nearness(km: float, policy: Policy) -> int:
    return max(0, round(PARTS * (1.0 - km / policy.far_km)))


def _response_fit(wanted: ResponseTime, km: float, policy: Policy) -> int:
    """The share of the promised time that the drive leaves; all of it where nothing is promised."""
    promised = PROMISED_MINUTES.get(wanted)
    if promised is None:
        return PARTS
    drive_minutes = km * policy.road_percent * 60 / (100 * policy.road_kmh)
    return max(0, round(PARTS * (1.0 - drive_minutes / promised)))


# -- as a round keeps them -----------------------------------------------------------------------------


def seen(ranked: Ranked) -> Seen:
    """Who passed, as a round keeps him."""
    case = ranked.case
    return Seen(
        case.contractor.partner_id,
        case.contractor.version,
        case.distance_km,
        case.travel_zone,
        ranked.reserved_minutes,
        ranked.sums,
        ranked.terms,
        ranked.score,
    )


def seen_failed(case: Case, failure: Failed, reserved_minutes: int = 0, *, assumed: bool = False) -> Seen:
    """Who did not pass, as a round keeps him."""
    return Seen(
        case.contractor.partner_id,
        case.contractor.version,
        case.distance_km,
        case.travel_zone,
        reserved_minutes,
        constraint=failure.constraint,
        fact=failure.fact,
        fact_de=failure.fact_de,
        assumed=assumed,
    )


# -- as others may read it -----------------------------------------------------------------------------


def told(one: Seen, policy: Policy, chosen: Seen | None = None) -> Candidate:
    """A candidate as published. chosen: who got the job; what he had more is told term by term."""
    passed = one.constraint is None
    own = points(one.terms, policy) if passed else []
    behind = None
    if passed and chosen is not None and chosen.terms:
        his = points(chosen.terms, policy)
        behind = [_difference(name, his[number] - own[number]) for number, name in enumerate(TERMS)]
    # all parts are checked when they are made, and few are new: to check them once more would cost the most here
    return Candidate.model_construct(
        contractor_id=one.partner_id,
        partner_version=one.version,
        distance_km=_km(one.distance_km),
        travel_zone=one.travel_zone,
        eligible=passed,
        failed=[] if one.constraint is None else [_failure(one.constraint, one.fact, one.fact_de)],
        terms=[
            _term(name, term, weight, part)
            for name, term, weight, part in zip(TERMS, one.terms, policy.weights, own, strict=False)
        ],
        score=None if one.score is None else _share(one.score),
        behind=behind,
    )


def told_removed(removed: Mapping[str, int]) -> list[Removed]:
    return [_removed(name, count) for name, count in sorted(removed.items()) if count]


@lru_cache(maxsize=4_096)
def _removed(constraint: str, count: int) -> Removed:
    """Values of a message are checked when they are made; there are only so many different ones."""
    return Removed(constraint=constraint, count=count)


@lru_cache(maxsize=4_096)
def _failure(constraint: str, fact: str, fact_de: str) -> Failure:
    return Failure(constraint=constraint, fact=fact, fact_de=fact_de or None)


@lru_cache(maxsize=16_384)
def _km(km: float | None) -> Decimal:
    return Decimal(str(km if km is not None else 99_999.9))


@lru_cache(maxsize=8 * PARTS)
def _term(name: str, value: int, weight: int, part: int) -> Term:
    return Term(name=name, value=_share(value), weight=_share(weight), points=_share(part))


@lru_cache(maxsize=8 * PARTS)
def _difference(name: str, part: int) -> Difference:
    return Difference(name=name, points=_share(part))


@lru_cache(maxsize=4 * PARTS)
def _share(parts: int) -> Decimal:
    return Decimal(parts).scaleb(-4)
