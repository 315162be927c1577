"""python -m dealers --bootstrap HOST:PORT --sealing-key FILE [--jobs N --partners N --seed N --per-second N]

Lets the simulated dealers loose on a running system, whoever runs it; prints the report as JSON.
With --attend they post nothing themselves, but take the jobs that others post, until Ctrl-C.
Exit codes: 0 every job came to its end, 1 some did not, 2 the community did not come together.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from dealers.cast import CAST
from dealers.community import NotSettled
from dealers.members import members
from dealers.report import Report
from dealers.simulation import Dealers


async def _run(bootstrap: str, key: dict[str, Any], options: argparse.Namespace) -> Report:
    everybody = [*CAST, *members(options.seed, options.partners)]
    async with Dealers(bootstrap, key, everybody, seed=options.seed) as dealers:
        await dealers.settle_in()
        if options.attend:
            await dealers.attend(lambda: print("The dealers are there; Ctrl-C sends them home.", flush=True))
        return await dealers.trade(options.jobs, per_second=options.per_second)


def main() -> int:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m dealers", description="Simulated dealers.")
    parser.add_argument("--bootstrap", required=True, help="the broker, host:port")
    parser.add_argument(
        "--sealing-key", required=True, type=Path, help="job-exchange's public key, a JWK file"
    )
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--partners", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=15.0, help="jobs posted in a second")
    parser.add_argument("--attend", action="store_true", help="take jobs of others until Ctrl-C")
    options = parser.parse_args()
    key = json.loads(options.sealing_key.read_text(encoding="utf-8"))
    try:
        report = asyncio.run(_run(options.bootstrap, key, options))
    except NotSettled as sentence:
        print(sentence, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(json.dumps(dataclasses.asdict(report), indent=1, default=str))
    return 1 if report.open else 0


if __name__ == "__main__":
    sys.exit(main())
