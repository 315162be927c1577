"""The ranking's terms that need no database, as a table and a column: the domain computes, here it is looked up."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from contracts.values import ResponseTime
from matching.candidates.distances import BEYOND
from matching.domain.policy import Policy
from matching.domain.ranking import away_points


class Nearness:
    """Points of the terms that depend on how far away he is, by tenths of a kilometre."""

    def __init__(self, response_time: ResponseTime, policy: Policy) -> None:
        points = [away_points(response_time, tenths / 10, policy) for tenths in range(BEYOND + 1)]
        self._points = np.array(points, dtype=np.int64)
        self._at_most = np.maximum.accumulate(self._points[::-1])[::-1].copy()

    def of(self, tenths: np.ndarray) -> np.ndarray:
        return self._points.take(tenths, mode="clip")

    def at_most(self, tenths: np.ndarray) -> np.ndarray:
        """For this distance or any that is greater."""
        return self._at_most.take(tenths, mode="clip")


@lru_cache(maxsize=16)
def nearness(response_time: ResponseTime, policy: Policy) -> Nearness:
    return Nearness(response_time, policy)
