"""Bugs planted in the message path, each of them one rule taken away: the laboratory has to find every one."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from laboratory import deaths, points, records
from laboratory.laboratory import Fault, Inject, Laboratory

pytestmark = pytest.mark.faults

SEED = 11
MEMBERS = 60


@dataclass(frozen=True)
class Planted:
    """`exposed_by`: the fault in which it shows. `seen_in`: what the checker says then, in part."""

    bug: str
    exposed_by: Inject
    seen_in: str


PLANTED = (
    Planted("rows-deleted-before-acks", deaths.at(points.BEFORE_ACKS), "recorded up to"),
    Planted("publish-before-commit", deaths.at(points.BEFORE_COMMIT), "times from one cause"),
    Planted("offsets-before-work", deaths.at(points.BEFORE_COMMIT), "has no end"),
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
    fault = Fault(planted.bug, "", planted.exposed_by, jobs=24, patience_s=15)
    async with Laboratory(tmp_path, SEED, planted=planted.bug, size=MEMBERS) as laboratory:
        seen = await laboratory.expose_to(fault)
    assert any(planted.seen_in in violation for violation in seen.violations), seen.violations
