"""The next candidate: look, judge on the database's rows, rank, offer; or say that nobody is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from chassis.decisions import Decision
from contracts.matching_assignments_v1 import CandidatesRanked, JobOffered, JobUnfilled, UnfilledCause
from contracts.values import OfferPolicy
from matching.domain.awards import earnings
from matching.domain.course import Course
from matching.domain.gate import WITHOUT_CAPACITY, Case, ClientSide, Failed, case_of, judge
from matching.domain.model import Assignment, Contractor, Job, Offer, Phase, Round, Seen
from matching.domain.ranking import (
    TOLD,
    Look,
    Ranked,
    look_over,
    place_in_order,
    rank,
    score,
    seen,
    seen_failed,
    told,
    told_removed,
)
from matching.domain.view import Expiry, View

FIRST_LOOK = 16
"""So many who may are compared, those with the most points known from memory; more only when none of them can."""
SEVERAL = 8
"""Rows asked for at once when the best candidate did not hold on the database's row."""
FAILED_TOLD = 2
"""So many of the described candidates are near ones who failed, if there are any."""
MOST_KEPT = 40
"""So many who passed are kept of a round; the chosen ones are the first of them."""
LOOK_AGAIN = timedelta(seconds=1)
MOST_ROUNDS = 200
"""A job is looked at so often at most; then it is a dispatcher's turn."""


@dataclass(slots=True)
class _Found:
    """One search: who was found, and the others with what failed. behind: the database lags the memory."""

    looked_at: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    failed: dict[UUID, Seen] = field(default_factory=dict)
    able: list[Ranked] = field(default_factory=list)
    behind: bool = False

    def add(self, look: Look) -> None:
        self.looked_at += look.looked_at
        self.removed.update(look.removed)
        for case, failure in look.failed:
            self.note(seen_failed(case, failure))

    def note(self, one: Seen) -> None:
        self.failed.setdefault(one.partner_id, one)

    def refuse(self, case: Case, failure: Failed, reserved: int = 0, *, assumed: bool = False) -> None:
        self.removed[failure.constraint] += 1
        self.note(seen_failed(case, failure, reserved, assumed=assumed))

    def passed_first(self) -> tuple[Seen, ...]:
        """Who passed, in order, then the nearest who did not."""
        able = [seen(ranked) for ranked in self.able[:MOST_KEPT]]
        far = float("inf")
        failed = sorted(
            self.failed.values(),
            key=lambda one: (far if one.distance_km is None else one.distance_km, one.partner_id.int),
        )
        return (*able, *failed[:TOLD])


def search(
    state: Assignment,
    view: View,
    expiry: Expiry,
    course: Course | None = None,
    *,
    proposed: UUID | None = None,
    planned_with: int | None = None,
) -> Decision[Assignment]:
    """One round: everybody is looked at anew, the best who holds on the database's row is asked.

    proposed: whom the plan for so many jobs (`planned_with`) has for this one; if he passes, he is asked first.
    """
    course = course or Course()
    number = state.round + 1
    if view.now >= state.job.ends_at:
        return _unfilled(replace(state, round=number), _Found(), view, course, UnfilledCause.window_over)
    if state.round >= MOST_ROUNDS:
        return _unfilled(replace(state, round=number), _Found(), view, course, UnfilledCause.too_many_rounds)
    row = view.contractors([state.job.client_id])[state.job.client_id]
    client = ClientSide.of(state.job, row)
    found = _find(state, view, client, proposed)
    _note_neighbours(state, view, client, found)
    shown = found.passed_first()
    state = replace(state, round=number, candidates=_described(shown), policy_version=view.policy.version)
    asked = [ranked.case for ranked in found.able[: _asked_at_once(state.job, view)]]
    course.events.append(
        CandidatesRanked(
            job_id=state.job.job_id,
            job_number=state.job.job_number,
            round=number,
            looked_at=found.looked_at,
            candidates=[told(one, view.policy) for one in state.candidates],
            removed=told_removed(found.removed),
            policy_version=view.policy.version,
            planned_with=planned_with if asked and asked[0].contractor.partner_id == proposed else None,
        )
    )
    course.rounds.append(
        Round(
            number=number,
            at=view.now,
            policy_version=view.policy.version,
            client_version=row.version if row is not None else 0,
            lost=state.lost,
            volunteers=state.volunteers,
            looked_at=found.looked_at,
            removed={name: count for name, count in found.removed.items() if count},
            seen=shown,
            asked=tuple(case.contractor.partner_id for case in asked),
            proposed=proposed,
            job=state.job if state.posted_as else None,
        )
    )
    if asked:
        return ask(state, asked, view, expiry, course)
    if found.behind:
        again = {"search": view.now + LOOK_AGAIN, "offer-expires": None}
        return course.end(replace(state, phase=Phase.SEARCHING), view, again)
    return _unfilled(state, found, view, course, UnfilledCause.nobody_left)


def give_up(job: Job) -> Decision[Assignment]:
    """A job that cannot be searched for: its prices or its client never became known here."""
    missing = UnfilledCause.reference_data_missing
    state = Assignment(job)
    return Decision(state.nobody(Phase.UNFILLED), [_told_unfilled(state, _Found(), missing)])


def ask(
    state: Assignment, cases: Sequence[Case], view: View, expiry: Expiry, course: Course
) -> Decision[Assignment]:
    """Offer the job; who has a standing offer, where the client wants it so, is taken at his word.

    cases: the best one, or for `broadcast` the best few: the first yes wins.
    """
    job, best = state.job, cases[0].contractor
    availability = best.availability
    if job.policy is OfferPolicy.direct and availability is not None and availability.standing_offer:
        chosen = replace(state, phase=Phase.AWARDING, contractor_id=best.partner_id, offers=())
        return course.end(chosen, view, {"award": view.now, "offer-expires": None, "search": None})
    expires_at = expiry.ends_at(job, view.now)
    offers = tuple(Offer(view.new_id(), case.contractor.partner_id, expires_at) for case in cases)
    offered = replace(
        state,
        phase=Phase.OFFERED,
        contractor_id=best.partner_id,
        offers=offers,
        offers_made=state.offers_made + len(offers),
    )
    for case, offer in zip(cases, offers, strict=True):
        course.events.append(
            JobOffered(
                job_id=job.job_id,
                job_number=job.job_number,
                offer_id=offer.offer_id,
                contractor_id=offer.contractor_id,
                earnings=earnings(job, case.zone),
                travel_zone=case.zone,
                expires_at=expires_at,
            )
        )
    return course.end(offered, view, {"offer-expires": expires_at, "search": None})


def judged_now(
    state: Assignment, contractor: Contractor, client: ClientSide, reserved_minutes: int
) -> tuple[Case, Failed | None]:
    """The whole gate on these rows. What is reserved for this very job does not count against it."""
    own = state.reserved_minutes if state.contractor_id == contractor.partner_id else 0
    free = contractor.weekly_minutes - (reserved_minutes - own)
    lost = contractor.partner_id in state.lost
    case = case_of(state.job, contractor, client, free_minutes=free, lost=lost)
    return case, judge(case)


def _asked_at_once(job: Job, view: View) -> int:
    return view.policy.broadcast_to if job.policy is OfferPolicy.broadcast else 1


def _find(state: Assignment, view: View, client: ClientSide, proposed: UUID | None) -> _Found:
    """The memory proposes, the database's rows decide; "nobody" is asked of the database too."""
    most = FIRST_LOOK
    while True:
        look = view.look(state, client, most)
        found = _Found()
        found.add(look)
        cases = _with_volunteers(state, view, client, look, found, proposed)
        _choose(state, view, client, found, cases, proposed)
        if found.able or look.complete:
            break
        most *= 4
    if found.able:
        return found
    reached = view.in_reach(state.job.postcode)
    unknown = [partner_id for partner_id, version in reached if view.remembered(partner_id) < version]
    if unknown:
        rows = [row for row in view.contractors(unknown).values() if row is not None]
        missed = look_over(state.job, client, state.lost, rows)
        found.add(missed)
        _choose(state, view, client, found, missed.passed)
    return found


def _with_volunteers(
    state: Assignment, view: View, client: ClientSide, look: Look, found: _Found, proposed: UUID | None
) -> Sequence[Case]:
    """Volunteers, and whom a plan proposes, are looked at in any case, near or far."""
    here = {case.contractor.partner_id for case in look.passed}
    wanted = state.volunteers if proposed is None else (*state.volunteers, proposed)
    absent = [partner_id for partner_id in dict.fromkeys(wanted) if partner_id not in here]
    if not absent:
        return look.passed
    rows = [row for row in view.contractors(absent).values() if row is not None]
    own = look_over(state.job, client, state.lost, rows)
    for case, failure in own.failed:
        found.note(seen_failed(case, failure))
    return [*look.passed, *own.passed]


def _choose(
    state: Assignment,
    view: View,
    client: ClientSide,
    found: _Found,
    cases: Sequence[Case],
    proposed: UUID | None = None,
) -> None:
    """Rank, and drop from the top who does not hold on the database's row, until enough do."""
    reserved = view.reserved_minutes([case.contractor.partner_id for case in cases], state.job.week)
    free = {
        case.contractor.partner_id: case.contractor.weekly_minutes - reserved[case.contractor.partner_id]
        for case in cases
    }
    able, unable = rank(cases, free, state.volunteers, view.policy, view.standing, proposed)
    for case, failure in unable:
        found.refuse(case, failure, reserved[case.contractor.partner_id])
    wanted = at_once = _asked_at_once(state.job, view)
    held = 0
    while held < min(wanted, len(able)):
        best = able[held].case.contractor
        row = view.contractors(_ids(able[held : held + at_once]))[best.partner_id]
        if row is not None and row.version == best.version:
            held += 1
            continue
        dropped = able.pop(held)
        at_once = SEVERAL
        if row is None or row.version < best.version:
            found.behind = True
        if row is None:
            unknown = Failed(
                "customer-status", "not known in the database yet", "der Datenbank noch nicht bekannt"
            )
            found.refuse(dropped.case, unknown, assumed=True)
            continue
        case, failure_now = judged_now(state, row, client, reserved[best.partner_id])
        if failure_now is not None:
            found.refuse(case, failure_now, reserved[best.partner_id])
            continue
        volunteered = best.partner_id in state.volunteers
        able.append(score(case, view.policy, dropped.sums, volunteered=volunteered))
        able.sort(key=lambda ranked: place_in_order(ranked, proposed))
        held = 0
    found.able = able


def _ids(able: Collection[Ranked]) -> list[UUID]:
    return [ranked.case.contractor.partner_id for ranked in able]


def _note_neighbours(state: Assignment, view: View, client: ClientSide, found: _Found) -> None:
    """The nearest in whose reach the job lies: who of them may not is told by name, not only counted."""
    known = {ranked.case.contractor.partner_id for ranked in found.able} | found.failed.keys()
    for contractor in view.near(state.job, TOLD):
        if contractor.partner_id not in known:
            case = case_of(state.job, contractor, client, lost=contractor.partner_id in state.lost)
            failure = judge(case, WITHOUT_CAPACITY)
            if failure is not None:
                found.note(seen_failed(case, failure))


def _described(shown: Sequence[Seen]) -> tuple[Seen, ...]:
    """The best, and a few near ones who failed."""
    passed = [one for one in shown if one.constraint is None]
    failed = shown[len(passed) :]
    best = passed[: TOLD - min(FAILED_TOLD, len(failed))]
    return (*best, *failed[: TOLD - len(best)])


def _unfilled(
    state: Assignment, found: _Found, view: View, course: Course, cause: UnfilledCause
) -> Decision[Assignment]:
    course.events.append(_told_unfilled(state, found, cause))
    return course.end(state.nobody(Phase.UNFILLED), view, {"offer-expires": None, "search": None})


def _told_unfilled(state: Assignment, found: _Found, cause: UnfilledCause) -> JobUnfilled:
    return JobUnfilled(
        job_id=state.job.job_id,
        job_number=state.job.job_number,
        client_id=state.job.client_id,
        removed=told_removed(found.removed),
        looked_at=found.looked_at,
        offers_made=state.offers_made,
        cause=cause,
    )
