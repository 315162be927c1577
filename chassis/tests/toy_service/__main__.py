"""The toy as a process of its own: `python -m toy_service run --prepare`."""

from chassis.cli import command
from toy_service.service import Settings, build

command("toy", Settings, build)()
