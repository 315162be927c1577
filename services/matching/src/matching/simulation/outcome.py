"""What came of a run, as figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, median
from uuid import UUID

from contracts.job_exchange_jobs_v1 import JobPosted
from contracts.matching_assignments_v1 import Removed
from matching.simulation.scenario import World

HOUR_SECONDS = 3_600.0


@dataclass(slots=True)
class Course:
    """One job from posting to its end."""

    job: JobPosted
    posted_at: datetime
    asked: Counter[UUID] = field(default_factory=Counter)
    """How often each partner."""
    declined: int = 0
    expired: int = 0
    first_assigned_at: datetime | None = None
    km: float | None = None
    done_by: UUID | None = None
    withdrawn: bool = False
    lost: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    removed: Mapping[str, int] | None = None

    @property
    def minutes(self) -> int:
        return int(self.job.estimated_hours * 60)

    def unfilled(self, removed: Sequence[Removed]) -> None:
        """Nobody was left; how many each constraint kept away."""
        self.removed = {each.constraint: each.count for each in removed}

    @property
    def reason(self) -> str:
        """Of an unfilled job: the last constraint in the gate's order that kept somebody away who was in reach."""
        near = [name for name in self.removed or {} if name != "reach"]
        if "lost-before" in near or "capacity" in near:
            return "lost-before" if "lost-before" in near else "capacity"
        return max(near, key=lambda name: (self.removed or {})[name], default="reach")


@dataclass(frozen=True)
class Outcome:
    """A run's jobs, the minutes each partner was given, and the world they lived in."""

    courses: Sequence[Course]
    taken_minutes: Mapping[UUID, int]
    world: World

    @property
    def asked(self) -> list[Course]:
        """All jobs but those whose client took them back."""
        return [course for course in self.courses if not course.withdrawn]

    @property
    def done(self) -> list[Course]:
        return [course for course in self.courses if course.done_by is not None]

    @property
    def unfilled(self) -> Counter[str]:
        """Reasons, with how many jobs each."""
        return Counter(course.reason for course in self.asked if course.done_by is None)

    def figures(self) -> dict[str, float]:
        """By name; the names are those of FIGURES."""
        asked, done = self.asked, self.done
        waits = [
            (course.first_assigned_at - course.posted_at).total_seconds() / HOUR_SECONDS
            for course in asked
            if course.first_assigned_at is not None
        ]
        return {
            "fill": len(done) / len(asked) if asked else 0.0,
            "hours": median(waits) if waits else 0.0,
            "hours_p90": sorted(waits)[int(0.9 * len(waits))] if waits else 0.0,
            "offers": sum(course.asked.total() for course in asked) / len(done) if done else 0.0,
            "km": fmean(course.km or 0.0 for course in done) if done else 0.0,
            "gini": gini(self._loads()),
            "reciprocity": self._reciprocity(),
            "lost": sum(len(course.lost) for course in asked) / len(asked) if asked else 0.0,
        }

    def _loads(self) -> list[float]:
        """Of each contractor: what he did of what he offered."""
        weeks = self.world.scenario.weeks
        return [
            self.taken_minutes.get(dealer.contractor.partner_id, 0)
            / (dealer.contractor.weekly_minutes * weeks)
            for dealer in self.world.dealers
            if dealer.contractor.weekly_minutes
        ]

    def _reciprocity(self) -> float:
        """1: everybody worked for others as much as others for him; 0: those who give and those who take are two.

        Partners who can do only one of both are left out.
        """
        given: Counter[UUID] = Counter()
        took: Counter[UUID] = Counter()
        for course in self.done:
            if course.done_by is not None:
                given[course.job.client_id] += course.minutes
                took[course.done_by] += course.minutes
        both = [
            dealer.contractor.partner_id
            for dealer in self.world.dealers
            if dealer.posts and dealer.contractor.weekly_minutes
        ]
        total = sum(given[each] + took[each] for each in both)
        apart = sum(abs(given[each] - took[each]) for each in both)
        return 1.0 - apart / total if total else 0.0


FIGURES = {
    "fill": ("jobs filled", "%", 100.0, 1),
    "hours": ("time to assign, median", "h", 1.0, 2),
    "hours_p90": ("time to assign, 90 %", "h", 1.0, 1),
    "offers": ("offers per job done", "", 1.0, 2),
    "km": ("distance", "km", 1.0, 1),
    "gini": ("Gini of load", "", 1.0, 3),
    "reciprocity": ("reciprocity", "", 1.0, 3),
    "lost": ("assignments lost per job", "", 1.0, 3),
}
"""Name: words, unit, factor, digits."""


def gini(loads: Sequence[float]) -> float:
    """0: all have the same load. 1: one has all of it (Gini 1912, of a finite set)."""
    total, number = sum(loads), len(loads)
    if not total:
        return 0.0
    ranked = sum(rank * load for rank, load in enumerate(sorted(loads), start=1))
    return 2.0 * ranked / (number * total) - (number + 1.0) / number
