"""Whatever goes wrong under load: nothing is lost, nothing is done twice, and within a minute all is well again."""

import pytest
from laboratory.laboratories import Laboratories
from laboratory.laboratory import Fault
from laboratory.record import Record
from laboratory.schedule import SEEDS

from servicenetz.invariants.check import check, where

pytest_plugins = ["laboratory.plugin"]
pytestmark = pytest.mark.faults


async def test_what_must_be_true_stays_true(
    seed: int, fault: Fault, laboratories: Laboratories, entries: Record
) -> None:
    laboratory = await laboratories.of(seed)
    seen = await laboratory.expose_to(fault)
    entries.enter(seen)
    print(
        f"{seed} {fault.name}: {seen.settled} of {seen.jobs} settled, {seen.hits} hits, {seen.heal_s:.1f} s"
    )
    for violation in seen.violations:  # pytest shows the first, and shortened
        print(f"  {violation}")
    assert seen.violations == ()


@pytest.mark.short
async def test_a_checker_that_looks_while_things_move_says_so_and_finds_nothing_wrong(
    laboratories: Laboratories,
) -> None:
    laboratory = await laboratories.of(SEEDS[-1])
    async with laboratory.load_without_fault(jobs=24):
        results = await laboratory.off_loop(lambda: check(where(laboratory.stack), rest_within_s=0))
    assert {result.number: result.holds for result in results} == dict.fromkeys(range(9)) | {9: False}
    assert results[-1].detail.startswith("not at rest: ")
