"""The next candidate: look, judge on the database's rows, rank, offer; or say that nobody is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from chassis.decisions import Changed, Decision
from contracts.matching_assignments_v1 import Candidate, CandidatesRanked, JobOffered, JobUnfilled
from contracts.values import OfferPolicy
from matching.domain.awards import earnings
from matching.domain.gate import Case, ClientSide, Failed, case_of, judge
from matching.domain.model import Assignment, Contractor, Job, Offer, Phase
from matching.domain.ranking import (
    TOLD,
    Look,
    Ranked,
    look_over,
    rank,
    score,
    told,
    told_failed,
    told_removed,
)
from matching.domain.view import Expiry, View

FIRST_LOOK = 16
"""So many of the nearest who may are compared; more are looked at only when none of them can."""
SEVERAL = 8
"""Rows asked for at once when the best candidate did not hold on the database's row."""
LOOK_AGAIN = timedelta(seconds=1)
MOST_ROUNDS = 200
"""A job is looked at so often at most; then it is a dispatcher's turn."""


@dataclass(slots=True)
class Before:
    """What the decision did before it went on searching."""

    events: list[object] = field(default_factory=list)
    also: list[Changed] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """One search: who was found, and the others with what failed. behind: the database lags the memory."""

    looked_at: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[Case, Failed]] = field(default_factory=list)
    able: list[Ranked] = field(default_factory=list)
    behind: bool = False

    def add(self, look: Look) -> None:
        self.looked_at += look.looked_at
        self.removed.update(look.removed)
        self.failed.extend(look.failed)

    def refuse(self, case: Case, failure: Failed) -> None:
        self.removed[failure.constraint] += 1
        self.failed.append((case, failure))

    @property
    def told(self) -> list[Candidate]:
        best = [told(ranked) for ranked in self.able[:TOLD]]
        return best + [told_failed(case, failure) for case, failure in self.failed[: TOLD - len(best)]]


def search(
    state: Assignment, view: View, expiry: Expiry, before: Before | None = None
) -> Decision[Assignment]:
    """One round: everybody is looked at anew, the best who holds on the database's row is asked."""
    before = before or Before()
    if state.round >= MOST_ROUNDS or view.now >= state.job.ends_at:
        return _unfilled(replace(state, round=state.round + 1), _Found(), before)
    client = ClientSide.of(state.job, view.contractors([state.job.client_id])[state.job.client_id])
    found = _find(state, view, client)
    state = replace(state, round=state.round + 1, candidates=tuple(found.told))
    before.events.append(
        CandidatesRanked(
            job_id=state.job.job_id,
            job_number=state.job.job_number,
            round=state.round,
            looked_at=found.looked_at,
            candidates=list(state.candidates),
            removed=told_removed(found.removed),
            policy_version=view.policy.version,
        )
    )
    if found.able:
        return ask(state, found.able[0].case, view, expiry, before)
    if found.behind:
        again = {"search": view.now + LOOK_AGAIN, "offer-expires": None}
        return Decision(replace(state, phase=Phase.SEARCHING), before.events, timers=again, also=before.also)
    return _unfilled(state, found, before)


def give_up(job: Job) -> Decision[Assignment]:
    """A job that cannot be searched for: its prices or its client never became known here."""
    return _unfilled(Assignment(job), _Found(), Before())


def ask(state: Assignment, case: Case, view: View, expiry: Expiry, before: Before) -> Decision[Assignment]:
    """Offer him the job; who has a standing offer, where the client wants it so, is taken at his word."""
    job, contractor = state.job, case.contractor
    availability = contractor.availability
    if job.policy is OfferPolicy.direct and availability is not None and availability.standing_offer:
        chosen = replace(state, phase=Phase.AWARDING, contractor_id=contractor.partner_id, offer=None)
        timers = {"award": view.now, "offer-expires": None}
        return Decision(chosen, before.events, timers=timers, also=before.also)
    expires_at = min(view.now + expiry.of(job.response_time), job.ends_at)
    offer = Offer(view.new_id(), contractor.partner_id, expires_at)
    offered = replace(
        state,
        phase=Phase.OFFERED,
        contractor_id=contractor.partner_id,
        offer=offer,
        offers_made=state.offers_made + 1,
    )
    before.events.append(
        JobOffered(
            job_id=job.job_id,
            job_number=job.job_number,
            offer_id=offer.offer_id,
            contractor_id=contractor.partner_id,
            earnings=earnings(job, case.zone),
            travel_zone=case.zone,
            expires_at=expires_at,
        )
    )
    return Decision(offered, before.events, timers={"offer-expires": expires_at}, also=before.also)


def judged_now(
    state: Assignment, contractor: Contractor, client: ClientSide, reserved_minutes: int
) -> tuple[Case, Failed | None]:
    """The whole gate on these rows. What is reserved for this very job does not count against it."""
    own = state.reserved_minutes if state.contractor_id == contractor.partner_id else 0
    free = contractor.weekly_minutes - (reserved_minutes - own)
    lost = contractor.partner_id in state.lost
    case = case_of(state.job, contractor, client, free_minutes=free, lost=lost)
    return case, judge(case)


def _find(state: Assignment, view: View, client: ClientSide) -> _Found:
    """The memory proposes, the database's rows decide; "nobody" is asked of the database too."""
    most = FIRST_LOOK
    while True:
        look = view.look(state, client, most)
        found = _Found()
        found.add(look)
        _choose(state, view, client, found, _with_volunteers(state, view, client, look, found))
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
    state: Assignment, view: View, client: ClientSide, look: Look, found: _Found
) -> Sequence[Case]:
    """Volunteers are looked at in any case, near or far."""
    here = {case.contractor.partner_id for case in look.passed}
    absent = [partner_id for partner_id in state.volunteers if partner_id not in here]
    if not absent:
        return look.passed
    rows = [row for row in view.contractors(absent).values() if row is not None]
    own = look_over(state.job, client, state.lost, rows)
    found.failed.extend(own.failed)
    return [*look.passed, *own.passed]


def _choose(state: Assignment, view: View, client: ClientSide, found: _Found, cases: Sequence[Case]) -> None:
    """Rank, and drop from the top who does not hold on the database's row, until one does."""
    job = state.job
    reserved = view.reserved_minutes([case.contractor.partner_id for case in cases], job.week)
    free = {
        case.contractor.partner_id: case.contractor.weekly_minutes - reserved[case.contractor.partner_id]
        for case in cases
    }
    able, unable = rank(cases, free, state.volunteers, view.policy)
    for case, failure in unable:
        found.refuse(case, failure)
    at_once = 1
    while able:
        best = able[0]
        partner_id = best.case.contractor.partner_id
        rows = view.contractors(_ids(able[:at_once]))
        row = rows[partner_id]
        if row is not None and row.version == best.case.contractor.version:
            break
        if row is None or row.version < best.case.contractor.version:
            found.behind = True
        if row is None:
            found.refuse(best.case, Failed("customer-status", "not known in the database yet"))
        else:
            case, dropped = judged_now(state, row, client, reserved[partner_id])
            if dropped is None:
                able[0] = score(case, view.policy)
                break
            found.refuse(case, dropped)
        del able[0]
        at_once = SEVERAL
    found.able = able


def _ids(able: Collection[Ranked]) -> list[UUID]:
    return [ranked.case.contractor.partner_id for ranked in able]


def _unfilled(state: Assignment, found: _Found, before: Before) -> Decision[Assignment]:
    job: Job = state.job
    before.events.append(
        JobUnfilled(
            job_id=job.job_id,
            job_number=job.job_number,
            client_id=job.client_id,
            removed=told_removed(found.removed),
            looked_at=found.looked_at,
            offers_made=state.offers_made,
        )
    )
    timers = {"offer-expires": None, "search": None}
    return Decision(state.nobody(Phase.UNFILLED), before.events, timers=timers, also=before.also)
