"""`make bench`: settled jobs per second of the whole network, next to a bare program on the same broker and database.

Both run in turn, several times, in one call, since machines are noisy; the figures are medians.
"""

import argparse
import asyncio
import json
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.bare import Bare
from benchmarks.flow import messages_per_lifecycle
from benchmarks.network import Network
from benchmarks.profiling import count_statements, profile, show
from servicenetz.stack import Stack

SERVICES = ("partner-registry", "job-exchange", "matching", "billing")
console = Console(highlight=False)


class Counted:
    """Messages on the topics and rows written in the services' databases, before and after."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def rows(self) -> int:
        """Rows inserted, updated and deleted so far, in all four databases."""
        total = 0
        for service in SERVICES:
            with psycopg.connect(self._stack.database_url(service, "postgresql"), autocommit=True) as db:
                db.execute("SELECT pg_stat_force_next_flush()")
                row = db.execute(
                    "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
                ).fetchone()
                total += row[0] if row else 0
        return total


async def _rounds(
    stack: Stack, lifecycles: int, partners: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Lifecycles per second of each round, ours and the bare program's, in turn."""
    ours: list[float] = []
    bares: list[float] = []
    counted = Counted(stack)
    async with Network(stack.kafka_bootstrap, stack.sealing_public_key, partners=partners) as network:
        await network.set_up()
        await network.run(max(50, lifecycles // 10))
        for number in range(1, rounds + 1):
            before = counted.rows()
            ours.append(await network.run(lifecycles))
            await asyncio.sleep(1.5)  # statistics of idle sessions are flushed within a second
            rows = (counted.rows() - before) / lifecycles
            for service in stack.services.values():
                await asyncio.to_thread(service.stop)
            database = f"bare_{number}"
            stack.postgres.create_database(database)
            bare = Bare(stack.kafka_bootstrap, stack.postgres.url(database, "postgresql"))
            bares.append(await bare.run(lifecycles))
            stack.postgres.drop_database(database)
            for service in stack.services.values():
                service.start()
            await asyncio.to_thread(stack.wait_until_ready)
            console.print(
                f"round {number}: Servicenetz {ours[-1]:.0f}/s ({rows:.0f} rows each), "
                f"bare {bares[-1]:.0f}/s ({bare.rows / lifecycles:.0f} rows, "
                f"{bare.messages / lifecycles:.0f} messages each)"
            )
    return ours, bares


def _show(ours: Sequence[float], bares: Sequence[float]) -> dict[str, float]:
    table = Table(title="settled jobs per second, whole lifecycle", title_justify="left")
    for name in ("", "median", "lowest", "highest"):
        table.add_column(name, justify="left" if not name else "right")
    for name, values in (("Servicenetz, four services", ours), ("bare program, one process", bares)):
        table.add_row(
            name, *[f"{value:.0f}" for value in (statistics.median(values), min(values), max(values))]
        )
    console.print(table)
    ratio = statistics.median(one / other for one, other in zip(ours, bares, strict=True))
    console.print(
        f"{messages_per_lifecycle()} messages per lifecycle; {platform.platform()}, Python {platform.python_version()}"
    )
    return {
        "lifecycles_per_s": round(statistics.median(ours), 1),
        "bare_per_s": round(statistics.median(bares), 1),
        "ratio_to_bare": round(ratio, 3),
    }


async def _profile(stack: Stack, lifecycles: int, partners: int) -> None:
    count_statements(stack)
    async with Network(stack.kafka_bootstrap, stack.sealing_public_key, partners=partners) as network:
        await network.set_up()
        await network.run(max(50, lifecycles // 4))
        show(await profile(stack, network, lifecycles), console)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--lifecycles", type=int, default=1500, help="jobs per round")
    parser.add_argument("--partners", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="show where the time goes, nothing else")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="servicenetz-bench-"))
    try:
        with Stack(folder, say=console.print) as stack:
            if options.profile:
                uvloop.run(_profile(stack, options.lifecycles, options.partners))
                return 0
            ours, bares = uvloop.run(_rounds(stack, options.lifecycles, options.partners, options.rounds))
        console.print(f"figures: {json.dumps(_show(ours, bares))}", soft_wrap=True)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
