"""A job that is amended: who is asked again, who keeps it, and where the capacity is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from contracts.matching_assignments_v1 import (
    AssignmentKept,
    AssignmentReleased,
    CandidatesRanked,
    JobHeld,
    JobOffered,
    OfferWithdrawn,
)
from contracts.matching_commands_v1 import AcceptOffer, HoldJob, Volunteer
from contracts.values import OfferPolicy, RequiredCertification
from matching.domain import amending, assignment
from matching.domain.explanation import replay, same
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Contractor, Job, Phase, capacity_key
from matching.domain.policy import POLICIES
from matching.testing import (
    CERTIFICATION,
    EXPIRY,
    FIRST,
    LAST,
    World,
    accept,
    contractor,
    decline,
    job,
    north_of_flensburg,
    offering,
    post,
    refused,
)

WEEK = timedelta(days=7)
LEVEL_5 = (RequiredCertification(manufacturer="Agfeo", product_line="ES", level=5),)


def amend(world: World, state: Assignment, **changes: Any) -> Assignment:
    changed = replace(state.job, **changes)
    return world.apply(state.job.job_id, amending.amend(state, changed, world, EXPIRY))


def a_week_later(posted: Job) -> dict[str, Any]:
    assert posted.starts_at is not None
    return {
        "first_day": FIRST + WEEK,
        "last_day": LAST + WEEK,
        "starts_at": posted.starts_at + WEEK,
        "ends_at": posted.ends_at + WEEK,
    }


def reserved(world: World, partner: Contractor) -> dict[str, int]:
    """By week, what is reserved of his time."""
    return {
        row.week: row.reserved_minutes
        for row in world.taken.values()
        if row.partner_id == partner.partner_id and row.reserved_minutes
    }


# -- nobody has it -------------------------------------------------------------------------------------


def test_who_declined_is_asked_again_and_who_is_asked_is_so_no_more() -> None:
    near, far = contractor(), contractor(place=north_of_flensburg(20))
    world = World(near, far)
    state = decline(world, post(world, job()))
    assert (state.contractor_id, state.lost) == (far.partner_id, (near.partner_id,))
    open_offer = state.offer
    assert open_offer is not None
    state = amend(world, state, hours=Decimal(4))
    withdrawn: Any = world.told(OfferWithdrawn)[0]
    assert (withdrawn.offer_id, withdrawn.reason) == (open_offer.offer_id, "amended")
    assert (state.phase, state.contractor_id, state.lost) == (Phase.OFFERED, near.partner_id, ())
    assert world.told(JobOffered)[-1].earnings.estimated_total.amount == Decimal("310.00")
    late = AcceptOffer(job_id=state.job.job_id, contractor_id=far.partner_id, offer_id=open_offer.offer_id)
    assert refused(lambda: assignment.accept(state, late, world)) == "no-open-offer"
    accept(world, state)
    assert reserved(world, near) == {"2026-W48": 240}
    assert world.reconciles()


def test_nobody_was_left_and_then_somebody_is() -> None:
    only = contractor()
    world = World(only)
    state = post(world, job(certifications=LEVEL_5))
    assert state.phase is Phase.UNFILLED
    assert amend(world, state, certifications=()).contractor_id == only.partner_id


def test_nobody_may_any_more() -> None:
    world = World(contractor())
    state = amend(world, post(world, job()), certifications=LEVEL_5)
    assert (state.phase, state.offers, world.timers) == (Phase.UNFILLED, (), {})


def test_all_who_were_asked_at_once_are_asked_anew() -> None:
    world = World(*(contractor(place=north_of_flensburg(km)) for km in (0, 5, 9)))
    state = post(world, job(policy=OfferPolicy.broadcast))
    before = {offer.offer_id for offer in state.offers}
    after = amend(world, state, **a_week_later(state.job))
    assert {event.offer_id for event in world.told(OfferWithdrawn)} == before
    assert len(after.offers) == 3
    assert not before & {offer.offer_id for offer in after.offers}


def test_volunteers_stay() -> None:
    near, far = contractor(), contractor(place=north_of_flensburg(20))
    world = World(near, far)
    state = post(world, job())
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=far.partner_id)
    state = world.apply(state.job.job_id, assignment.volunteer(state, hand_up, world, EXPIRY))
    assert amend(world, state, hours=Decimal(4)).volunteers == (far.partner_id,)


def test_a_hold_stays_until_the_new_end() -> None:
    world = World(contractor())
    state = post(world, job())
    stop = HoldJob(job_id=state.job.job_id, reason="access")
    state = world.apply(state.job.job_id, assignment.hold(state, stop, world))
    state = amend(world, state, **a_week_later(state.job))
    assert (state.phase, state.offers) == (Phase.HELD, ())
    assert world.told(JobHeld)[-1].held_until == state.job.ends_at
    assert world.timers == {(state.job.job_id, "search"): state.job.ends_at}


def test_a_standing_offer_about_to_be_taken_is_not() -> None:
    at_his_word = contractor(availability=offering(standing_offer=True))
    world = World(at_his_word)
    state = post(world, job(policy=OfferPolicy.direct))
    assert state.phase is Phase.AWARDING
    state = amend(world, state, certifications=LEVEL_5)
    assert state.phase is Phase.UNFILLED
    assert assignment.take_standing_offer(state, world, EXPIRY) is None, "its timer finds nothing to take"


# -- somebody has it -----------------------------------------------------------------------------------


KEPT: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "another week": (a_week_later(job()), {"2026-W49": 480}),
    "fewer hours": ({"hours": Decimal(2)}, {"2026-W48": 120}),
    "more hours, with his own ones all there are": ({"hours": Decimal(16)}, {"2026-W48": 960}),
    "the summary alone": ({}, {"2026-W48": 480}),
}


@pytest.mark.parametrize("case", KEPT)
def test_who_passes_keeps_it_and_has_reserved_it_once(case: str) -> None:
    changes, in_weeks = KEPT[case]
    his = contractor(availability=offering(weekly_minutes=960))
    world = World(his)
    state = amend(world, accept(world, post(world, job())), **changes)
    assert (state.phase, state.contractor_id, state.lost) == (Phase.ASSIGNED, his.partner_id, ())
    (kept,) = world.told(AssignmentKept)
    assert (kept.contractor_id, kept.partner_version) == (his.partner_id, 1)
    assert world.told(AssignmentReleased) == []
    assert reserved(world, his) == in_weeks
    assert world.reconciles()


LOST: dict[str, dict[str, Any]] = {
    "a level he has not": {"certifications": LEVEL_5},
    "insured too low": {"insurance_cents": 10**10},
    "uninsured by then": {"first_day": LAST + 10 * WEEK, "last_day": LAST + 10 * WEEK},
    "no time": {"hours": Decimal(17)},
    "too far away": {"highest_zone": 1},
}


@pytest.mark.parametrize("case", LOST)
def test_who_does_not_pass_loses_it_and_the_search_goes_on(case: str) -> None:
    his = contractor(place=north_of_flensburg(40), availability=offering(weekly_minutes=960))
    world = World(his)
    state = accept(world, post(world, job()))
    state = amend(world, state, **LOST[case])
    released: Any = world.told(AssignmentReleased)[0]
    assert (released.contractor_id, released.reason) == (his.partner_id, "amended")
    assert (state.phase, state.lost) == (Phase.UNFILLED, ()), "it was not his doing"
    assert reserved(world, his) == {}
    assert world.told(AssignmentKept) == []
    assert world.reconciles()
    assert amend(world, state, **_as_posted()).contractor_id == his.partner_id


def _as_posted() -> dict[str, Any]:
    fit = job()
    names = ("certifications", "insurance_cents", "first_day", "last_day", "hours", "highest_zone")
    return {name: getattr(fit, name) for name in names}


def test_the_next_one_gets_what_he_cannot_do() -> None:
    near = contractor()
    level_5 = CERTIFICATION.model_copy(update={"level": 5})
    best = contractor(place=north_of_flensburg(20), certifications=(level_5,))
    world = World(near, best)
    state = amend(world, accept(world, post(world, job())), certifications=LEVEL_5)
    assert (state.phase, state.contractor_id) == (Phase.OFFERED, best.partner_id)
    assert world.reconciles()


def test_the_zone_fixed_at_award_is_what_counts() -> None:
    """He has moved nearer since; his price has not."""
    his = contractor(place=north_of_flensburg(40))
    world = World(his)
    state = accept(world, post(world, job()))
    assert state.travel_zone == 2
    world.know(replace(his, version=2, place=north_of_flensburg(0)))
    state = amend(world, state, highest_zone=1)
    assert world.told(AssignmentReleased)[0].reason == "amended"
    assert (state.phase, state.travel_zone) == (Phase.OFFERED, None), "asked anew, at the nearer zone's price"
    assert world.reconciles()


def test_offers_for_which_he_has_no_time_any_more_are_looked_at_again() -> None:
    his = contractor(availability=offering(weekly_minutes=960))
    world = World(his)
    state = accept(world, post(world, job()))
    waiting = post(world, job())
    decision = amending.amend(state, replace(state.job, hours=Decimal(12)), world, EXPIRY)
    assert [(wake.aggregate_id, wake.name) for wake in decision.wakes] == [
        (str(waiting.job.job_id), "recheck")
    ]


@pytest.mark.parametrize("phase", [Phase.STARTED, Phase.COMPLETED, Phase.CANCELLED])
def test_what_has_begun_or_is_over_stays_as_it_is(phase: Phase) -> None:
    world = World(contractor())
    state = replace(accept(world, post(world, job())), phase=phase)
    decision = amending.amend(state, replace(state.job, hours=Decimal(2)), world, EXPIRY)
    assert decision.state is state
    assert [*decision.events, *decision.also, *decision.timers] == []


# -- what is kept of it --------------------------------------------------------------------------------


def test_rounds_are_made_again_from_the_job_as_it_was() -> None:
    near, far = contractor(), contractor(place=north_of_flensburg(20))
    world = World(near, far)
    posted = job()
    state = decline(world, post(world, posted))
    state = amend(world, state, certifications=LEVEL_5)
    state = amend(world, state, certifications=(), hours=Decimal(2))
    rounds = world.records[posted.job_id].rounds
    assert [one.number for one in rounds] == [1, 2, 3, 4]
    assert [one.job for one in rounds[:2]] == [None, None]
    assert state.posted_as == posted
    known = {(row.partner_id, row.version): row for row in world.rows.values()}
    for one in rounds:
        again = replay(one, one.job or posted, known, POLICIES[one.policy_version])
        assert same(one, again), one.number
    assert not same(rounds[0], replay(rounds[0], rounds[2].job or posted, known, world.policy))


def test_a_look_of_before_is_not_taken_for_one_of_now() -> None:
    """Gathered jobs are looked at before their first round; an amendment may come in between."""
    only = contractor()
    world = World(only)
    posted = job()
    world.client(posted)
    waiting = Assignment(posted)
    world.look(waiting, ClientSide.of(posted, world.rows[posted.client_id]), 16)
    world.states[posted.job_id] = waiting
    assert amend(world, waiting, certifications=LEVEL_5).phase is Phase.UNFILLED
    assert {one.constraint: one.count for one in world.told(CandidatesRanked)[0].removed}[
        "certification"
    ] == 1
    assert capacity_key(only.partner_id, posted.week) not in world.taken
