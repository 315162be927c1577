"""The published weights of the ranking, versioned as data. A change is a new version; old ones stay for replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PARTS = 10_000
"""Terms and weights are counted in ten-thousandths, so that the same input has one order everywhere."""

TERMS = ("distance", "response-fit", "rating", "acceptance", "free-load", "reciprocity", "volunteered")
"""The terms of the sum, in the order in which they are told."""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """One published version. Weights in ten-thousandths; below zero a term counts against.

    far_km: from here on the term `distance` is 0.
    road_percent, road_kmh: the way by road in percent of the crow's, and how fast it is driven.
    rating_mean, rating_worth: who has no rating counts as the mean; it weighs as much as so many ratings.
    acceptance_worth: a newcomer is taken for one who accepted so many offers of as many.
    reciprocity_worth_minutes: so much work stands between a newcomer's first job and a full effect.
    broadcast_to: how many are asked at once by the policy `broadcast`. weights: in the order of TERMS.
    """

    version: str
    distance: int = 0
    response_fit: int = 0
    rating: int = 0
    acceptance: int = 0
    free_load: int = 0
    reciprocity: int = 0
    volunteered: int = 0
    far_km: int = 300
    road_percent: int = 130
    road_kmh: int = 70
    rating_mean: int = 4
    rating_worth: int = 5
    acceptance_worth: int = 4
    reciprocity_worth_minutes: int = 2_400
    broadcast_to: int = 3
    weights: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        by_term = (getattr(self, term.replace("-", "_")) for term in TERMS)
        object.__setattr__(self, "weights", tuple(by_term))


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        policy.version: policy
        for policy in (
            Policy("2026-1", distance=6_000, free_load=4_000),
            Policy(
                "2026-2",
                distance=3_500,
                response_fit=1_000,
                rating=1_500,
                acceptance=1_000,
                free_load=2_000,
                reciprocity=500,
                volunteered=500,
            ),
        )
    }
)
POLICY = POLICIES["2026-2"]
"""The one in force where the operator names no other (`MATCHING_POLICY_VERSION`)."""
