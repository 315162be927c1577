"""What processes use, seen from outside: CPU seconds and memory of each part of the stack, and of this driver."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from servicenetz.stack import Stack

MEBIBYTE = 1 << 20
DRIVER = "driver"
"""This process: the dealers who post, arrive and state."""


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB. `pss` counts a page that n processes share as 1/n of a page."""

    rss_mb: float
    pss_mb: float


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """CPU seconds so far by part, with all their child processes (PostgreSQL has one for each session)."""
    parts = {process.name: process.pid for process in stack.processes} | {DRIVER: os.getpid()}
    return {name: _cpu(pid, tree=name != DRIVER) for name, pid in parts.items() if pid is not None}


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The difference of two readings; what was started meanwhile counts from its start."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def memory(stack: Stack) -> dict[str, Memory]:
    """Of each service process now."""
    found = {}
    for instance in stack.instances:
        if instance.pid is not None:
            full = psutil.Process(instance.pid).memory_full_info()
            found[instance.name] = Memory(full.rss / MEBIBYTE, full.pss / MEBIBYTE)
    return found


def _cpu(pid: int, *, tree: bool) -> float:
    """User and system seconds; of children that ended too, as far as their parent has waited for them."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    if not tree:
        return times.user + times.system
    seconds = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            its = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += its.user + its.system
    return seconds
