"""`servicenetz simulate`: a network in virtual time, on matching's own decisions; nothing has to be up."""

import os

import typer

from servicenetz.service import program


def register(app: typer.Typer) -> None:
    """Add the command. Options and `--help` are those of matching's own command."""
    app.command(
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": [],
        }
    )(simulate)


def simulate(context: typer.Context) -> None:
    """Try a ranking policy on a simulated network before publishing it; `simulate --help` says how."""
    path = str(program("matching"))
    os.execv(path, [path, "simulate", *context.args])
