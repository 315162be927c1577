"""What a running service has in memory without need."""

import subprocess
import sys

import pytest

from servicenetz.service import SERVICES

LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1] + ".app")
print(*sorted({"rich", "pygments"} & sys.modules.keys()))
import rich.traceback
"""


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_carries_what_colours_tracebacks(service: str) -> None:
    """7 MB each; chassis/__init__.py. Whoever asks for them, such as typer for its help, still gets them."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, service.replace("-", "_")],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == []
