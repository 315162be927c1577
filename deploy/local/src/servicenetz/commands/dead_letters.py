"""`servicenetz dead-letters`: each service's own command, given the addresses of the stack that is up."""

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from servicenetz.console import Addresses, console, read_addresses
from servicenetz.service import SERVICES, environment, program
from servicenetz.stack import default_folder

EVERY_SERVICE = ("list", "acts")
"""What may be asked of all services at once; the numbers of the others belong to one."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "dead-letters",
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
        },
    )
    def dead_letters(
        context: typer.Context,
        service: Annotated[str | None, typer.Option(help=f"One of {', '.join(SERVICES)}.")] = None,
        folder: Annotated[Path | None, typer.Option(help="Where the stack lives.")] = None,
    ) -> None:
        """What could not be processed: list | show | redrive | drop | acts.

        Example: servicenetz dead-letters list; servicenetz dead-letters --service billing redrive 17
        """
        place = folder or default_folder()
        addresses = read_addresses(place)
        if addresses is None:
            console.print(f"No stack is up in {place}: start one with `servicenetz up`.")
            raise typer.Exit(2)
        words = context.args or ["--help"]
        if service is None and words[0] not in EVERY_SERVICE:
            console.print(f"Say whose: --service {'|'.join(SERVICES)}")
            raise typer.Exit(2)
        chosen = SERVICES if service is None else (service,)
        if service is not None and service not in addresses["databases"]:
            console.print(f"No service {service} is there.")
            raise typer.Exit(2)
        codes = [_ask(name, words, addresses, place, titled=service is None) for name in chosen]
        raise typer.Exit(max(codes))


def _ask(service: str, words: list[str], addresses: Addresses, folder: Path, *, titled: bool) -> int:
    if titled:
        console.print(f"[bold]{service}[/]")
    settings = environment(
        service,
        database_url=addresses["databases"][service].replace("postgresql://", "postgresql+asyncpg://", 1),
        kafka_bootstrap=addresses["kafka"],
        mail_url=addresses["mail"],
        sealing_key=folder / "keys" / "job-exchange.private.json",
    )
    command = [str(program(service)), "dead-letters", *words]
    quiet = {name: "WARNING" for name in settings if name.endswith("_LOG_LEVEL")}
    return subprocess.run(command, env=os.environ | settings | quiet, check=False).returncode
