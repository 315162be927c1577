"""The plan for many jobs, by OR-tools' min-cost flow, in a process of its own.

Apart, because the solver can neither be interrupted nor holds back from the interpreter lock; its process is killed
when its time is over. OR-tools is imported there only.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

from matching.domain.many import Flow, Plan, Problem, plan

START_SECONDS = 10.0
"""What the process may take beyond its time: to start on a busy machine, and for its last round."""


def solve(flow: Flow) -> Sequence[int]:
    """Most flow at least cost. Raises RuntimeError if the solver says anything but that it is optimal."""
    import numpy as np
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    if not flow.tails:
        return ()
    network = SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        np.array(flow.tails, dtype=np.int32),
        np.array(flow.heads, dtype=np.int32),
        np.ones(len(flow.tails), dtype=np.int64),
        np.array(flow.costs, dtype=np.int64),
    )
    network.set_node_supply(0, flow.most)
    network.set_node_supply(flow.nodes - 1, -flow.most)
    status = network.solve_max_flow_with_min_cost()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise RuntimeError(f"the min-cost flow was not solved: {status.name}")
    carried: Sequence[int] = network.flows(arcs).tolist()
    return carried


def plan_within(problem: Problem, seconds: float) -> Plan:
    """A plan in this process; no round begins after so many seconds."""
    ends = time.monotonic() + seconds
    return plan(problem, solve, lambda: time.monotonic() < ends)


def plan_apart(problem: Problem, seconds: float) -> Plan | None:
    """The same in a process of its own; None if it died or did not answer. Blocks: for a thread."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    worker = spawn.Process(target=_work, args=(problem, seconds, theirs), name="optimiser", daemon=True)
    worker.start()
    theirs.close()
    try:
        made: Plan | None = ours.recv() if ours.poll(seconds + START_SECONDS) else None
    except EOFError:
        return None
    else:
        return made
    finally:
        ours.close()
        worker.kill()
        worker.join()


def _work(problem: Problem, seconds: float, answer: Connection) -> None:
    answer.send(plan_within(problem, seconds))
