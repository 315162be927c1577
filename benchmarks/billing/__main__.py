"""`make bench-billing`: settlements per second next to a bare batch insert of the same rows, XML and PDF per second."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.billing import rendering
from benchmarks.billing.settling import Bench, Round
from billing.settings import Settings
from servicenetz.stack import Stack


def main() -> int:
    """Command line. The last line is `figures: {…}`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.billing", description=__doc__)
    parser.add_argument("--jobs", type=int, default=4000, help="per round")
    parser.add_argument("--batch", type=int, default=500, help="jobs in one transaction, for both")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="servicenetz-bench-"))
    try:
        with Stack(folder, services=[]) as stack:
            rounds = [_round(stack, number, options) for number in range(options.rounds + 1)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measured = rounds[1:]  # the first one warms up
    figures: dict[str, float | None] = {
        "settlements_per_s": round(statistics.median(one.ours for one in measured), 1),
        "ratio_to_bare": round(statistics.median(one.ours / one.bare for one in measured), 3),
        **rendering.measure(),
    }
    print(f"{platform.platform()}, Python {platform.python_version()}")
    print(f"figures: {json.dumps(figures)}")
    return 0


def _round(stack: Stack, number: int, options: argparse.Namespace) -> Round:
    name = f"bench_{number}"
    stack.postgres.create_database(name)
    settings = Settings(
        database_url=stack.postgres.superuser_url(name, "postgresql+asyncpg"),  # type: ignore[arg-type]
        kafka_bootstrap_servers=stack.kafka_bootstrap,
        development=True,
    )
    jobs = options.batch if number == 0 else options.jobs
    measured = uvloop.run(Bench(settings).round(jobs, options.batch))
    stack.postgres.drop_database(name)
    what = "warm-up" if number == 0 else f"round {number}"
    print(
        f"{what}: billing {measured.ours:.0f} settlements/s, bare insert {measured.bare:.0f}/s "
        f"({measured.rows:.0f} rows each), ratio {measured.ours / measured.bare:.2f}"
    )
    return measured


if __name__ == "__main__":
    sys.exit(main())
