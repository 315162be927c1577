"""Giving a job away and taking it back: the only places where capacity is reserved and returned."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from chassis.decisions import Changed, Decision, Wake
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    AssignmentReleaseReason,
    Earnings,
    How,
    JobAssigned,
    OfferWithdrawn,
    WithdrawReason,
)
from contracts.values import eur
from matching.domain.gate import Case
from matching.domain.model import Assignment, Capacity, Job, Phase
from matching.domain.ranking import score, told
from matching.domain.view import View

CENT = Decimal("0.01")


def award(
    state: Assignment,
    case: Case,
    capacity: Capacity,
    how: How,
    view: View,
    *,
    by_hand_reason: str | None = None,
) -> Decision[Assignment]:
    """The job is his. `case` was judged on his locked row; `capacity`, locked, commits with it."""
    job, contractor = state.job, case.contractor
    taken = capacity.reserve(job.minutes, contractor.weekly_minutes)
    offer = state.offer
    events: list[object] = []
    if offer is not None and how != "accepted":
        events.append(withdrawn(state, WithdrawReason.assigned_otherwise))
    assigned = replace(
        state,
        phase=Phase.ASSIGNED,
        contractor_id=contractor.partner_id,
        offer=None,
        reserved_minutes=job.minutes,
        by_hand_reason=by_hand_reason,
    )
    chosen = told(score(case, view.policy))
    events.append(
        JobAssigned(
            job_id=job.job_id,
            job_number=job.job_number,
            client_id=job.client_id,
            contractor_id=contractor.partner_id,
            partner_version=contractor.version,
            offer_id=offer.offer_id if offer is not None and how == "accepted" else None,
            travel_zone=case.zone,
            distance_km=chosen.distance_km,
            how=how,
            chosen=chosen,
            others=[other for other in state.candidates if other.contractor_id != contractor.partner_id],
            earnings=earnings(job, case.zone),
        )
    )
    return Decision(
        assigned,
        events,
        timers={"offer-expires": None, "search": None, "award": None},
        wakes=_who_must_look_again(job.job_id, contractor.partner_id, taken, view),
        also=[Changed("capacity", taken.key, taken)],
    )


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


def withdrawn(state: Assignment, reason: WithdrawReason) -> OfferWithdrawn:
    """The open offer no longer stands."""
    if state.offer is None:
        raise ValueError("nothing is offered")
    return OfferWithdrawn(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        offer_id=state.offer.offer_id,
        contractor_id=state.offer.contractor_id,
        reason=reason,
    )


def earnings(job: Job, zone: int) -> Earnings:
    """What the contractor gets by the version of the rate card that the job was posted under, net."""
    travel = next(each.contractor_flat for each in job.zones if each.zone == zone)
    work = (job.per_hour * job.hours).quantize(CENT, ROUND_HALF_UP)
    return Earnings(per_hour=eur(job.per_hour), travel=eur(travel), estimated_total=eur(work + travel))
