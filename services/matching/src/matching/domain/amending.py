"""The client changed the job: whoever declined may be asked again, and who has it is judged anew."""

from __future__ import annotations

from dataclasses import replace

from chassis.decisions import Decision
from contracts.matching_assignments_v1 import AssignmentReleaseReason, WithdrawReason
from matching.domain.awards import held, keep, released, withdrawn
from matching.domain.course import NO_TIMERS, Course
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Job, Phase
from matching.domain.search import judged_now, search
from matching.domain.view import Expiry, View


def amend(state: Assignment, job: Job, view: View, expiry: Expiry) -> Decision[Assignment]:
    """Who passes the whole gate for the job as it is now keeps it; else somebody is looked for, as for a new one.

    What was offered was the job of before, and so were a yes, a no and a silence. Volunteers stay; so does a hold.
    """
    if state.phase in (Phase.STARTED, Phase.COMPLETED, Phase.CANCELLED):
        return Decision(state)
    amended = replace(state, job=job, lost=(), posted_as=state.posted_as or state.job)
    if state.phase is Phase.ASSIGNED:
        return _judge_anew(state, amended, view, expiry)
    course = Course([withdrawn(state, offer, WithdrawReason.amended) for offer in state.offers])
    if state.phase is Phase.HELD:
        course.events.append(held(job))
        # nobody has been ranked for this job; a dispatcher who chooses by hand compares with nobody
        amended = replace(amended, candidates=())
        return course.end(amended, view, {**NO_TIMERS, "search": job.ends_at})
    return search(amended.nobody(Phase.SEARCHING), view, expiry, course)


def _judge_anew(state: Assignment, amended: Assignment, view: View, expiry: Expiry) -> Decision[Assignment]:
    """On his locked row and both weeks' capacity. What he has reserved for this very job does not count against him."""
    if state.contractor_id is None:
        raise ValueError("nobody has this job")
    job = amended.job
    contractor = view.held(state.contractor_id)
    # in one order, whichever way the job moves
    weeks = {week: view.capacity(state.contractor_id, week) for week in sorted({state.job.week, job.week})}
    own = state.reserved_minutes if job.week == state.job.week else 0
    fixed_zone = state.travel_zone or 0
    if contractor is not None and fixed_zone <= job.highest_zone:
        client = ClientSide.of(job, view.contractors([job.client_id])[job.client_id])
        as_reserved = replace(amended, reserved_minutes=own)
        _, failure = judged_now(as_reserved, contractor, client, weeks[job.week].reserved_minutes)
        if failure is None:
            return keep(state, amended, contractor, weeks, view)
    event, capacity = released(state, AssignmentReleaseReason.amended, view)
    return search(amended.nobody(Phase.SEARCHING), view, expiry, Course([event], [capacity]))
