"""How the stack looks on a screen."""

import json
from pathlib import Path
from typing import TypedDict

from rich.console import Console

from servicenetz.service import is_ready
from servicenetz.stack import ADDRESSES_FILE

console = Console(highlight=False)


class Addresses(TypedDict):
    """What a running stack says about itself."""

    owner: int
    kafka: str
    postgres: str
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


def show(addresses: Addresses, folder: Path) -> None:
    """What runs, and where; lines are never broken, so that addresses can be copied."""
    rows = [
        ("Kafka", addresses["kafka"], True),
        ("PostgreSQL", addresses["postgres"], True),
        *((f"  {name}", url, True) for name, url in addresses["databases"].items()),
        ("mail catcher", f"{addresses['mail']}   kept in {_relative(folder / 'mail')}", True),
        *((name, f"{url}/health/ready", is_ready(url)) for name, url in addresses["http"].items()),
    ]
    width = max(len(name) for name, _, _ in rows) + 3
    console.print("\n[bold]Servicenetz[/]")
    for name, address, ready in rows:
        mark = "[green]●[/]" if ready else "[red]○[/]"
        console.print(f"  {mark} {name:<{width}}{address}", soft_wrap=True)
    console.print(f"    [dim]{'logs':<{width}}{_relative(folder / 'log')}[/]", soft_wrap=True)


def _relative(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
