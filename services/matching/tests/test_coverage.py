"""Coverage: who counts as qualified is the gate's word, and every change of it is told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.matching_coverage_v1 import Coverage as CoverageTold
from contracts.values import Certification, CustomerStatus, KindOfWork, RequiredCertification, ResponseTime
from matching.coverage import measure, postcodes
from matching.domain.coverage import ANY, SOON, Key, Measured, Skill, qualifications, share, tell
from matching.domain.gate import WITHOUT_CAPACITY, ClientSide, case_of, judge
from matching.domain.model import Contractor, Insurance, TravelZone
from matching.pictures import draw, percent
from matching.postcodes import place_of
from matching.testing import CERTIFICATION, contractor, job, offering

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
AGFEO = Skill("Agfeo", "ES", 2)
NOBODY = ClientSide(frozenset(), frozenset())
NEXT_DAY = ResponseTime.next_business_day


def held(level: int, until: date, line: str = "ES") -> Certification:
    return Certification(manufacturer="Agfeo", product_line=line, level=level, valid_until=until)


@st.composite
def partners(draw: st.DrawFn) -> Contractor:
    """Anywhere in Germany, most of them fit."""
    availability = offering(
        radius_km=draw(st.sampled_from([0, 1, 20, 60, 150])),
        nationwide=draw(st.sampled_from([False] * 9 + [True])),
        response_times=frozenset(draw(st.lists(st.sampled_from(list(ResponseTime)), max_size=3))),
    )
    certified = draw(
        st.lists(st.tuples(st.integers(1, 4), st.sampled_from([DAY, DAY - timedelta(days=1)])), max_size=2)
    )
    return contractor(
        place=draw(
            st.sampled_from(
                [None, *map(place_of, draw(st.lists(st.sampled_from(postcodes()), min_size=2, max_size=3)))]
            )
        ),
        availability=draw(st.sampled_from([availability] * 5 + [None])),
        certifications=tuple(held(level, until) for level, until in certified),
        suspended=draw(st.sampled_from([False] * 5 + [True])),
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(partners(), max_size=4), st.lists(st.sampled_from(postcodes()), min_size=3, max_size=6))
def test_a_postcode_is_covered_when_the_gate_lets_somebody_pass(
    network: list[Contractor], codes: list[str]
) -> None:
    found = measure(network, DAY)
    for response_time in (NEXT_DAY, ResponseTime.four_hours):
        for level in range(1, 6):
            key = (AGFEO._replace(level=level), response_time)
            for code in codes:
                asked = job(
                    postcode=code,
                    place=place_of(code),
                    response_time=response_time,
                    certifications=(
                        RequiredCertification(manufacturer="Agfeo", product_line="ES", level=level),
                    ),
                    first_day=DAY,
                    last_day=DAY,
                    insurance_cents=None,
                    highest_zone=1,
                    zones=(TravelZone(1, 2_000, job().zones[0].contractor_flat),),
                )
                passes = any(
                    judge(case_of(asked, each, NOBODY), WITHOUT_CAPACITY) is None for each in network
                )
                assert (code not in found.white_spots(key)) == passes


@pytest.mark.parametrize(
    "unfit",
    [
        {"customer_status": CustomerStatus.blocked},
        {"suspended": True},
        {"insurance": None},
        {"insurance": Insurance(300_000_000, date(2026, 1, 1), DAY - timedelta(days=1))},
        {"agreements": ()},
        {"availability": None},
        {"availability": offering(kinds_of_work=frozenset())},
        {"availability": offering(kinds_of_work=frozenset({KindOfWork.unknown}))},
        {"availability": offering(response_times=frozenset())},
        {"availability": offering(radius_km=None)},
        {"place": None},
    ],
)
def test_who_could_be_given_no_job_covers_nothing(unfit: Mapping[str, object]) -> None:
    assert list(qualifications(contractor(), DAY))
    assert list(qualifications(contractor(**unfit), DAY)) == []


def test_a_certification_counts_up_to_its_level_through_its_last_day() -> None:
    partner = contractor(certifications=(held(3, DAY), held(1, DAY - timedelta(days=1), "AS")))
    assert list(qualifications(partner, DAY)) == [
        (ANY, NEXT_DAY),
        *((AGFEO._replace(level=level), NEXT_DAY) for level in (1, 2, 3)),
    ]
    assert list(qualifications(partner, DAY + timedelta(days=1))) == [(ANY, NEXT_DAY)]


def test_nationwide_is_everywhere_and_radius_0_is_his_own_postcode() -> None:
    here = place_of("24937")
    everywhere = measure([contractor(place=here, availability=offering(nationwide=True))], DAY)
    assert everywhere.white_spots((AGFEO, NEXT_DAY)) == []
    at_home = measure([contractor(place=here, availability=offering(radius_km=0))], DAY)
    assert at_home.count((AGFEO, NEXT_DAY)) == 1
    assert "24937" not in at_home.white_spots((AGFEO, NEXT_DAY))
    assert at_home.count((Skill("Agfeo", "ES", 5), NEXT_DAY)) == 0


# -- what is told ------------------------------------------------------------------------------------------


def measured(**changed: object) -> Measured:
    return replace(Measured(DAY, 1, 8168, ((ANY, NEXT_DAY, 8167),)), **changed)  # type: ignore[arg-type]


def test_a_measurement_is_told_once_and_again_only_when_it_is_another() -> None:
    first = tell(None, measured(), "DE", NOW, EVERY)
    (event,) = first.events
    assert isinstance(event, CoverageTold)
    assert (event.reaches[0].certification, str(event.reaches[0].share)) == (None, "0.9998")
    assert first.timers == {"measure": NOW + EVERY}
    same = tell(first.state, measured(day=DAY + timedelta(days=1)), "DE", NOW, EVERY)
    assert (same.state, same.events, same.timers) == (first.state, (), {"measure": NOW + EVERY})
    for other in (measured(partners=2), measured(reached=())):
        assert len(tell(first.state, other, "DE", NOW, EVERY).events) == 1


def test_what_is_still_being_measured_is_asked_for_again_soon() -> None:
    waiting = tell(measured(), None, "DE", NOW, EVERY)
    assert (waiting.state, waiting.events, waiting.timers) == (measured(), (), {"measure": NOW + SOON})


def test_a_hundred_percent_is_all_of_it() -> None:
    shares = [share(8167, 8168), share(8168, 8168), share(0, 8168), share(0, 0)]
    assert list(map(str, shares)) == ["0.9998", "1.0000", "0.0000", "0.0000"]
    assert percent(8167) == "99.9 %"
    assert percent(8168) == "100.0 %"


def test_the_map_is_drawn(tmp_path: Path) -> None:
    partner = contractor(place=place_of("24937"), certifications=(CERTIFICATION,))
    key: Key = (AGFEO, NEXT_DAY)
    draw(tmp_path / "map.png", measure([partner], DAY), [key], title="Coverage", unfilled={key: ["80331"]})
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
