"""The path survives every interleaving that was tried, and each planted bug is found: tests/model/README.md."""

from __future__ import annotations

import os

import pytest
from simulated.holes import HOLES
from simulated.mutants import MUTANTS
from simulated.run import first_violation, run
from simulated.world import Climate, Parts

SEEDS = int(os.environ.get("SERVICENETZ_MODEL_SEEDS", "120"))
"""For the true path. `SERVICENETZ_MODEL_SEEDS=20000 pytest tests/model` looks longer."""
FIRST = int(os.environ.get("SERVICENETZ_MODEL_FIRST_SEED", "0"))
MUTANT_SEEDS = 400
"""Within so many each mutant must be found; most are within ten."""
REMEDY_SEEDS = 30


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, 60))
def test_the_true_path_survives(first: int) -> None:
    seeds = range(first, min(first + 60, FIRST + SEEDS))
    assert first_violation(seeds, Parts(), Climate()) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    assert first_violation(range(MUTANT_SEEDS), MUTANTS[name], Climate()) is not None


@pytest.mark.parametrize("name", HOLES)
def test_what_was_found_in_the_chassis_is_seen_and_the_remedy_helps(name: str) -> None:
    hole = HOLES[name]
    assert first_violation(range(MUTANT_SEEDS), hole.parts, hole.climate) is not None
    assert first_violation(range(REMEDY_SEEDS), hole.remedied_parts, hole.remedied) is None


def test_a_seed_is_the_same_run_each_time() -> None:
    found = first_violation(range(MUTANT_SEEDS), MUTANTS["timer fired twice"], Climate())
    assert found is not None
    seed, violation = found
    with pytest.raises(type(violation)) as again:
        run(seed, MUTANTS["timer fired twice"], Climate())
    assert str(again.value) == str(violation)
