"""The command `servicenetz`. Each module in `servicenetz.commands` adds its own part with `register(app)`."""

import importlib
import pkgutil
import sys

import typer

from servicenetz import commands


def build() -> typer.Typer:
    """The command with all its parts."""
    app = typer.Typer(
        name="servicenetz",
        help="Servicenetz on this machine: broker, databases, mail and services, without containers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda found: found.name):
        importlib.import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def main() -> None:
    """Entry point."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a log of `up` is read while it runs
    build()()
