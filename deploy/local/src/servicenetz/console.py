"""How the stack looks on a screen."""

import json
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from servicenetz.service import is_ready
from servicenetz.stack import ADDRESSES_FILE

console = Console(highlight=False)


class Addresses(TypedDict):
    """What a running stack says about itself."""

    owner: int
    kafka: str
    mail: str
    sealing_public_key: str
    databases: dict[str, str]
    http: dict[str, str]


def read_addresses(folder: Path) -> Addresses | None:
    """The addresses of the stack in this folder, once it is ready."""
    try:
        addresses: Addresses = json.loads((folder / ADDRESSES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return addresses


def table_of(addresses: Addresses, folder: Path) -> Table:
    """What runs, and where."""
    table = Table(
        title="Servicenetz", title_style="bold", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for column in ("", "part", "address"):
        table.add_column(column, overflow="fold")
    up = "[green]●[/]"
    table.add_row(up, "Kafka", addresses["kafka"])
    for name, url in addresses["databases"].items():
        table.add_row(up, f"PostgreSQL {name}", url)
    table.add_row(up, "mail catcher", f"{addresses['mail']}  ({_relative(folder / 'mail')})")
    for name, url in addresses["http"].items():
        mark = up if is_ready(url) else "[red]○[/]"
        table.add_row(mark, name, f"{url}/health/ready  {url}/metrics")
    table.add_row("", "[dim]logs[/]", f"[dim]{_relative(folder / 'log')}[/]")
    return table


def _relative(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
