"""What becomes of a job's assignment, message by message."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from chassis.decisions import Decision, Rejected
from contracts.matching_assignments_v1 import (
    AssignmentReleaseReason,
    OfferDeclined,
    OfferExpired,
    WithdrawReason,
)
from contracts.matching_commands_v1 import (
    AcceptOffer,
    AssignByHand,
    DeclineOffer,
    ReleaseAssignment,
    ReportNoShow,
    Volunteer,
)
from matching.domain.awards import award, released, withdrawn
from matching.domain.gate import Case, ClientSide
from matching.domain.model import OPEN, Assignment, Capacity, Contractor, Job, Offer, Phase
from matching.domain.search import Before, ask, judged_now, search
from matching.domain.view import Expiry, View

Answer = Decision[Assignment]


# -- the job's life, as job-exchange tells it ----------------------------------------------------------


def post(state: Assignment | None, job: Job, view: View, expiry: Expiry) -> Answer:
    """A new job: look for somebody at once."""
    if state is not None:
        return Decision(state)
    return search(Assignment(job), view, expiry)


def cancel(state: Assignment, view: View) -> Answer:
    """The client took it back: an offer is withdrawn, capacity comes back."""
    if state.phase in (Phase.CANCELLED, Phase.COMPLETED):
        return Decision(state)
    before = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.cancelled, view)
    timers = {"offer-expires": None, "search": None, "award": None}
    return Decision(state.nobody(Phase.CANCELLED), before.events, timers=timers, also=before.also)


def start(state: Assignment, contractor_id: UUID, view: View) -> Answer:
    """The contractor is there. If he was released a moment before, his being there counts."""
    if state.phase in (Phase.STARTED, Phase.COMPLETED, Phase.CANCELLED):
        return Decision(state)
    if state.phase is Phase.ASSIGNED and state.contractor_id == contractor_id:
        return Decision(replace(state, phase=Phase.STARTED))
    before = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.assigned_otherwise, view)
    started = replace(state.nobody(Phase.STARTED), contractor_id=contractor_id)
    timers = {"offer-expires": None, "search": None, "award": None}
    return Decision(started, before.events, timers=timers, also=before.also)


def complete(state: Assignment) -> Answer:
    """Done and approved. The week's capacity stays taken: the work took it."""
    if state.phase is not Phase.STARTED and state.phase is not Phase.ASSIGNED:
        return Decision(state)
    return Decision(replace(state, phase=Phase.COMPLETED))


# -- offers --------------------------------------------------------------------------------------------


def accept(state: Assignment | None, command: AcceptOffer, view: View) -> Answer:
    """He takes it. The gate is asked once more, on his locked row."""
    state = _known(state)
    offer = _open_offer(state, command.contractor_id, command.offer_id)
    if view.now >= offer.expires_at:
        raise Rejected(
            "offer-expired", f"The offer ended at {offer.expires_at:%d.%m. %H:%M} UTC.", "offer_id"
        )
    case, capacity = _must_pass(state, view.held(command.contractor_id), view)
    return award(state, case, capacity, "accepted", view)


def decline(state: Assignment | None, command: DeclineOffer, view: View, expiry: Expiry) -> Answer:
    """He does not want it: the next candidate is asked."""
    state = _known(state)
    offer = _open_offer(state, command.contractor_id, command.offer_id)
    declined = OfferDeclined(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        offer_id=offer.offer_id,
        contractor_id=offer.contractor_id,
        reason=command.reason,
    )
    return search(state.nobody(Phase.SEARCHING, lost=offer.contractor_id), view, expiry, Before([declined]))


def expire(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: he did not answer in time. None: there was nothing left to expire."""
    if state is None or state.offer is None or view.now < state.offer.expires_at:
        return None
    expired = OfferExpired(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        offer_id=state.offer.offer_id,
        contractor_id=state.offer.contractor_id,
    )
    lost = state.offer.contractor_id
    return search(state.nobody(Phase.SEARCHING, lost=lost), view, expiry, Before([expired]))


def volunteer(state: Assignment | None, command: Volunteer, view: View, expiry: Expiry) -> Answer:
    """He would take it: asked before all others, if he passes the gate like everybody."""
    state = _known(state)
    partner_id = command.contractor_id
    if state.phase not in OPEN:
        raise Rejected("not-open", "This job is not open any more.", "job_id")
    if state.contractor_id == partner_id:
        raise Rejected("already-offered", "This job is offered to you already.", "contractor_id")
    if partner_id in state.volunteers:
        return Decision(state)
    row = view.contractors([partner_id])[partner_id]
    reserved = view.reserved_minutes([partner_id], state.job.week)[partner_id]
    case = _pass(state, row, reserved, view)
    if len(state.volunteers) >= MOST_VOLUNTEERS:
        raise Rejected("enough-volunteers", "Enough partners have volunteered for this job.", "job_id")
    queued = replace(state, volunteers=(*state.volunteers, partner_id))
    if state.phase is Phase.UNFILLED:
        return ask(queued, case, view, expiry, Before())
    return Decision(queued)


MOST_VOLUNTEERS = 50


# -- awards without an offer, and taking back ----------------------------------------------------------


def assign_by_hand(state: Assignment | None, command: AssignByHand, view: View) -> Answer:
    """A dispatcher chooses among those who pass."""
    state = _known(state)
    if state.phase not in OPEN:
        raise Rejected("not-open", "Somebody has this job already, or it is over.", "job_id")
    case, capacity = _must_pass(state, view.held(command.contractor_id), view)
    return award(state, case, capacity, "by_hand", view, by_hand_reason=command.reason)


def take_standing_offer(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: the chosen one's standing offer is taken, under his lock; failing him, the next one's."""
    if state is None or state.phase is not Phase.AWARDING or state.contractor_id is None:
        return None
    try:
        case, capacity = _must_pass(state, view.held(state.contractor_id), view)
    except Rejected:
        return search(state.nobody(Phase.SEARCHING), view, expiry)
    return award(state, case, capacity, "standing_offer", view)


def release(state: Assignment | None, command: ReleaseAssignment, view: View, expiry: Expiry) -> Answer:
    """The contractor gives it back."""
    state = _not_started(_his(_known(state), command.contractor_id))
    return _next_one(state, AssignmentReleaseReason.released, view, expiry)


def report_no_show(state: Assignment | None, command: ReportNoShow, view: View, expiry: Expiry) -> Answer:
    """The contractor did not come."""
    state = _known(state)
    if state.job.client_id != command.client_id:
        raise Rejected("not-your-job", "This is another client's job.", "client_id")
    state = _not_started(_his(state, command.contractor_id))
    return _next_one(state, AssignmentReleaseReason.no_show, view, expiry)


def recheck(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: something about the partner changed. Who no longer passes keeps neither job nor offer."""
    if state is None or state.contractor_id is None or state.phase not in (Phase.OFFERED, Phase.ASSIGNED):
        return None
    partner_id = state.contractor_id
    row = view.contractors([partner_id])[partner_id]
    if state.phase is Phase.OFFERED:
        reserved = view.reserved_minutes([partner_id], state.job.week)[partner_id]
        if _passes(state, row, reserved, view):
            return None
        gone = withdrawn(state, WithdrawReason.partner_lapsed)
        return search(state.nobody(Phase.SEARCHING), view, expiry, Before([gone]))
    if _passes(state, row, view.capacity(partner_id, state.job.week).reserved_minutes, view):
        return None
    return _next_one(state, AssignmentReleaseReason.partner_lapsed, view, expiry)


def search_again(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: nobody was found while the database lagged behind the memory."""
    if state is None or state.phase is not Phase.SEARCHING:
        return None
    return search(state, view, expiry)


# -- what they share -----------------------------------------------------------------------------------


def _next_one(state: Assignment, reason: AssignmentReleaseReason, view: View, expiry: Expiry) -> Answer:
    event, capacity = released(state, reason, view)
    free = state.nobody(Phase.SEARCHING, lost=state.contractor_id)
    return search(free, view, expiry, Before([event], [capacity]))


def _let_go(
    state: Assignment, release_reason: AssignmentReleaseReason, withdraw_reason: WithdrawReason, view: View
) -> Before:
    before = Before()
    if state.offer is not None:
        before.events.append(withdrawn(state, withdraw_reason))
    if state.phase is Phase.ASSIGNED or state.reserved_minutes:
        event, capacity = released(state, release_reason, view)
        before.events.append(event)
        before.also.append(capacity)
    return before


def _client(state: Assignment, view: View) -> ClientSide:
    return ClientSide.of(state.job, view.contractors([state.job.client_id])[state.job.client_id])


def _passes(state: Assignment, row: Contractor | None, reserved: int, view: View) -> bool:
    return row is not None and judged_now(state, row, _client(state, view), reserved)[1] is None


def _pass(state: Assignment, row: Contractor | None, reserved: int, view: View) -> Case:
    """The gate for a command. The refusal names the constraint and the fact."""
    if row is None:
        raise Rejected("unknown-partner", "This partner is not known.", "contractor_id")
    case, failure = judged_now(state, row, _client(state, view), reserved)
    if failure is not None:
        raise Rejected(
            f"gate-{failure.constraint}",
            f"The gate is not passed: {failure.constraint}: {failure.fact}.",
            "contractor_id",
        )
    return case


def _must_pass(state: Assignment, row: Contractor | None, view: View) -> tuple[Case, Capacity]:
    if row is None:
        raise Rejected("unknown-partner", "This partner is not known.", "contractor_id")
    capacity = view.capacity(row.partner_id, state.job.week)
    return _pass(state, row, capacity.reserved_minutes, view), capacity


def _known(state: Assignment | None) -> Assignment:
    if state is None:
        raise Rejected("unknown-job", "There is no such job.", "job_id")
    return state


def _open_offer(state: Assignment, contractor_id: UUID, offer_id: UUID) -> Offer:
    offer = state.offer
    if offer is None or offer.contractor_id != contractor_id:
        raise Rejected("no-open-offer", "This job is not offered to you.", "contractor_id")
    if offer.offer_id != offer_id:
        raise Rejected("no-open-offer", "This is not the offer that is open.", "offer_id")
    return offer


def _his(state: Assignment, contractor_id: UUID) -> Assignment:
    if state.contractor_id != contractor_id or state.phase in OPEN:
        raise Rejected("not-your-job", "This job is not assigned to this contractor.", "contractor_id")
    return state


def _not_started(state: Assignment) -> Assignment:
    if state.phase is not Phase.ASSIGNED:
        raise Rejected("already-started", "The work has begun or is over.", "job_id")
    return state
