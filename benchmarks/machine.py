"""What the figures were measured on."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg

from servicenetz.kafka import JARS
from servicenetz.stack import Stack

PACKAGES = ("faststream", "aiokafka", "sqlalchemy", "asyncpg", "pydantic", "uvloop")
GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Machine:
    """load: how many processes wanted to run when the measuring began; above 0.5 somebody else was at work."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    load: float
    commit: str
    began: datetime
    versions: Mapping[str, str]


def machine(stack: Stack, load: float) -> Machine:
    """Of this one, and of what runs in `stack`; `load` was read before it was started."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / GIBIBYTE,
        system=f"{platform.system()} {platform.release()}",
        load=load,
        commit=_commit(),
        began=datetime.now(UTC),
        versions={
            "Python": platform.python_version(),
            "Apache Kafka": _kafka(),
            "PostgreSQL": _postgres(stack),
            **{name: version(name) for name in PACKAGES},
        },
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _kafka() -> str:
    found = sorted(JARS.glob("kafka_*.jar"))
    return found[0].stem.rpartition("-")[2] if found else "unknown"


def _postgres(stack: Stack) -> str:
    with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as db:
        row = db.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else "unknown"


def _commit() -> str:
    """The commit that was measured, with a + when files differ from it."""
    here = Path(__file__).parent
    head = _git("rev-parse", "--short", "HEAD", folder=here)
    changed = _git("status", "--porcelain", "--untracked-files=no", folder=here)
    return f"{head}+" if changed else head


def _git(*arguments: str, folder: Path) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
