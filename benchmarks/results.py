"""All that one run of `make bench` found."""

from dataclasses import dataclass

from benchmarks.backlog import Drain, FloodMemory
from benchmarks.fairness import Fairness
from benchmarks.growth import Growth
from benchmarks.latency import Delays
from benchmarks.machine import Machine
from benchmarks.profiling import Profile
from benchmarks.rates import Rates, Rendering
from benchmarks.replicas import Replicas
from benchmarks.rest import Rest
from benchmarks.traffic import Traffic


@dataclass(frozen=True)
class Results:
    """None: not measured in this run."""

    plan: str
    took_s: float
    partners: int
    machine: Machine
    traffic: Traffic
    rates: Rates
    rendering: Rendering
    rest: Rest
    delays: Delays
    fairness: Fairness
    replicas: Replicas
    drain: Drain | None
    growth: Growth | None
    flood: FloodMemory | None
    profile: Profile | None
