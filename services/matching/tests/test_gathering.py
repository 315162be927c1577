"""Jobs that compete are planned together; what the plan says is a proposal and passes the gate again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from chassis.decisions import Decision
from contracts.ids import uuid7
from contracts.matching_assignments_v1 import CandidatesRanked
from contracts.values import Certification, RequiredCertification
from matching.domain.explanation import replay, same
from matching.domain.gathering import (
    ASK_AGAIN,
    AT_MOST,
    Proposal,
    first_choice,
    gather,
    problem_of,
    proposals,
    propose,
    window_end,
)
from matching.domain.many import plan
from matching.domain.model import Assignment, Contractor, Job, Phase
from matching.optimiser import solve
from matching.planning import Rush
from matching.testing import (
    CERTIFICATION,
    EXPIRY,
    NOW,
    World,
    contractor,
    job,
    north_of_flensburg,
    offering,
)

WAIT = timedelta(seconds=1)
OTHER = Certification(**CERTIFICATION.model_dump() | {"product_line": "Other"})
NEAR = contractor(certifications=(CERTIFICATION, OTHER), availability=offering(weekly_minutes=480))
FAR = contractor(place=north_of_flensburg(40), availability=offering(weekly_minutes=480))


def other_job(**changed: object) -> Job:
    wanted = RequiredCertification(manufacturer="Agfeo", product_line="Other", level=2)
    return job(certifications=(wanted,), **changed)


def gathered(*jobs: Job, partners: tuple[Contractor, ...] = (NEAR, FAR)) -> World:
    world = World(*partners)
    for each in jobs:
        world.client(each)
        world.apply(each.job_id, gather(each, world.now, WAIT))
    return world


def proposed(world: World, posted: Job, proposal: Proposal | None) -> Decision[Assignment] | None:
    return propose(world.states[posted.job_id], proposal, world, EXPIRY)


def test_jobs_of_one_window_are_due_at_the_same_moment() -> None:
    begins = window_end(NOW, WAIT)
    last = timedelta(microseconds=1)
    assert window_end(begins, WAIT) == window_end(begins + WAIT - last, WAIT) == begins + WAIT
    assert window_end(begins - last, WAIT) == begins


def test_a_gathered_job_waits_for_its_plan_but_not_for_ever() -> None:
    posted = job()
    world = gathered(posted)
    assert world.states[posted.job_id].phase is Phase.SEARCHING
    assert world.timers == {
        (posted.job_id, "plan"): window_end(NOW, WAIT),
        (posted.job_id, "search"): window_end(NOW, WAIT) + AT_MOST,
    }
    assert NOW < window_end(NOW, WAIT) <= NOW + WAIT
    assert world.events == []
    waiting = proposed(world, posted, None)
    assert waiting is not None
    assert (waiting.events, waiting.timers) == ((), {"plan": NOW + ASK_AGAIN})


def test_the_plan_leaves_the_only_one_to_the_job_that_has_nobody_else() -> None:
    easy, hard = job(), other_job()
    world = gathered(easy, hard)
    problem = problem_of([world.states[each.job_id] for each in (easy, hard)], world)
    made = plan(problem, solve)
    assert (made.greedy.filled, made.value.filled, made.gap) == (1, 2, 0.0)
    assert proposals(problem, made) == {
        easy.job_id: Proposal(FAR.partner_id, 2),
        hard.job_id: Proposal(NEAR.partner_id, 2),
    }
    assert proposals(problem, None) == {each.job_id: Proposal(None, 2) for each in (easy, hard)}
    for each, choice in ((easy, FAR), (hard, NEAR)):
        state = world.apply(each.job_id, proposed(world, each, Proposal(choice.partner_id, 2)))
        assert (state.phase, state.contractor_id) == (Phase.OFFERED, choice.partner_id)
        assert (each.job_id, "search") not in world.timers
    told = world.told(CandidatesRanked)[0]
    assert [candidate.contractor_id for candidate in told.candidates] == [FAR.partner_id, NEAR.partner_id]
    assert told.candidates[0].score < told.candidates[1].score
    assert told.planned_with == 2


def test_whom_the_plan_proposes_is_asked_though_many_are_nearer() -> None:
    posted = job()
    nearer = tuple(contractor(place=north_of_flensburg(km)) for km in range(20))
    world = gathered(posted, partners=(*nearer, FAR))
    state = world.apply(posted.job_id, proposed(world, posted, Proposal(FAR.partner_id, 2)))
    assert state.contractor_id == FAR.partner_id


def test_who_does_not_pass_any_more_is_not_asked_whatever_the_plan_says() -> None:
    posted = job()
    world = gathered(posted)
    world.rows[FAR.partner_id] = replace(FAR, version=2, insurance=None)
    state = world.apply(posted.job_id, proposed(world, posted, Proposal(FAR.partner_id, 5)))
    assert (state.phase, state.contractor_id) == (Phase.OFFERED, NEAR.partner_id)
    assert world.told(CandidatesRanked)[0].planned_with is None


def test_without_a_proposal_it_is_a_search_as_any_other() -> None:
    posted = job()
    for proposal in (Proposal(None, 3), Proposal(uuid7(), 3)):
        world = gathered(posted)
        state = world.apply(posted.job_id, proposed(world, posted, proposal))
        assert (state.phase, state.contractor_id) == (Phase.OFFERED, NEAR.partner_id)
        assert world.told(CandidatesRanked)[0].planned_with is None


def test_what_was_searched_for_or_ended_meanwhile_is_left_alone() -> None:
    posted = job()
    world = gathered(posted)
    proposal = Proposal(FAR.partner_id, 2)
    offered = world.apply(posted.job_id, proposed(world, posted, proposal))
    assert propose(offered, proposal, world, EXPIRY) is None
    assert propose(None, proposal, world, EXPIRY) is None
    assert propose(replace(offered, phase=Phase.SEARCHING), proposal, world, EXPIRY) is None
    assert propose(Assignment(posted, Phase.CANCELLED), proposal, world, EXPIRY) is None


def test_a_planned_round_is_replayed_to_the_same_end() -> None:
    posted = job()
    world = gathered(posted)
    world.apply(posted.job_id, proposed(world, posted, Proposal(FAR.partner_id, 2)))
    (kept,) = world.records[posted.job_id].rounds
    assert kept.proposed == FAR.partner_id
    known = {(each.partner_id, each.version): each for each in world.rows.values()}
    assert same(kept, replay(kept, posted, known, world.policy))
    assert not same(kept, replay(replace(kept, proposed=None), posted, known, world.policy))


def test_the_first_choice_is_by_score_not_by_nearness_alone() -> None:
    posted = job()
    world = gathered(posted)
    assert first_choice(posted, world) == NEAR.partner_id
    assert first_choice(other_job(client_id=posted.client_id), World(FAR)) is None


def test_a_rush_begins_with_the_second_job_and_ends_by_itself() -> None:
    rush = Rush(WAIT)
    first, second, third, elsewhere, partner = (UUID(int=number) for number in range(5))
    assert not rush.contested(first, partner, "2026-W48", NOW)
    assert rush.contested(second, partner, "2026-W48", NOW + WAIT / 2)
    assert not rush.contested(first, partner, "2026-W48", NOW + WAIT / 2)
    assert rush.contested(third, partner, "2026-W48", NOW + WAIT)
    assert not rush.contested(elsewhere, partner, "2026-W49", NOW + WAIT)
    assert not rush.contested(uuid7(), partner, "2026-W48", NOW + 3 * WAIT)
