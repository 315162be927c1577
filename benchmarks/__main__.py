"""`make bench`: how fast, how soon, how large, in one run; `make bench-profile`: where the time goes."""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import profiling, report
from benchmarks.measure import REPLICAS, look, measure
from benchmarks.plan import LONG, QUICK, USUAL
from servicenetz.stack import Stack

console = Console(highlight=False)


def main() -> int:
    """Command line."""
    options = _options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it warns until new topics have their leaders
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="servicenetz-bench-"))
    try:
        if options.profile:
            with Stack(folder, say=console.print) as stack:
                found = uvloop.run(look(stack, options.partners, options.lifecycles))
            profiling.show(found, console)
            return 0
        plan = QUICK if options.quick else LONG if options.long else USUAL
        with Stack(folder, replicas=REPLICAS, say=console.print) as stack:
            results = uvloop.run(measure(plan, stack, load, console.print))
    except KeyboardInterrupt:
        return 130
    except profiling.CannotLook as error:
        console.print(f"py-spy cannot look into the services (it needs ptrace): {error}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.show(results, console)
    if plan is not QUICK:
        report.PAGE.write_text(report.page(results), encoding="utf-8")
        console.print(f"written: {report.PAGE}")
    console.print(f"figures: {json.dumps(report.figures(results))}", soft_wrap=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", action="store_true", help="three minutes; docs/performance.md stays as it is"
    )
    size.add_argument(
        "--long", action="store_true", help="an hour or more: 100,000 jobs, a million in the tables"
    )
    size.add_argument("--profile", action="store_true", help="show where the time goes, nothing else")
    parser.add_argument("--lifecycles", type=int, default=1500, help="of the profile")
    parser.add_argument("--partners", type=int, default=300, help="of the profile")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
