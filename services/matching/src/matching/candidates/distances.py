"""Distances of many places at once, in tenths of a kilometre, as `domain.places.distance_km` rounds them."""

from __future__ import annotations

import numpy as np

from matching.domain.places import EARTH_KM, Place

BEYOND = 10_001
"""Stands for every distance over 1,000 km."""
_LAST_BITS = 1e-15
"""Dot products so near to where the rounding changes count as the nearer distance: who is at the edge of his radius is
never overlooked, and the gate, which is asked afterwards, has the last word."""
_EDGES = _LAST_BITS - np.cos((np.arange(BEYOND) / 10 + 0.05) / EARTH_KM)


def tenths(against: np.ndarray, place: Place) -> np.ndarray:
    """How far points are from a place, 0 to BEYOND. Given by axis is what lies opposite them on the earth."""
    x, y, z = against
    dots = x * place[0]
    dots += y * place[1]
    dots += z * place[2]
    found: np.ndarray = _EDGES.searchsorted(dots)
    return found
