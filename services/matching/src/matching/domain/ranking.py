"""The order among those who pass the gate: a sum of terms in [0, 1] with published weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from contracts.matching_assignments_v1 import Candidate, Failure, Removed, Term
from matching.domain.gate import WITHOUT_CAPACITY, Case, ClientSide, Failed, capacity, case_of, judge
from matching.domain.model import Contractor, Job

PARTS = 10_000
"""Terms and weights are counted in ten-thousandths, so that the same input has one order everywhere."""
TOLD = 6
"""So many candidates are described one by one; the others are counted by what removed them."""
FAR_KM = 300.0
"""From here on the distance term is 0."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Published weights; they sum to PARTS. A change is a new version."""

    version: str
    distance: int
    free_load: int


POLICY = Policy("2026-1", distance=6_000, free_load=4_000)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate who passed, with his terms and score in ten-thousandths."""

    case: Case
    distance: int
    free_load: int
    score: int


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
) -> Look:
    """Judge these partners one after the other until `most` have passed; capacity is not asked here."""
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
        if len(failed) < TOLD:
            failed.append((case, failure))
    return Look(looked_at, passed, failed, removed, complete)


def rank(
    cases: Iterable[Case],
    free_minutes: Mapping[UUID, int],
    first: Sequence[UUID] = (),
    policy: Policy = POLICY,
) -> tuple[list[Ranked], list[tuple[Case, Failed]]]:
    """Order those who have the time, best first; volunteers (`first`) before all. Ties: by contractor id."""
    able: list[Ranked] = []
    unable: list[tuple[Case, Failed]] = []
    for case in cases:
        case.free_minutes = free_minutes[case.contractor.partner_id]
        fact = capacity(case)
        if fact is None:
            able.append(score(case, policy))
        else:
            unable.append((case, Failed("capacity", fact)))
    able.sort(key=lambda ranked: _place_in_order(ranked, first))
    return able, unable


def _place_in_order(ranked: Ranked, first: Sequence[UUID]) -> tuple[int, int, int]:
    partner_id = ranked.case.contractor.partner_id
    return first.index(partner_id) if partner_id in first else len(first), -ranked.score, partner_id.int


def score(case: Case, policy: Policy = POLICY) -> Ranked:
    """The terms of one candidate. Near is good, and so is having much of the week free."""
    km = case.distance_km if case.distance_km is not None else FAR_KM
    distance = max(0, round(PARTS * (1.0 - km / FAR_KM)))
    offered = case.contractor.weekly_minutes
    free_load = min(PARTS, PARTS * max(0, case.free_minutes) // offered) if offered else 0
    return Ranked(
        case, distance, free_load, (policy.distance * distance + policy.free_load * free_load) // PARTS
    )


# -- as others may read it -----------------------------------------------------------------------------


def told(ranked: Ranked) -> Candidate:
    """A candidate who passed, as published."""
    case = ranked.case
    return Candidate(
        contractor_id=case.contractor.partner_id,
        partner_version=case.contractor.version,
        distance_km=_km(case),
        travel_zone=case.travel_zone,
        eligible=True,
        failed=[],
        terms=[
            _term("distance", ranked.distance),
            _term("free-load", ranked.free_load),
        ],
        score=_share(ranked.score),
    )


def told_failed(case: Case, failure: Failed) -> Candidate:
    """A candidate who did not pass, and why."""
    return Candidate(
        contractor_id=case.contractor.partner_id,
        partner_version=case.contractor.version,
        distance_km=_km(case),
        travel_zone=case.travel_zone,
        eligible=False,
        failed=[Failure(constraint=failure.constraint, fact=failure.fact)],
        terms=[],
        score=None,
    )


def told_removed(removed: Mapping[str, int]) -> list[Removed]:
    return [Removed(constraint=name, count=count) for name, count in sorted(removed.items()) if count]


def _km(case: Case) -> Decimal:
    return Decimal(str(case.distance_km if case.distance_km is not None else 99_999.9))


@lru_cache(maxsize=4 * PARTS)
def _term(name: str, parts: int) -> Term:
    """Values of a message are checked when they are made; there are only so many different ones."""
    return Term(name=name, value=_share(parts))


@lru_cache(maxsize=2 * PARTS)
def _share(parts: int) -> Decimal:
    return Decimal(parts).scaleb(-4)
