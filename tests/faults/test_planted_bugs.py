"""Bugs planted in the message path, each a rule taken away, or two that stand in for each other: each must be found."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from laboratory import deaths, points, records
from laboratory.laboratory import Fault, Inject, Laboratory

pytestmark = pytest.mark.faults

SEED = 11
MEMBERS = 60
ROUNDS = 5
"""A bug need not show each time that its fault strikes (a batch may have nothing to send): so many chances it has."""


@dataclass(frozen=True)
class Planted:
    """`exposed_by`: the fault in which it shows. `seen_in`: a pattern for what the checker says then."""

    bug: str
    exposed_by: Inject
    seen_in: str


PASSED_OVER = r"\d counted, \d|behind on "
"""A partition holds more than its reader has counted, or a reader never comes to its end.

Not "has no end": people give up in a silence that is long enough, which a restart may be, too.
"""

PLANTED = (
    Planted("rows-deleted-before-acks", deaths.at(points.BEFORE_ACKS), "recorded up to"),
    Planted("publish-before-commit", deaths.at(points.BEFORE_COMMIT), "times from one cause"),
    Planted("offsets-before-work", deaths.at(points.BEFORE_COMMIT), PASSED_OVER),
    Planted("offsets-believed", records.offsets(records.set_forward), PASSED_OVER),
    Planted("inbox-skipped", records.replayed, "answered in"),
    Planted("order-lost", deaths.at(points.AFTER_ACKS), "versions came as"),
)


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(each, id=each.bug, marks=[pytest.mark.short] if number == 0 else [])
        for number, each in enumerate(PLANTED)
    ],
)
async def test_it_is_found(planted: Planted, tmp_path: Path) -> None:
    violations: list[str] = []
    async with Laboratory(tmp_path, SEED, size=MEMBERS) as laboratory:
        laboratory.plant(planted.bug)
        for number in range(ROUNDS):
            fault = Fault(f"{planted.bug} {number}", "", planted.exposed_by, jobs=24, patience_s=15)
            violations += (await laboratory.expose_to(fault)).violations
            if any(re.search(planted.seen_in, violation) for violation in violations):
                return
    pytest.fail(f"not found: {violations}")
