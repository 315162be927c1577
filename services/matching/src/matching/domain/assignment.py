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
    HoldJob,
    RankAgain,
    RateContractor,
    ReleaseAssignment,
    ReportNoShow,
    Volunteer,
)
from matching.domain.awards import award, held, released, withdrawn
from matching.domain.course import NO_TIMERS, Course
from matching.domain.gate import Case, ClientSide
from matching.domain.model import OPEN, ActKind, Assignment, Capacity, Contractor, Job, Offer, Phase
from matching.domain.search import judged_now, search
from matching.domain.standing import DeedKind
from matching.domain.view import Expiry, View

Answer = Decision[Assignment]


# -- the job's life, as job-exchange tells it ----------------------------------------------------------


def post(state: Assignment | None, job: Job, view: View, expiry: Expiry) -> Answer:
    """A new job: look for somebody at once."""
    if state is not None:
        return Decision(state)
    return search(Assignment(job), view, expiry)


def cancel(state: Assignment, view: View) -> Answer:
    """The client took it back: offers are withdrawn, capacity comes back."""
    if state.phase in (Phase.CANCELLED, Phase.COMPLETED):
        return Decision(state)
    course = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.cancelled, view)
    return course.end(state.nobody(Phase.CANCELLED), view, NO_TIMERS)


def start(state: Assignment, contractor_id: UUID, view: View) -> Answer:
    """The contractor is there. If he was released a moment before, his being there counts."""
    if state.phase in (Phase.STARTED, Phase.COMPLETED, Phase.CANCELLED):
        return Decision(state)
    if state.phase is Phase.ASSIGNED and state.contractor_id == contractor_id:
        return Decision(replace(state, phase=Phase.STARTED))
    course = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.assigned_otherwise, view)
    started = replace(state.nobody(Phase.STARTED), contractor_id=contractor_id)
    return course.end(started, view, NO_TIMERS)


def complete(state: Assignment, minutes: int, view: View) -> Answer:
    """Done and approved. The week's capacity stays taken: the work took it. minutes: as approved."""
    if state.contractor_id is None or state.phase not in (Phase.STARTED, Phase.ASSIGNED):
        return Decision(state)
    course = Course()
    course.did(state.job.client_id, DeedKind.GIVEN, state, view, minutes)
    course.did(state.contractor_id, DeedKind.TAKEN, state, view, minutes)
    return course.end(replace(state, phase=Phase.COMPLETED), view)


def rate(state: Assignment | None, command: RateContractor, view: View) -> Answer:
    """The client says how the work was, once."""
    state = _known(state)
    if state.job.client_id != command.client_id:
        raise Rejected("not-your-job", "This is another client's job.", "client_id")
    if state.phase is not Phase.COMPLETED:
        raise Rejected("not-completed", "Only completed work is rated.", "job_id")
    if state.contractor_id != command.contractor_id:
        raise Rejected("not-the-contractor", "Somebody else did this job.", "contractor_id")
    if state.stars:
        raise Rejected("rated-already", "This job is rated already.", "job_id")
    course = Course()
    course.did(command.contractor_id, DeedKind.RATED, state, view, command.stars)
    return course.end(replace(state, stars=command.stars), view)


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
    """He does not want it: the next candidate is asked, unless others still have their offers."""
    state = _known(state)
    offer = _open_offer(state, command.contractor_id, command.offer_id)
    course = Course(
        [
            OfferDeclined(
                job_id=state.job.job_id,
                job_number=state.job.job_number,
                offer_id=offer.offer_id,
                contractor_id=offer.contractor_id,
                reason=command.reason,
            )
        ]
    )
    course.did(offer.contractor_id, DeedKind.PASSED, state, view)
    if len(state.offers) > 1:
        return course.end(state.without(offer), view)
    return search(state.nobody(Phase.SEARCHING, offer.contractor_id), view, expiry, course)


def expire(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: nobody who was asked answered in time. None: there was nothing left to expire."""
    if state is None or state.offer is None or view.now < state.offer.expires_at:
        return None
    course = Course()
    for offer in state.offers:
        course.events.append(
            OfferExpired(
                job_id=state.job.job_id,
                job_number=state.job.job_number,
                offer_id=offer.offer_id,
                contractor_id=offer.contractor_id,
            )
        )
        course.did(offer.contractor_id, DeedKind.PASSED, state, view)
    lost = (offer.contractor_id for offer in state.offers)
    return search(state.nobody(Phase.SEARCHING, *lost), view, expiry, course)


def volunteer(state: Assignment | None, command: Volunteer, view: View, expiry: Expiry) -> Answer:
    """He would take it: a candidate like others, looked at however far he is, if he passes the gate."""
    state = _ahead(_known(state), view)
    partner_id = command.contractor_id
    if state.phase not in OPEN:
        raise Rejected("not-open", "This job is not open any more.", "job_id")
    if partner_id == state.contractor_id or state.offer_to(partner_id):
        raise Rejected("already-offered", "This job is offered to you already.", "contractor_id")
    if partner_id in state.volunteers:
        return Decision(state)
    row = view.contractors([partner_id])[partner_id]
    reserved = view.reserved_minutes([partner_id], state.job.week)[partner_id]
    _pass(state, row, reserved, view)
    if len(state.volunteers) >= MOST_VOLUNTEERS:
        raise Rejected("enough-volunteers", "Enough partners have volunteered for this job.", "job_id")
    queued = replace(state, volunteers=(*state.volunteers, partner_id))
    return search(queued, view, expiry) if state.phase is Phase.UNFILLED else Decision(queued)


MOST_VOLUNTEERS = 50


# -- the dispatcher ------------------------------------------------------------------------------------


def hold(state: Assignment | None, command: HoldJob, view: View) -> Answer:
    """Nobody is asked until he goes on, or the job's time is over."""
    state = _open(_known(state))
    if state.phase is Phase.HELD:
        raise Rejected("held-already", "This job is on hold already.", "job_id")
    course = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.on_hold, view)
    course.events.append(held(state.job))
    course.acted(ActKind.HELD, command.reason, view)
    return course.end(state.nobody(Phase.HELD), view, {**NO_TIMERS, "search": state.job.ends_at})


def rank_again(state: Assignment | None, command: RankAgain, view: View, expiry: Expiry) -> Answer:
    """Everybody is looked at anew; who was asked has not lost the job by it. Ends a hold."""
    state = _open(_known(state))
    course = _let_go(state, AssignmentReleaseReason.cancelled, WithdrawReason.ranked_again, view)
    course.acted(ActKind.RANKED_AGAIN, command.reason, view)
    return search(state.nobody(Phase.SEARCHING), view, expiry, course)


# -- awards without an offer, and taking back ----------------------------------------------------------


def assign_by_hand(state: Assignment | None, command: AssignByHand, view: View) -> Answer:
    """A dispatcher chooses among those who pass; a round of its own keeps on what his choice was judged."""
    state = _ahead(_open(_known(state)), view)
    case, capacity = _must_pass(state, view.held(command.contractor_id), view)
    course = Course()
    course.acted(ActKind.GIVEN_BY_HAND, command.reason, view, command.contractor_id)
    return award(state, case, capacity, "by_hand", view, course)


def take_standing_offer(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: the chosen one's standing offer is taken, under his lock; failing him, the next one's."""
    if state is None or state.phase is not Phase.AWARDING or state.contractor_id is None:
        return None
    try:
        case, capacity = _must_pass(_ahead(state, view), view.held(state.contractor_id), view)
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
    """Timer: something about a partner changed. Who no longer passes keeps neither job nor offer."""
    if state is None or state.contractor_id is None:
        return None
    if state.phase is Phase.OFFERED:
        return _recheck_offers(state, view, expiry)
    if state.phase is not Phase.ASSIGNED:
        return None
    partner_id = state.contractor_id
    row = view.contractors([partner_id])[partner_id]
    failure = None
    if row is not None:
        reserved = view.capacity(partner_id, state.job.week).reserved_minutes
        _, failure = judged_now(state, row, _client(state, view), reserved)
        if failure is None:
            return None
    his_own = failure is not None and failure.constraint in HIS_OWN
    return _next_one(state, AssignmentReleaseReason.partner_lapsed, view, expiry, counts=his_own)


def _recheck_offers(state: Assignment, view: View, expiry: Expiry) -> Answer | None:
    asked = [offer.contractor_id for offer in state.offers]
    rows, reserved = view.contractors(asked), view.reserved_minutes(asked, state.job.week)
    course = Course()
    left = state
    for offer in state.offers:
        partner_id = offer.contractor_id
        if not _passes(state, rows[partner_id], reserved[partner_id], view):
            course.events.append(withdrawn(state, offer, WithdrawReason.partner_lapsed))
            left = replace(left, offers=tuple(each for each in left.offers if each != offer))
    if left is state:
        return None
    if left.offers:
        return course.end(replace(left, contractor_id=left.offers[0].contractor_id), view)
    return search(state.nobody(Phase.SEARCHING), view, expiry, course)


def search_again(state: Assignment | None, view: View, expiry: Expiry) -> Answer | None:
    """Timer: nobody was found while the database lagged behind the memory, or a held job's time is over."""
    if state is None:
        return None
    if state.phase is Phase.SEARCHING or (state.phase is Phase.HELD and view.now >= state.job.ends_at):
        return search(state, view, expiry)
    return None


# -- what they share -----------------------------------------------------------------------------------


LOST_BY = (AssignmentReleaseReason.released, AssignmentReleaseReason.no_show)
"""What counts against a contractor's acceptance."""
HIS_OWN = ("reach", "kind-of-work", "response-time", "capacity")
"""A lapse by what a contractor says of himself: else a smaller radius would give a job back for nothing."""


def _next_one(
    state: Assignment, reason: AssignmentReleaseReason, view: View, expiry: Expiry, *, counts: bool = False
) -> Answer:
    event, capacity = released(state, reason, view)
    course = Course([event], [capacity])
    # nobody can have stayed away before the agreed time: that costs him the job, not his standing
    begins = state.job.starts_at
    too_early = reason is AssignmentReleaseReason.no_show and begins is not None and view.now < begins
    if (counts or reason in LOST_BY) and not too_early and state.contractor_id is not None:
        course.did(state.contractor_id, DeedKind.LOST, state, view)
    return search(state.nobody(Phase.SEARCHING, state.contractor_id), view, expiry, course)


def _let_go(
    state: Assignment, release_reason: AssignmentReleaseReason, withdraw_reason: WithdrawReason, view: View
) -> Course:
    course = Course([withdrawn(state, offer, withdraw_reason) for offer in state.offers])
    if state.phase is Phase.ASSIGNED or state.reserved_minutes:
        event, capacity = released(state, release_reason, view)
        course.events.append(event)
        course.also.append(capacity)
    return course


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


def _open(state: Assignment) -> Assignment:
    if state.phase not in OPEN:
        raise Rejected("not-open", "Somebody has this job already, or it is over.", "job_id")
    return state


def _ahead(state: Assignment, view: View) -> Assignment:
    if view.now >= state.job.ends_at:
        raise Rejected("window-over", "The time of this job is over.", "job_id")
    return state


def _open_offer(state: Assignment, contractor_id: UUID, offer_id: UUID) -> Offer:
    offer = state.offer_to(contractor_id)
    if offer is None:
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
