"""The simulated network: the same for the same seed, true to the gate, and able to tell two policies apart."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from matching.app import main
from matching.domain.model import BERLIN, day_of
from matching.domain.policy import Policy
from matching.simulation.comparison import differences
from matching.simulation.engine import Engine
from matching.simulation.outcome import Course, Outcome, gini
from matching.simulation.people import at_work
from matching.simulation.scenario import Dealer, Illness, Scenario, World, midnight, world

SMALL = Scenario(partners=150, weeks=2, jobs_per_week=60)
NEAR, FAR = Policy("near", distance=10_000), Policy("far", distance=-10_000)


@pytest.fixture(scope="module")
def given_world() -> World:
    return world(SMALL, seed=3)


@pytest.fixture(scope="module")
def near(given_world: World) -> Outcome:
    return Engine(given_world, NEAR).run()


@pytest.fixture(scope="module")
def far(given_world: World) -> Outcome:
    return Engine(given_world, FAR).run()


def test_the_same_seed_is_the_same_network(given_world: World, near: Outcome) -> None:
    again = world(SMALL, seed=3)
    assert again.dealers == given_world.dealers
    assert again.postings == given_world.postings
    assert again.illnesses == given_world.illnesses
    assert Engine(again, NEAR).run().figures() == near.figures()
    assert world(SMALL, seed=4).postings != given_world.postings


def test_everything_that_was_posted_comes_to_an_end(given_world: World, near: Outcome) -> None:
    assert len(near.courses) == len(given_world.postings)
    for course in near.courses:
        assert course.done_by is not None or course.withdrawn or course.removed is not None
    assert 0.4 < near.figures()["fill"] < 1.0


def test_nobody_works_beyond_his_radius_uncertified_or_for_himself(near: Outcome) -> None:
    done = near.done
    assert len(done) > 50
    for course in done:
        assert course.done_by is not None
        contractor = near.world.by_id[course.done_by].contractor
        availability = contractor.availability
        assert availability is not None
        assert course.km is not None
        assert availability.nationwide or course.km <= (availability.radius_km or 0)
        wanted = course.job.required_certifications[0]
        assert any(
            held.product_line == wanted.product_line and held.level >= wanted.level
            for held in contractor.certifications
        )
        assert course.job.client_id != course.done_by


def test_two_policies_meet_the_same_jobs_and_differ_in_what_they_are_for(near: Outcome, far: Outcome) -> None:
    assert [course.job for course in near.courses] == [course.job for course in far.courses]
    assert near.figures()["km"] < 0.8 * far.figures()["km"]


def _busiest(outcome: Outcome) -> Dealer:
    done = Counter(course.done_by for course in outcome.done if course.done_by is not None)
    return outcome.world.by_id[done.most_common(1)[0][0]]


def _done_by(outcome: Outcome, dealer: Dealer) -> list[Course]:
    return [course for course in outcome.done if course.done_by == dealer.contractor.partner_id]


def test_who_falls_ill_loses_what_he_had_and_the_search_goes_on(given_world: World, near: Outcome) -> None:
    at = midnight(SMALL.begins + timedelta(weeks=1))

    def had(course: Course) -> bool:
        known = course.first_assigned_at
        return known is not None and known < at < course.job.window.starts_at

    counts = Counter(course.done_by for course in near.done if had(course) and course.done_by is not None)
    dealer = near.world.by_id[counts.most_common(1)[0][0]]
    ill = Illness(dealer.contractor.partner_id, at, at + timedelta(weeks=30))
    outcome = Engine(replace(given_world, illnesses=[*given_world.illnesses, ill]), NEAR).run()
    assert all(course.job.window.starts_at < at for course in _done_by(outcome, dealer))
    his = {course.job.job_id for course in _done_by(near, dealer) if had(course)}
    again = [course for course in outcome.courses if course.job.job_id in his]
    assert {reason for course in again for reason in course.lost} == {"partner_lapsed"}
    assert all(course.done_by or course.withdrawn or course.removed is not None for course in again)


def test_an_insurance_that_ends_costs_the_jobs_behind_it_until_it_is_renewed(
    given_world: World, near: Outcome
) -> None:
    dealer = _busiest(near)
    held = dealer.contractor.insurance
    assert held is not None
    ends, renewed = SMALL.begins + timedelta(days=3), SMALL.begins + timedelta(days=5)

    def run(renews_on: date | None) -> Outcome:
        his = replace(dealer.contractor, insurance=replace(held, valid_until=ends))
        changed = replace(dealer, contractor=his, renews_on=renews_on)
        dealers = [changed if each is dealer else each for each in given_world.dealers]
        return Engine(replace(given_world, dealers=dealers), NEAR).run()

    def last_days(outcome: Outcome) -> list[date]:
        return [day_of(course.job.window.ends_at) for course in _done_by(outcome, dealer)]

    assert all(day <= ends for day in last_days(run(None)))
    again = last_days(run(renewed))
    assert any(day > renewed for day in again)


def test_a_difference_is_told_with_how_sure_it_is() -> None:
    steady = differences(
        [{"km": 10.0}, {"km": 20.0}, {"km": 40.0}], [{"km": 12.0}, {"km": 22.0}, {"km": 42.0}]
    )
    assert (steady["km"].mean, steady["km"].half_width, steady["km"].sure) == (2.0, 0.0, True)
    chance = differences([{"km": 10.0}, {"km": 20.0}], [{"km": 14.0}, {"km": 19.0}])["km"]
    assert chance.mean == 1.5
    assert chance.half_width == pytest.approx(12.706 * 2.5, rel=1e-3)
    assert not chance.sure
    with pytest.raises(ValueError, match="two or more"):
        differences([{"km": 1.0}], [{"km": 2.0}])


def test_jobs_come_at_work_and_mondays_most() -> None:
    postings = world(Scenario(partners=100, weeks=4, jobs_per_week=400), seed=1).postings
    local = [posting.at.astimezone(BERLIN) for posting in postings]
    days = [sum(moment.weekday() == day for moment in local) for day in range(7)]
    assert days[0] > days[4] > days[5]
    assert sum(7 <= moment.hour < 19 for moment in local) > 0.9 * len(local)


@given(st.datetimes(datetime(2027, 3, 1), datetime(2027, 11, 5), timezones=st.just(BERLIN)))  # noqa: DTZ001
def test_people_answer_at_work_only(moment: datetime) -> None:
    answered = at_work(moment)
    assert moment <= answered < moment + timedelta(days=3)
    assert 8 <= answered.hour < 18
    assert answered.weekday() < 5


@pytest.mark.parametrize(
    ("loads", "expected"), [([], 0.0), ([0, 0], 0.0), ([2, 2, 2], 0.0), ([0, 0, 0, 1], 0.75), ([1, 3], 0.25)]
)
def test_gini(loads: list[float], expected: float) -> None:
    assert gini(loads) == pytest.approx(expected)


# -- the command -----------------------------------------------------------------------------------------

QUICK = ["simulate", "--weeks", "1", "--partners", "60", "--jobs-per-week", "20"]


def test_the_command_reports_and_draws(tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    done = CliRunner().invoke(main, [*QUICK, "--picture", str(picture)])
    assert done.exit_code == 0, done.output
    assert "jobs filled" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_compares() -> None:
    done = CliRunner().invoke(main, [*QUICK, "--against", "distance=1,free-load=0", "--runs", "2"])
    assert done.exit_code == 0, done.output
    assert "95 % of the time between" in done.output


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--policy", "nearness=1"], "neither a published policy"),
        (["--policy", "distance=much"], "no number"),
        (["--against", "distance=1", "--runs", "1"], "nothing about chance"),
        (["--weeks", "0"], "greater than or equal to 1"),
        (["--picture", "map.gif3"], "No picture"),
    ],
)
def test_wrong_input_is_named(wrong: list[str], told: str) -> None:
    done = CliRunner().invoke(main, [*QUICK, *wrong])
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())


# who was started in the background ignores Ctrl-C, and so would his children
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from matching.app import main
main()
"""


def test_interrupted_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    command = [sys.executable, "-c", PROGRAM, *QUICK, "--weeks", "52"]
    with subprocess.Popen(
        [*command, "--picture", str(picture)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "world 1 of 1, policy 1 of 1\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "\nStopped; nothing was written.\n"
    assert not picture.exists()
