"""Whatever goes wrong under load: nothing is lost, nothing is done twice, and within a minute all is well again."""

import pytest
from laboratory.laboratories import Laboratories
from laboratory.laboratory import Fault
from laboratory.record import Record

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
    assert seen.violations == ()
