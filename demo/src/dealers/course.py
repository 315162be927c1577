"""What will happen to a job, drawn when it is posted: the same seed gives the same jobs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

Posting = Literal[
    "right",
    "unknown_postcode",
    "past_window",
    "stranger",
    "no_agreement",
    "blocked",
    "sealed_for_another",
    "posted_twice",
]
"""posted_twice: a second posting under the same job id. sealed_for_another: sealed for another job id."""
Cancelling = Literal["never", "at_once", "when_assigned", "too_late"]
Arriving = Literal["in_time", "late", "never", "gives_it_back"]
"""late: after the window's start. never: the client reports it, somebody else comes."""
Stating = Literal[
    "right", "a_bit_over", "far_over", "disputed_to_the_end", "twice", "by_another_first", "again_later"
]

WRONG_POSTINGS: tuple[Posting, ...] = (
    "unknown_postcode",
    "past_window",
    "stranger",
    "no_agreement",
    "blocked",
    "sealed_for_another",
    "posted_twice",
)
WRONG_POSTINGS_PERCENT = 6
_CANCELLINGS: tuple[Cancelling, ...] = ("never", "at_once", "when_assigned", "too_late")
_ARRIVINGS: tuple[Arriving, ...] = ("in_time", "late", "never", "gives_it_back")
_STATINGS: tuple[Stating, ...] = (
    "right",
    "a_bit_over",
    "far_over",
    "disputed_to_the_end",
    "twice",
    "by_another_first",
    "again_later",
)


@dataclass(frozen=True, slots=True)
class Course:
    """How a job goes, as far as people decide it."""

    posting: Posting = "right"
    cancelling: Cancelling = "never"
    arriving: Arriving = "in_time"
    stating: Stating = "right"
    accepts_percent: int = 80
    """Of those who are asked; of the others half decline and half don't answer."""
    anywhere: bool = False
    """The job may lie far from everybody, or ask for what few can: it may stay unfilled."""

    @property
    def starts_soon(self) -> bool:
        """Its window must begin during the run, or nobody could be late for it."""
        return self.arriving in {"late", "never"}


def draw(lots: Random, *, calm: bool = False) -> Course:
    """A job's course. `calm`: no waiting for windows to begin, as towards the end of a run."""
    if lots.random() * 100 < WRONG_POSTINGS_PERCENT:
        return Course(posting=lots.choice(WRONG_POSTINGS))
    return Course(
        cancelling=lots.choices(_CANCELLINGS, (93, 2, 3, 2))[0],
        arriving=lots.choices(_ARRIVINGS, (94, 0, 0, 3) if calm else (88, 4, 4, 4))[0],
        stating=lots.choices(_STATINGS, (66, 10, 6, 3, 6, 5, 4))[0],
        anywhere=lots.random() < 0.06,
    )
