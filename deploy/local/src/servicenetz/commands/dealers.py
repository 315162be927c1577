"""`servicenetz dealers`: simulated dealers join the stack that is up and take whatever jobs are posted."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from dealers.cast import CAST
from dealers.community import NotSettled
from dealers.members import members
from dealers.simulation import Dealers
from servicenetz.console import console, read_addresses
from servicenetz.stack import default_folder

NOT_UP = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dealers")(attend)


def attend(
    partners: Annotated[int, typer.Option(min=1, max=20_000, help="How many join.")] = 300,
    seed: Annotated[int, typer.Option(min=1, max=9_999, help="The same seed: the same dealers.")] = 1,
    folder: Annotated[Path | None, typer.Option(help="State folder of the stack that is up.")] = None,
) -> None:
    """Simulated dealers join the stack that is up, and take the jobs that others post; Ctrl-C sends them home.

    Without them nobody answers an offer. In another terminal: servicenetz watch; servicenetz post FILE.
    """
    addresses = read_addresses(folder or default_folder())
    if addresses is None:
        console.print("Nothing runs here. Start it with [bold]make up[/].")
        raise typer.Exit(NOT_UP)
    key = json.loads(Path(addresses["sealing_public_key"]).read_text(encoding="utf-8"))
    try:
        asyncio.run(_attend(addresses["kafka"], key, partners, seed))
    except NotSettled as error:
        console.print(f"[red]✗[/] {escape(str(error))}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("[dim]The dealers have gone home; everything else keeps running.[/]")


async def _attend(bootstrap: str, key: dict[str, Any], partners: int, seed: int) -> None:
    async with Dealers(bootstrap, key, [*CAST, *members(seed, partners)], seed=seed) as dealers:
        with console.status("dealers register …"):
            await dealers.settle_in()
        count = len(dealers.community.members)
        await dealers.attend(
            lambda: console.print(f"[green]✓[/] {count} dealers are there; Ctrl-C sends them home.")
        )
