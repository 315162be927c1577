"""Two policies on the same worlds: the difference, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""Student's t, 97.5 %, for 1 to 20 degrees of freedom; beyond them 2.09 is a little too careful."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of the other policy's figure from the first one's; the true one lies between low and high in 95 of 100."""

    mean: float
    half_width: float

    @property
    def low(self) -> float:
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        return self.mean + self.half_width

    @property
    def sure(self) -> bool:
        """Zero is outside."""
        return self.low > 0 or self.high < 0


def differences(
    first: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]
) -> dict[str, Difference]:
    """Paired by world. Raises ValueError for fewer than two pairs: one pair says nothing about chance."""
    if len(first) != len(other) or len(first) < 2:
        raise ValueError("two or more pairs are needed")
    found = {}
    for name in first[0]:
        each = [after[name] - before[name] for before, after in zip(first, other, strict=True)]
        quantile = T_95[min(len(each) - 2, len(T_95) - 1)]
        found[name] = Difference(fmean(each), quantile * stdev(each) / sqrt(len(each)))
    return found
