"""The page and the last line, from results made up here: a run of a quarter of an hour may not fail at its end."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from benchmarks import report
from benchmarks.backlog import Drain, FloodMemory
from benchmarks.backlog import Growth as MemoryGrowth
from benchmarks.fairness import Fairness
from benchmarks.growth import Cost, Growth
from benchmarks.latency import Delays
from benchmarks.machine import Machine
from benchmarks.profiling import Profile, read_samples
from benchmarks.rates import Rates, Rendering, Round
from benchmarks.replicas import Replicas
from benchmarks.rest import Rest
from benchmarks.results import Results
from benchmarks.traffic import Traffic
from benchmarks.usage import Memory


def _round(ours: float, bare: float, first: float) -> Round:
    return Round(ours, ours, bare, first, rows=70, bare_rows=70, bare_messages=22, cpu_ms=9)


LOOKED_AT = read_samples("billing-1", "run (asyncio/runners.py) 10", cpu_ms=2)
RESULTS = Results(
    plan="usual",
    took_s=600,
    partners=300,
    machine=Machine("a processor", 2, 8, "Linux 6", 0.1, "abc1234", datetime(2026, 1, 1, tzinfo=UTC), {"Python": "3"}),
    traffic=Traffic(25, 18_000, 10_000, {"billing.JobSettled.v1": 230}),
    # the machine was half as fast in the second round: the ratios are not
    rates=Rates([_round(120, 200, 4), _round(60, 100, 2), _round(130, 200, 4)]),
    rendering=Rendering(55, 400, 20),
    rest=Rest(
        20, 2.5, {"matching-1": 1.0, "billing-1": 1.5}, {"matching-1": Memory(150, 100), "billing-1": Memory(99, 70)}
    ),
    delays=Delays.of([20.0] * 98 + [90.0, 300.0], 50, 1),
    fairness=Fairness(900, Delays.of([20.0, 30.0], 10, 1), Delays.of([500.0, 2500.0], 10, 1), 12),
    replicas=Replicas([100, 120], [90, 96]),
    drain=Drain(10_000, 100, {"matching-1": MemoryGrowth.of([100, 140, 150, 150])}),
    growth=Growth(Cost(10, 500, [100, 110, 90], 9), Cost(100, 5_000, [80, 81, 79], 10)),
    flood=FloodMemory(1_000_000, 900_000, 300, MemoryGrowth(120, 121)),
    profile=Profile(100, 90, 100, {"billing-1": 2, "kafka": 3}, [LOOKED_AT], [], []),
)  # fmt: skip


def test_the_ratios_are_those_of_the_rounds_and_the_rates_their_medians() -> None:
    assert report.figures(RESULTS) == {
        "lifecycles_per_s": 120,
        "bare_per_s": 200,
        "ratio_to_bare": 0.6,
        "ratio_to_first_try": 30,
        "assign_p50_ms": 20,
        "assign_p99_ms": pytest.approx(92.1),
        "rss_mb_per_service": 99,
        "idle_core_percent": 2.5,
    }


def test_each_aim_is_met_or_not() -> None:
    unmet = {line.what for line in report.lines(RESULTS) if line.met is False}
    assert unmet == {
        "backlog of 10,000 jobs drains at",
        "cost per job from 10 to 100 jobs in the tables",
        "p99 beside a flood of 900 in one partition",
    }


def test_the_page_has_every_figure_of_the_table() -> None:
    page = report.page(RESULTS)
    for line in report.lines(RESULTS):
        assert f"| {line.what} | {line.seen} | {line.aim} |" in page
    assert "$" not in page


def test_what_was_not_measured_is_said() -> None:
    page = report.page(replace(RESULTS, drain=None, growth=None, flood=None, profile=None))
    assert page.lower().count(report.NOT_MEASURED) == 5
