"""`servicenetz up`, `down`, `status`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import psutil
import typer

from servicenetz.console import console, read_addresses, show
from servicenetz.processes import sweep
from servicenetz.service import SERVICES
from servicenetz.stack import Stack, StackError, StackRunning, default_folder, owner_of

DOWN_WITHIN_S = 45.0
DETACHED_READY_WITHIN_S = 240.0

Folder = Annotated[
    Path | None, typer.Option(help="State folder; .servicenetz of this checkout if not given.")
]


class _Ended(Exception):
    """Somebody wants us to stop: Ctrl-C, SIGTERM or a closed terminal."""


def register(app: typer.Typer) -> None:
    """Add the three commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(
    replicas: Annotated[int, typer.Option(min=1, max=12, help="Processes for each service.")] = 1,
    detach: Annotated[bool, typer.Option("--detach", help="Give the prompt back; `down` ends it.")] = False,
    bare: Annotated[bool, typer.Option("--bare", help="Kafka, PostgreSQL and mail only.")] = False,
    folder: Folder = None,
) -> None:
    """Start everything and keep it running; Ctrl-C stops it. What was there before is there again."""
    place = folder or default_folder()
    owner = owner_of(place)
    if owner is not None:
        console.print(f"It runs already (process {owner}).")
        _show(place)
    elif detach:
        _detach(place, replicas, bare=bare)
    else:
        _run(Stack(place, replicas=replicas, services=() if bare else SERVICES, say=_say))


def down(folder: Folder = None) -> None:
    """Stop what `up` started, wherever it was started from."""
    place = folder or default_folder()
    owner = owner_of(place)
    if owner is None:
        left = sweep(place)
        console.print(f"Cleared away: {', '.join(left)}." if left else "Nothing runs here.")
        return
    with console.status("stopping …"):
        _end(owner, place)
    console.print("Stopped; the data stays.")


def status(folder: Folder = None) -> None:
    """What runs, and where. Exit code 0 when it runs, 3 when not."""
    place = folder or default_folder()
    owner = owner_of(place)
    if owner is None:
        console.print("Nothing runs here. Start it with [bold]make up[/].")
        raise typer.Exit(3)
    if read_addresses(place) is None:
        console.print(f"It is starting or stopping (process {owner}).")
        raise typer.Exit(3)
    _show(place)


def _say(text: str) -> None:
    console.print(f"  [green]✓[/] {text}")


def _show(place: Path) -> None:
    addresses = read_addresses(place)
    if addresses is not None:
        show(addresses, place)


def _run(stack: Stack) -> None:
    """Until Ctrl-C; a second one during the stop kills."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end_us)
    try:
        stack.start()
        _show(stack.folder)
        console.print("\nCtrl-C stops it, and so does [bold]make down[/].")
        while True:
            signal.pause()
    except StackRunning as error:
        console.print(str(error))
    except StackError as error:
        console.print(f"[red]✗[/] {error}")
        raise typer.Exit(1) from None
    except _Ended:
        _stop(stack)


def _stop(stack: Stack) -> None:
    console.print("\nStopping; once more Ctrl-C kills.")
    try:
        stack.stop()
    except _Ended:
        stack.kill_all()
        stack.stop()
    console.print("Stopped; the data stays.")


def _end_us(_number: int, _frame: FrameType | None) -> None:
    raise _Ended


def _detach(place: Path, replicas: int, *, bare: bool) -> None:
    """Run `up` in a session of its own, and wait until it is ready."""
    log = place / "log" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "servicenetz", "up", "--replicas", str(replicas), "--folder", str(place)]
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, *(["--bare"] if bare else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + DETACHED_READY_WITHIN_S
    with console.status("starting …"):
        while child.poll() is None and time.monotonic() < end:
            addresses = read_addresses(place)
            if addresses is not None and addresses["owner"] == child.pid:
                break
            time.sleep(0.1)
    if child.poll() is not None or time.monotonic() >= end:
        console.print(log.read_text(encoding="utf-8").strip(), markup=False)
        raise typer.Exit(1)
    _show(place)
    console.print("\n[bold]make down[/] stops it.")


def _end(owner: int, place: Path) -> None:
    """Ask the owner to stop; if it does not, kill it: its children end with it."""
    for number, seconds in ((signal.SIGTERM, DOWN_WITHIN_S), (signal.SIGKILL, 10.0)):
        if owner_of(place) == owner and psutil.pid_exists(owner):
            os.kill(owner, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if owner_of(place) is None:
                sweep(place)
                return
            time.sleep(0.1)
