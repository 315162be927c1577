"""Many jobs at once: fill, score and time of greedy and of the optimiser, on simulated networks.

    python -m benchmarks.many [JOBS …]

Everything is posted in one moment, the windows spread over three weeks, so that jobs compete for the same partners.
"""

import sys
import time
from dataclasses import dataclass

from matching.domain.gathering import problem_of
from matching.domain.many import Plan, Problem
from matching.domain.model import Assignment
from matching.optimiser import plan_apart, plan_within
from matching.simulation.scenario import RATE_CARD, Scenario, world
from matching.testing import World
from matching.translation import job_from

SIZES = ((100, 1_000), (1_000, 1_000), (10_000, 10_000))
"""Jobs, partners."""
LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Figures:
    """One size. Seconds: to look up who may, to give away greedily, and to plan, in this process and apart."""

    jobs: int
    partners: int
    plan: Plan
    look_s: float
    greedy_s: float
    plan_s: float
    apart_s: float


def measure(jobs: int, partners: int, seed: int = 1) -> Figures:
    """A bulk posting of so many jobs."""
    problem, look_s = _problem(jobs, partners, seed)
    begun = time.perf_counter()
    plan_within(problem, 0.0)
    greedy_s = time.perf_counter() - begun
    begun = time.perf_counter()
    plan = plan_within(problem, LIMIT_SECONDS)
    plan_s = time.perf_counter() - begun
    begun = time.perf_counter()
    apart = plan_apart(problem, LIMIT_SECONDS)
    assert apart == plan
    return Figures(jobs, partners, plan, look_s, greedy_s, plan_s, time.perf_counter() - begun)


def _problem(jobs: int, partners: int, seed: int) -> tuple[Problem, float]:
    given = world(Scenario(partners, weeks=1, jobs_per_week=round(jobs * 1.2) + 50), seed)
    network = World(*(dealer.contractor for dealer in given.dealers))
    posted = [job_from(posting.job, RATE_CARD.tariffs[0]) for posting in given.postings[:jobs]]
    begun = time.perf_counter()
    problem = problem_of([Assignment(job) for job in posted], network)
    return problem, time.perf_counter() - begun


def show(figures: Figures) -> str:
    """One line."""
    made = figures.plan
    gap = f"{made.gap:.2%}" if made.gap is not None else "–"
    return (
        f"{figures.jobs:>7}{figures.partners:>10}{made.greedy.filled:>9}{made.value.filled:>9}"
        f"{made.greedy.score / 10_000:>12.1f}{made.value.score / 10_000:>10.1f}{gap:>8}{made.rounds:>8}"
        f"{figures.look_s:>8.2f}{figures.greedy_s:>8.2f}{figures.plan_s:>8.2f}{figures.apart_s:>8.2f}"
    )


HEAD = (
    f"{'jobs':>7}{'partners':>10}{'filled':>9}{'':>9}{'score':>12}{'':>10}{'gap':>8}{'rounds':>8}{'seconds':>10}\n"
    f"{'':>17}{'greedy':>9}{'planned':>9}{'greedy':>12}{'planned':>10}{'≤':>8}{'':>8}"
    f"{'look':>8}{'greedy':>8}{'plan':>8}{'apart':>8}"
)


def main() -> None:
    """Print a table."""
    wanted = {int(size) for size in sys.argv[1:]}
    print(HEAD)
    for jobs, partners in SIZES:
        if not wanted or jobs in wanted:
            print(show(measure(jobs, partners)), flush=True)


if __name__ == "__main__":
    main()
