"""`servicenetz coverage`: how much of Germany the partners of the stack that is up reach."""

import os
from pathlib import Path
from typing import Annotated

import typer

from servicenetz.console import console, read_addresses
from servicenetz.service import program
from servicenetz.stack import default_folder

NOT_UP = 2


def register(app: typer.Typer) -> None:
    """Add the command. What follows it are the options of matching's own command."""
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(coverage)


def coverage(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Option(help="State folder of the stack that is up.")] = None,
) -> None:
    """Postcodes in reach of a qualified partner; takes the options of `matching coverage` (see its --help) too."""
    addresses = read_addresses(folder or default_folder())
    if addresses is None:
        console.print("Nothing runs here. Start it with [bold]make up[/].")
        raise typer.Exit(NOT_UP)
    environment = {
        "MATCHING_DATABASE_URL": addresses["databases"]["matching"],
        "MATCHING_KAFKA_BOOTSTRAP_SERVERS": addresses["kafka"],
        "MATCHING_DEVELOPMENT": "true",
    }
    path = str(program("matching"))
    os.execve(path, [path, "coverage", *context.args], os.environ | environment)
