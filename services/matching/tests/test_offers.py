"""Several offers at once, a dispatcher's hold, ratings, and how long a candidate may think."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from contracts.matching_assignments_v1 import (
    CandidatesRanked,
    JobAssigned,
    JobHeld,
    JobOffered,
    JobUnfilled,
    OfferExpired,
    OfferWithdrawn,
)
from contracts.matching_commands_v1 import (
    AcceptOffer,
    AssignByHand,
    DeclineOffer,
    DeclineReason,
    HoldJob,
    RankAgain,
    RateContractor,
    Volunteer,
)
from contracts.values import OfferPolicy, ResponseTime
from matching.domain import assignment
from matching.domain.model import BERLIN, Assignment, Contractor, Job, Phase
from matching.domain.service_hours import ServiceHours
from matching.domain.standing import NEWCOMER, DeedKind, fold
from matching.domain.view import Expiry
from matching.testing import EXPIRY, World, contractor, job, north_of_flensburg, refused
from matching.workdays import is_holiday


def post(world: World, posted: Job) -> Assignment:
    world.client(posted)
    return world.apply(posted.job_id, assignment.post(None, posted, world, EXPIRY))


def several(count: int = 5) -> list[Contractor]:
    return [contractor(place=north_of_flensburg(4.0 * km)) for km in range(count)]


def accept(world: World, state: Assignment, nth: int) -> Assignment:
    offer = state.offers[nth]
    command = AcceptOffer(job_id=state.job.job_id, contractor_id=offer.contractor_id, offer_id=offer.offer_id)
    return world.apply(state.job.job_id, assignment.accept(world.states[state.job.job_id], command, world))


def decline(world: World, state: Assignment, nth: int) -> Assignment:
    offer = state.offers[nth]
    command = DeclineOffer(
        job_id=state.job.job_id, contractor_id=offer.contractor_id, offer_id=offer.offer_id,
        reason=DeclineReason.other,
    )  # fmt: skip
    return world.apply(state.job.job_id, assignment.decline(state, command, world, EXPIRY))


def hold(state: Assignment) -> HoldJob:
    return HoldJob(job_id=state.job.job_id, reason="access is not clear")


def again(state: Assignment) -> RankAgain:
    return RankAgain(job_id=state.job.job_id, reason="new partners")


# -- the best few at once ------------------------------------------------------------------------------


def test_the_best_three_are_asked_and_the_first_yes_wins() -> None:
    partners = several()
    world = World(*partners)
    state = post(world, job(policy=OfferPolicy.broadcast))
    assert [o.contractor_id for o in world.told(JobOffered)] == [p.partner_id for p in partners[:3]]
    assert len({offer.expires_at for offer in state.offers}) == 1
    taken = accept(world, state, 1)
    assert (taken.phase, taken.contractor_id, taken.offers) == (Phase.ASSIGNED, partners[1].partner_id, ())
    assert {w.contractor_id for w in world.told(OfferWithdrawn)} == {partners[n].partner_id for n in (0, 2)}
    assert {w.reason for w in world.told(OfferWithdrawn)} == {"assigned_otherwise"}
    assert refused(lambda: accept(world, state, 0)) == "no-open-offer"
    assert world.reconciles()


def test_the_others_keep_their_offers_when_one_declines_and_the_next_are_asked_when_all_have() -> None:
    partners = several()
    world = World(*partners)
    state = post(world, job(policy=OfferPolicy.broadcast))
    state = decline(world, state, 0)
    assert [o.contractor_id for o in state.offers] == [p.partner_id for p in partners[1:3]]
    assert state.contractor_id == partners[1].partner_id
    assert len(world.told(CandidatesRanked)) == 1
    state = decline(world, decline(world, state, 1), 0)
    assert [o.contractor_id for o in state.offers] == [p.partner_id for p in partners[3:]]


def test_all_of_them_expire_together() -> None:
    world = World(*several(3))
    state = post(world, job(policy=OfferPolicy.broadcast))
    world.now = world.timers[(state.job.job_id, "offer-expires")]
    assert refused(lambda: accept(world, state, 2)) == "offer-expired"
    state = world.apply(state.job.job_id, assignment.expire(state, world, EXPIRY))
    assert len(world.told(OfferExpired)) == 3
    assert (state.phase, len(state.lost)) == (Phase.UNFILLED, 3)


def test_one_of_several_who_lapses_loses_his_offer_only() -> None:
    partners = several(3)
    world = World(*partners)
    state = post(world, job(policy=OfferPolicy.broadcast))
    assert len(world.engagements(partners[2].partner_id)) == 1
    world.know(replace(partners[0], version=2, insurance=None))
    state = world.apply(state.job.job_id, assignment.recheck(state, world, EXPIRY))
    assert [o.contractor_id for o in state.offers] == [p.partner_id for p in partners[1:]]
    assert [w.reason for w in world.told(OfferWithdrawn)] == ["partner_lapsed"]
    for partner in partners[1:]:
        world.know(replace(partner, version=2, insurance=None))
    state = world.apply(state.job.job_id, assignment.recheck(state, world, EXPIRY))
    assert state.phase is Phase.UNFILLED


def test_the_database_is_asked_about_every_one_of_several() -> None:
    partners = several(4)
    world = World(*partners)
    world.rows[partners[1].partner_id] = replace(partners[1], version=2, suspended=True)
    state = post(world, job(policy=OfferPolicy.broadcast))
    assert [o.contractor_id for o in state.offers] == [partners[n].partner_id for n in (0, 2, 3)]


def test_who_moved_away_is_placed_anew_by_the_databases_row() -> None:
    near, middle, far = several(3)
    world = World(near, middle, far)
    world.rows[near.partner_id] = replace(near, version=2, place=north_of_flensburg(30))
    state = post(world, job())
    assert state.contractor_id == middle.partner_id
    assert [c.contractor_id for c in world.told(CandidatesRanked)[0].candidates[:3]] == [
        p.partner_id for p in (middle, far, near)
    ]


# -- the dispatcher ------------------------------------------------------------------------------------


def test_a_held_job_is_offered_to_nobody_until_it_goes_on() -> None:
    near, middle = several(2)
    world = World(near, middle)
    state = post(world, job())
    state = world.apply(state.job.job_id, assignment.hold(state, hold(state), world))
    assert (state.phase, state.offers, state.lost) == (Phase.HELD, (), ())
    assert world.told(OfferWithdrawn)[0].reason == "on_hold"
    assert world.told(JobHeld)[0].held_until == state.job.ends_at
    assert refused(lambda: assignment.hold(state, hold(state), world)) == "held-already"
    assert assignment.search_again(state, world, EXPIRY) is None
    hand_up = Volunteer(job_id=state.job.job_id, contractor_id=middle.partner_id)
    state = world.apply(state.job.job_id, assignment.volunteer(state, hand_up, world, EXPIRY))
    assert state.phase is Phase.HELD
    state = world.apply(state.job.job_id, assignment.rank_again(state, again(state), world, EXPIRY))
    assert (state.phase, state.contractor_id) == (Phase.OFFERED, middle.partner_id), "volunteered"
    assert "search" not in {name for _, name in world.timers}, "the hold's timer is gone"


def test_a_hold_ends_with_the_jobs_time_at_the_latest() -> None:
    world = World(*several(1))
    state = post(world, job())
    state = world.apply(state.job.job_id, assignment.hold(state, hold(state), world))
    world.now = world.timers[(state.job.job_id, "search")]
    state = world.apply(state.job.job_id, assignment.search_again(state, world, EXPIRY))
    assert state.phase is Phase.UNFILLED
    assert world.told(JobUnfilled)[0].cause == "window_over"


def test_a_held_job_is_given_by_hand_or_cancelled() -> None:
    (partner,) = several(1)
    world = World(partner)
    one, other = (post(world, job()) for _ in range(2))
    one, other = (world.apply(s.job.job_id, assignment.hold(s, hold(s), world)) for s in (one, other))
    by_hand = AssignByHand(job_id=one.job.job_id, contractor_id=partner.partner_id, reason="by phone")
    one = world.apply(one.job.job_id, assignment.assign_by_hand(one, by_hand, world))
    assert one.phase is Phase.ASSIGNED
    assert refused(lambda: assignment.hold(one, hold(one), world)) == "not-open"
    assert refused(lambda: assignment.rank_again(one, again(one), world, EXPIRY)) == "not-open"
    other = world.apply(other.job.job_id, assignment.cancel(other, world))
    assert other.phase is Phase.CANCELLED
    assert not world.timers


def test_ranking_again_takes_the_offer_back_and_nobody_has_lost_by_it() -> None:
    (partner,) = several(1)
    world = World(partner)
    first = post(world, job())
    state = world.apply(first.job.job_id, assignment.rank_again(first, again(first), world, EXPIRY))
    assert state.contractor_id == partner.partner_id
    assert state.offers != first.offers
    assert (state.round, state.lost) == (2, ())
    assert refused(lambda: accept(world, first, 0)) == "no-open-offer"


def test_what_a_dispatcher_asks_of_an_unknown_job() -> None:
    stranger = post(World(), job())
    assert refused(lambda: assignment.hold(None, hold(stranger), World())) == "unknown-job"
    assert refused(lambda: assignment.rank_again(None, again(stranger), World(), EXPIRY)) == "unknown-job"


# -- what counts ---------------------------------------------------------------------------------------


def test_deeds_are_noted_where_they_happen_and_a_job_is_rated_once() -> None:
    near, middle = several(2)
    world = World(near, middle)
    state = decline(world, post(world, job()), 0)
    state = accept(world, state, 0)
    rating = RateContractor(
        job_id=state.job.job_id, client_id=state.job.client_id, contractor_id=middle.partner_id, stars=5
    )
    assert refused(lambda: assignment.rate(state, rating, world)) == "not-completed"
    state = world.apply(state.job.job_id, assignment.complete(state, 390, world))
    for changed, code in (
        ({"client_id": near.partner_id}, "not-your-job"),
        ({"contractor_id": near.partner_id}, "not-the-contractor"),
    ):
        wrong = rating.model_copy(update=changed)
        assert refused(lambda wrong=wrong: assignment.rate(state, wrong, world)) == code  # type: ignore[misc]
    state = world.apply(state.job.job_id, assignment.rate(state, rating, world))
    assert refused(lambda: assignment.rate(state, rating, world)) == "rated-already"
    assert refused(lambda: assignment.rate(None, rating, world)) == "unknown-job"
    deeds = world.records[state.job.job_id].deeds
    assert [(d.partner_id, d.kind, d.amount) for d in deeds] == [
        (near.partner_id, DeedKind.PASSED, 0),
        (middle.partner_id, DeedKind.ACCEPTED, 0),
        (state.job.client_id, DeedKind.GIVEN, 390),
        (middle.partner_id, DeedKind.TAKEN, 390),
        (middle.partner_id, DeedKind.RATED, 5),
    ]
    his = fold(NEWCOMER, [d for d in deeds if d.partner_id == middle.partner_id])
    assert his._asdict() == {
        "asked": 1, "kept": 1, "ratings": 1, "stars": 5, "given_minutes": 0, "taken_minutes": 390,
    }  # fmt: skip


# -- how long a candidate may think --------------------------------------------------------------------

HOURS = ServiceHours(time(8), time(17), is_holiday)
THINK = Expiry(timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=4), HOURS)
MUENCHEN, FLENSBURG, KOELN = "80331", "24937", "50667"


def berlin(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


# asked at, service hours, postcode, until
CASES: list[tuple[datetime, float, str, datetime]] = [
    (berlin(2026, 11, 24, 10), 4, FLENSBURG, berlin(2026, 11, 24, 14)),
    (berlin(2026, 11, 24, 16), 4, FLENSBURG, berlin(2026, 11, 25, 11)),
    (berlin(2026, 11, 27, 16), 4, FLENSBURG, berlin(2026, 11, 30, 11)),
    (berlin(2026, 11, 28, 12), 4, FLENSBURG, berlin(2026, 11, 30, 12)),
    (berlin(2026, 11, 24, 6), 4, FLENSBURG, berlin(2026, 11, 24, 12)),
    (berlin(2026, 11, 24, 13), 4, FLENSBURG, berlin(2026, 11, 24, 17)),
    # holidays are those of the state: All Saints and Epiphany in Bavaria, Reformation Day in the north
    (berlin(2027, 1, 5, 16), 2, MUENCHEN, berlin(2027, 1, 7, 9)),
    (berlin(2027, 1, 5, 16), 2, FLENSBURG, berlin(2027, 1, 6, 9)),
    (berlin(2028, 10, 30, 16), 2, FLENSBURG, berlin(2028, 11, 1, 9)),
    (berlin(2028, 10, 31, 16), 2, MUENCHEN, berlin(2028, 11, 2, 9)),
    (berlin(2028, 10, 31, 16), 2, KOELN, berlin(2028, 11, 2, 9)),
    (berlin(2026, 12, 24, 16), 4, KOELN, berlin(2026, 12, 28, 11)),
    # Easter: Good Friday to Monday
    (berlin(2026, 4, 2, 16), 4, KOELN, berlin(2026, 4, 7, 11)),
    # week 53 and the turn of the year: 2026-12-31 is its Thursday, 2027-01-01 a holiday
    (berlin(2026, 12, 31, 15), 4, KOELN, berlin(2027, 1, 4, 10)),
    # over both changes of the clock, each in the night to a Sunday
    (berlin(2026, 3, 27, 16), 4, KOELN, berlin(2026, 3, 30, 11)),
    (berlin(2026, 10, 23, 16), 4, KOELN, berlin(2026, 10, 26, 11)),
]


@pytest.mark.parametrize(("asked", "hours", "postcode", "until"), CASES)
def test_offers_expire_in_service_hours(
    asked: datetime, hours: float, postcode: str, until: datetime
) -> None:
    assert HOURS.after(asked, timedelta(hours=hours), postcode) == until
    assert HOURS.after(asked, timedelta(hours=hours), postcode).tzinfo is UTC


def test_a_calendar_without_working_days_is_an_error() -> None:
    never = ServiceHours(time(8), time(17), lambda _day, _postcode: True)
    with pytest.raises(ValueError, match="service hours"):
        never.after(berlin(2026, 11, 24, 10), timedelta(hours=1), KOELN)


def test_the_class_decides_how_long_and_never_longer_than_the_job() -> None:
    now = berlin(2026, 11, 20, 16, 50).astimezone(UTC)
    urgent, scheduled = (
        job(response_time=ResponseTime.four_hours), job(response_time=ResponseTime.scheduled),
    )  # fmt: skip
    assert THINK.ends_at(urgent, now) == berlin(2026, 11, 23, 8, 5)
    assert THINK.ends_at(scheduled, now) == berlin(2026, 11, 23, 11, 50)
    tonight = job(
        response_time=ResponseTime.four_hours,
        starts_at=berlin(2026, 11, 20, 22), ends_at=berlin(2026, 11, 21, 2),
    )  # fmt: skip
    assert THINK.ends_at(tonight, now) == now + timedelta(minutes=15), "it cannot wait until Monday"
    nearly_over = replace(tonight, ends_at=now + timedelta(minutes=5))
    assert THINK.ends_at(nearly_over, now) == now + timedelta(minutes=5)


def test_accept_and_expiry_at_the_same_moment_exactly_one_wins() -> None:
    (partner,) = several(1)
    for late in (timedelta(microseconds=-1), timedelta(0)):
        world = World(partner)
        state = post(world, job())
        assert state.offer is not None
        world.now = state.offer.expires_at + late
        expired: Any = assignment.expire(state, world, EXPIRY)
        if expired is None:
            state = accept(world, state, 0)
            assert assignment.expire(state, world, EXPIRY) is None
            assert len(world.told(JobAssigned)) == 1
        else:
            assert refused(lambda world=world, state=state: accept(world, state, 0)) == "offer-expired"  # type: ignore[misc]
            world.apply(state.job.job_id, expired)
            assert not world.told(JobAssigned)
