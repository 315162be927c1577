"""What issue and field call bad input: each has an answer. Commands given late or twice are in test_assignment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobPosted
from contracts.matching_assignments_v1 import JobUnfilled
from contracts.matching_commands_v1 import AcceptOffer, DeclineOffer, DeclineReason
from contracts.values import (
    Certification,
    KindOfWork,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
)
from matching.candidates import PartnerIndex
from matching.domain import assignment
from matching.domain.contractors import remember
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Job, Phase, Tariff
from matching.postcodes import place_of
from matching.settings import Settings
from matching.testing import (
    EXPIRY,
    FLENSBURG,
    NOW,
    ZONES,
    World,
    contractor,
    job,
    north_of_flensburg,
    offering,
    refused,
)
from matching.translation import job_from

TARIFF = Tariff(1, {KindOfWork.installation: Decimal("72.50")}, ZONES)


def post(world: World, posted: Job) -> Assignment:
    world.client(posted)
    return world.apply(posted.job_id, assignment.post(None, posted, world, EXPIRY))


def why_unfilled(world: World, posted: Job) -> dict[str, int]:
    assert post(world, posted).phase is Phase.UNFILLED
    unfilled: Any = world.told(JobUnfilled)[-1]
    return {removed.constraint: removed.count for removed in unfilled.removed} | {"": unfilled.looked_at}


def required(manufacturer: str = "Agfeo", line: str = "ES", level: int = 2) -> RequiredCertification:
    return RequiredCertification(manufacturer=manufacturer, product_line=line, level=level)


def told(**changed: Any) -> JobPosted:
    job_id = uuid7()
    starts_at = datetime(2026, 11, 24, 7, tzinfo=UTC)
    fit: dict[str, Any] = {
        "job_id": job_id, "job_number": job_number(job_id), "client_id": uuid7(), "postcode": "24937",
        "kind_of_work": KindOfWork.installation, "required_certifications": [],
        "window": Window(starts_at=starts_at, ends_at=starts_at + timedelta(hours=8)),
        "estimated_hours": Decimal(8), "response_time": ResponseTime.scheduled, "highest_zone": 3,
        "offer_policy": OfferPolicy.sequential, "rate_card_id": uuid7(), "rate_card_version": 1,
        "own_reference": OwnReference(), "summary": "Telefonanlage", "posted_at": NOW,
    }  # fmt: skip
    return JobPosted(**fit | changed)


# -- requirements --------------------------------------------------------------------------------------


def test_no_requirement_is_met_by_everybody() -> None:
    state = post(World(contractor(certifications=())), job(certifications=(), insurance_cents=None))
    assert state.phase is Phase.OFFERED


@pytest.mark.parametrize(
    "wanted", [required("Nobody"), required(line="No such line"), required(level=5)], ids=str
)
def test_an_unknown_manufacturer_or_level_is_unfilled_with_the_reason(wanted: RequiredCertification) -> None:
    world = World(contractor(), contractor())
    assert why_unfilled(world, job(certifications=(wanted,))) == {"certification": 2, "reach": 1, "": 3}


def test_the_same_certification_at_two_levels_asks_for_the_higher() -> None:
    posted = job(certifications=(required(level=1), required(level=4)))
    assert why_unfilled(World(contractor()), posted)["certification"] == 1
    level_four = Certification(manufacturer="Agfeo", product_line="ES", level=4, valid_until=date(2027, 1, 1))
    assert post(World(contractor(certifications=(level_four,))), posted).phase is Phase.OFFERED


def test_requirements_that_nobody_can_meet_together_end_unfilled() -> None:
    never = job(insurance_cents=10**12, highest_zone=1, hours=Decimal(400))
    assert why_unfilled(World(contractor()), never) == {"insurance": 1, "reach": 1, "": 2}


def test_a_level_that_does_not_exist_is_refused_at_the_door() -> None:
    for level in (0, 6):
        with pytest.raises(ValidationError):
            required(level=level)


def test_zero_candidates() -> None:
    assert why_unfilled(World(), job()) == {"reach": 1, "": 1}, "the client himself reaches nothing"


# -- where ---------------------------------------------------------------------------------------------


def test_a_postcode_keeps_its_leading_zero() -> None:
    dresden = job_from(told(postcode="01067"), TARIFF)
    assert (dresden.postcode, dresden.place) == ("01067", place_of("01067"))
    assert dresden.place is not None
    assert place_of("1067") is None


def test_an_unknown_postcode_is_nobodys_place() -> None:
    """The exchange refuses it at posting; should one come through, nobody is in reach."""
    nowhere = job_from(told(postcode="00000"), TARIFF)
    assert nowhere.place is None
    everywhere = contractor(availability=offering(nationwide=True))
    world = World(everywhere)
    assert why_unfilled(world, replace(job(), postcode="00000", place=None))["reach"] == 2


def test_radius_zero_and_nationwide() -> None:
    here = contractor(availability=offering(radius_km=0))
    everywhere = contractor(place=north_of_flensburg(60), availability=offering(radius_km=0, nationwide=True))
    world = World(here, everywhere)
    assert post(world, job()).contractor_id == here.partner_id
    away = replace(job(place=north_of_flensburg(30)))
    assert post(world, away).contractor_id == everywhere.partner_id


# -- when ----------------------------------------------------------------------------------------------


def test_a_window_in_the_past_asks_nobody() -> None:
    world = World(contractor(), now=job().ends_at)
    assert post(world, job()).phase is Phase.UNFILLED
    assert world.told(JobUnfilled)[0].cause == "window_over"


@pytest.mark.parametrize(
    ("starts", "ends", "days", "week"),
    [
        # 25 hours on one day in Germany: the clock goes back on 2026-10-25
        ("2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00", (25, 25), "2026-W43"),
        # 23 hours: it goes forward on 2026-03-29
        ("2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00", (29, 29), "2026-W13"),
        ("2026-03-28T22:59:59+00:00", "2026-03-29T22:00:01+00:00", (28, 30), "2026-W13"),
        # week 53 runs into the next year
        ("2026-12-31T08:00:00+01:00", "2027-01-02T12:00:00+01:00", (31, 2), "2026-W53"),
        ("2026-12-31T23:30:00+00:00", "2027-01-01T12:00:00+00:00", (1, 1), "2026-W53"),
    ],
)
def test_days_and_week_are_germanys(starts: str, ends: str, days: tuple[int, int], week: str) -> None:
    window = Window(starts_at=datetime.fromisoformat(starts), ends_at=datetime.fromisoformat(ends))
    posted = job_from(told(window=window), TARIFF)
    assert (posted.first_day.day, posted.last_day.day, posted.week) == (*days, week)


# -- partners' events ----------------------------------------------------------------------------------


def test_partner_events_that_come_twice_or_in_the_wrong_order_change_nothing() -> None:
    old = contractor(place=FLENSBURG)
    new = replace(old, version=3, suspended=True)
    assert remember(new, old, (), NOW).state is new
    assert remember(new, new, (), NOW) == remember(new, new, (), NOW)
    assert not remember(new, new, (), NOW).wakes
    index = PartnerIndex()
    for each in (new, old, new):
        if index.version_of(each.partner_id) < each.version:
            index.remember(each)
    state = Assignment(job())
    assert index.version_of(old.partner_id) == 3
    assert index.look(state, ClientSide(frozenset(), frozenset()), 5).passed == []


# -- answers -------------------------------------------------------------------------------------------


def test_an_offer_answered_by_a_stranger_twice_late_or_after_cancellation() -> None:
    near, stranger = contractor(), contractor(place=north_of_flensburg(10))
    world = World(near, stranger)
    state = post(world, job())
    assert state.offer is not None
    job_id, offer = state.job.job_id, state.offer
    yes = AcceptOffer(job_id=job_id, contractor_id=near.partner_id, offer_id=offer.offer_id)
    no = DeclineOffer(
        job_id=job_id, contractor_id=near.partner_id, offer_id=offer.offer_id, reason=DeclineReason.other
    )
    foreign = yes.model_copy(update={"contractor_id": stranger.partner_id})
    assert refused(lambda: assignment.accept(state, foreign, world)) == "no-open-offer"
    late = World(near, stranger, now=offer.expires_at)
    late.rows = world.rows
    assert refused(lambda: assignment.accept(state, yes, late)) == "offer-expired"
    taken = world.apply(job_id, assignment.accept(state, yes, world))
    assert refused(lambda: assignment.accept(taken, yes, world)) == "no-open-offer"
    assert refused(lambda: assignment.decline(taken, no, world, EXPIRY)) == "no-open-offer"
    gone = world.apply(job_id, assignment.cancel(taken, world))
    for answer in (
        lambda: assignment.accept(gone, yes, world),
        lambda: assignment.decline(gone, no, world, EXPIRY),
    ):
        assert refused(answer) == "no-open-offer"
    assert world.reconciles()


# -- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"policy_version": "2025-0"}, {"service_opens": "17:00", "service_closes": "08:00"}], ids=str
)
def test_settings_that_cannot_be_fail_at_start(wrong: dict[str, str]) -> None:
    known = {
        "database_url": "postgresql://nobody/x",
        "kafka_bootstrap_servers": "nobody:1",
        "development": "1",
    }
    assert Settings.model_validate(known).policy.version == "2026-2"
    with pytest.raises(ValidationError):
        Settings.model_validate(known | wrong)
