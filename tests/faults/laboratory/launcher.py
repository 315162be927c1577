"""Starts a service's own command with the laboratory's points built in; production code knows nothing of them.

    python -m laboratory.launcher SERVICE run

What is wrapped stands in `points.py` (where a fault can strike), `conduct.py` (what is done while an order stands) and
`planted.py` (bugs that have to be found).
Names of the chassis that no longer exist end the process at once: a point that cannot strike would prove nothing.
"""

import json
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path

from laboratory import conduct, lines, planted, points
from laboratory.orders import Orders


def main() -> None:
    """Becomes the service."""
    service, *arguments = sys.argv[1:]
    orders = Orders(Path(os.environ["LABORATORY_ORDERS"]))
    planted.install(orders)
    conduct.install(orders)
    points.install(orders)
    lines.reroute({int(port): to for port, to in json.loads(os.environ["LABORATORY_CABLES"]).items()})
    (command,) = entry_points(group="console_scripts", name=service)
    command.load()(arguments)


if __name__ == "__main__":
    main()
