"""`servicenetz check`: whether what must always be true is true, of the stack that is up."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from servicenetz.console import console, read_addresses
from servicenetz.invariants.check import Result, Where, check, logs_in
from servicenetz.stack import default_folder

VERDICTS = {True: "[green]holds[/]", False: "[bold red]BROKEN[/]", None: "not judged"}


def table(results: list[Result]) -> Table:
    """The results as a person likes to read them."""
    shown = Table(title="What must always be true", title_justify="left", header_style="bold")
    shown.add_column("", justify="right")
    shown.add_column("invariant")
    shown.add_column("")
    shown.add_column("what was seen", overflow="fold")
    for result in results:
        verdict = VERDICTS[result.holds]
        shown.add_row(str(result.number), result.name, verdict, result.detail)
    return shown


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("check")
    def check_command(
        folder: Annotated[Path | None, typer.Option(help="Where the stack lives.")] = None,
        marker: Annotated[
            list[str] | None, typer.Option(help="Text that must appear nowhere readable.")
        ] = None,
    ) -> None:
        """Check the invariants of the design, from outside: topics and databases. Exit code 1 when one is broken.

        Example: servicenetz check --marker "Frau Beispiel"
        """
        place = folder or default_folder()
        addresses = read_addresses(place)
        if addresses is None:
            console.print(f"No stack is up in {place}: start one with `servicenetz up`.")
            raise typer.Exit(2)
        places = Where(addresses["kafka"], addresses["databases"], logs_in(place))
        results = check(places, markers=marker or [])
        console.print(table(results))
        raise typer.Exit(0 if all(result.holds for result in results) else 1)
