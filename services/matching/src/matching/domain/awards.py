"""Giving a job away and taking it back: the only places where capacity is reserved and returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from uuid import UUID

from chassis.decisions import Changed, Decision, Wake
from contracts.matching_assignments_v1 import (
    AssignmentKept,
    AssignmentReleased,
    AssignmentReleaseReason,
    Earnings,
    How,
    JobAssigned,
    JobHeld,
    OfferWithdrawn,
    WithdrawReason,
)
from contracts.values import eur
from matching.domain.course import NO_TIMERS, Course
from matching.domain.gate import Case
from matching.domain.model import Assignment, Capacity, Contractor, Job, Offer, Phase, Round, Seen
from matching.domain.policy import POLICIES, Policy
from matching.domain.ranking import score, seen, told
from matching.domain.standing import DeedKind
from matching.domain.view import View

CENT = Decimal("0.01")


def award(
    state: Assignment,
    case: Case,
    capacity: Capacity,
    how: How,
    view: View,
    course: Course | None = None,
) -> Decision[Assignment]:
    """The job is his. `case` was judged on his locked row; `capacity`, locked, commits with it."""
    job, contractor = state.job, case.contractor
    taken = capacity.reserve(job.minutes, contractor.weekly_minutes)
    accepted = state.offer_to(contractor.partner_id) if how == "accepted" else None
    course = course or Course()
    course.also.append(Changed("capacity", taken.key, taken))
    for offer in state.offers:
        if offer is not accepted:
            course.events.append(withdrawn(state, offer, WithdrawReason.assigned_otherwise))
    assigned = replace(
        state,
        phase=Phase.ASSIGNED,
        contractor_id=contractor.partner_id,
        offers=(),
        reserved_minutes=job.minutes,
        candidates=(),
        travel_zone=case.zone,
    )
    policy = POLICIES.get(state.policy_version, view.policy)
    chosen = _as_ranked(state, case, how, policy, view)
    told_chosen = told(chosen, policy)
    course.events.append(
        JobAssigned(
            job_id=job.job_id,
            job_number=job.job_number,
            client_id=job.client_id,
            contractor_id=contractor.partner_id,
            partner_version=contractor.version,
            offer_id=None if accepted is None else accepted.offer_id,
            travel_zone=case.zone,
            distance_km=told_chosen.distance_km,
            how=how,
            chosen=told_chosen,
            others=[
                told(other, policy, chosen)
                for other in state.candidates
                if other.partner_id != contractor.partner_id
            ],
            earnings=earnings(job, case.zone),
        )
    )
    if how == "by_hand":
        assigned = replace(assigned, round=state.round + 1)
        course.rounds.append(_round_of_one(assigned, chosen, policy, view))
    else:
        course.did(contractor.partner_id, DeedKind.ACCEPTED, state, view)
    others = _who_must_look_again(job.job_id, contractor.partner_id, taken, view)
    return course.end(assigned, view, NO_TIMERS, others)


def _round_of_one(state: Assignment, chosen: Seen, policy: Policy, view: View) -> Round:
    """Nobody was compared: a dispatcher chose."""
    client = view.contractors([state.job.client_id])[state.job.client_id]
    return Round(
        number=state.round,
        at=view.now,
        policy_version=policy.version,
        client_version=client.version if client is not None else 0,
        lost=state.lost,
        volunteers=state.volunteers,
        looked_at=1,
        removed={},
        seen=(chosen,),
        asked=(chosen.partner_id,),
        job=state.job if state.posted_as else None,
    )


def _as_ranked(state: Assignment, case: Case, how: How, policy: Policy, view: View) -> Seen:
    """As the round that chose him saw him, so that the others compare; anew, when that round did not.

    A choice by hand is a round of its own and hangs on how things are now: he may have volunteered since, for one.
    """
    contractor = case.contractor
    for one in state.candidates if how != "by_hand" else ():
        if one.partner_id == contractor.partner_id and one.version == contractor.version and one.terms:
            return one
    volunteered = contractor.partner_id in state.volunteers
    return seen(score(case, policy, view.standing(contractor.partner_id), volunteered=volunteered))


def _who_must_look_again(job_id: UUID, partner_id: UUID, taken: Capacity, view: View) -> list[Wake]:
    """Offers open to the same partner in the same week that no longer fit."""
    free = taken.offered_minutes - taken.reserved_minutes
    return [
        Wake("assignment", str(other.job_id), "recheck")
        for other in view.engagements(partner_id)
        if other.phase is Phase.OFFERED
        and not other.as_client
        and other.job_id != job_id
        and other.week == taken.week
        and other.minutes > free
    ]


def released(
    state: Assignment, reason: AssignmentReleaseReason, view: View
) -> tuple[AssignmentReleased, Changed]:
    """The event, and the capacity given back. Only what is reserved can come back, so it does once."""
    if state.contractor_id is None:
        raise ValueError("nobody has this job")
    capacity = view.capacity(state.contractor_id, state.job.week).give_back(state.reserved_minutes)
    event = AssignmentReleased(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        client_id=state.job.client_id,
        contractor_id=state.contractor_id,
        reason=reason,
    )
    return event, Changed("capacity", capacity.key, capacity)


def keep(
    state: Assignment, amended: Assignment, contractor: Contractor, weeks: Mapping[str, Capacity], view: View
) -> Decision[Assignment]:
    """He has the amended job still: what was reserved for it comes back, what it takes now is reserved, in one go.

    He passed the gate for it on his locked row. weeks: his capacity in the week of before and in the new one, locked.
    """
    job = amended.job
    rows = dict(weeks)
    rows[state.job.week] = rows[state.job.week].give_back(state.reserved_minutes)
    taken = rows[job.week].reserve(job.minutes, contractor.weekly_minutes)
    rows[job.week] = taken
    kept = AssignmentKept(
        job_id=job.job_id,
        job_number=job.job_number,
        client_id=job.client_id,
        contractor_id=contractor.partner_id,
        partner_version=contractor.version,
    )
    course = Course([kept], [Changed("capacity", row.key, row) for row in rows.values()])
    others = _who_must_look_again(job.job_id, contractor.partner_id, taken, view)
    return course.end(replace(amended, reserved_minutes=job.minutes), view, also_wake=others)


def withdrawn(state: Assignment, offer: Offer, reason: WithdrawReason) -> OfferWithdrawn:
    """An open offer no longer stands."""
    return OfferWithdrawn(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        offer_id=offer.offer_id,
        contractor_id=offer.contractor_id,
        reason=reason,
    )


def held(job: Job) -> JobHeld:
    """Nobody is asked, until its time is over at most."""
    return JobHeld(
        job_id=job.job_id, job_number=job.job_number, client_id=job.client_id, held_until=job.ends_at
    )


def earnings(job: Job, zone: int) -> Earnings:
    """What the contractor gets by the version of the rate card that the job was posted under, net.

    Without surcharges for the time of day: when he works is known when he has worked.
    """
    travel = next(each.contractor_flat for each in job.zones if each.zone == zone)
    hours = job.hours if job.paid_hours is None else job.paid_hours
    return _earnings(job.per_hour, travel, hours, job.response_flat)


@lru_cache(maxsize=4_096)
def _earnings(per_hour: Decimal, travel: Decimal, hours: Decimal, response: Decimal) -> Earnings:
    """Prices and hours are few; a message's values are checked when they are made."""
    work = (per_hour * hours).quantize(CENT, ROUND_HALF_UP)
    return Earnings(per_hour=eur(per_hour), travel=eur(travel), estimated_total=eur(work + travel + response))
