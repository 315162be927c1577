"""Which faults, with which seeds, in which order."""

from __future__ import annotations

import os
import secrets
from random import Random

from laboratory.faults import FAULTS
from laboratory.laboratory import Fault

FIXED_SEEDS = (11, 23, 47)


def seeds() -> tuple[int, ...]:
    """FAULTS_SEEDS, or the fixed ones and one that nobody has seen before."""
    named = os.environ.get("FAULTS_SEEDS", "").replace(",", " ").split()
    return tuple(int(seed) for seed in named) or (*FIXED_SEEDS, secrets.randbelow(1_000_000))


SEEDS = seeds()
"""Of this run."""


def faults() -> tuple[Fault, ...]:
    """FAULTS_ONLY by name, or all but those on demand. Raises KeyError for a name that is none."""
    named = os.environ.get("FAULTS_ONLY", "").replace(",", " ").split()
    by_name = {fault.name: fault for fault in FAULTS}
    return tuple(by_name[name] for name in named) or tuple(f for f in FAULTS if not f.on_demand)


def is_whole() -> bool:
    """Whether all of them are run."""
    return not os.environ.get("FAULTS_ONLY")


def schedule() -> list[tuple[int, Fault]]:
    """Each seed has its own order of faults; the long-lived system of one seed meets them all."""
    pairs: list[tuple[int, Fault]] = []
    for seed in SEEDS:
        order = list(faults())
        Random(seed).shuffle(order)
        pairs += [(seed, fault) for fault in order]
    return pairs
