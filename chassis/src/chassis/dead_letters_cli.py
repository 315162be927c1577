"""`<service> dead-letters list | show | redrive | drop | acts`: the operator's hands. Nothing is done without --yes."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Annotated, TypeVar

import typer
from aiokafka.errors import KafkaError

from chassis import database, dead_letters
from chassis.dead_letters import By, NotPossible, Parked
from chassis.service import Running, Service
from chassis.settings import ServiceSettings

T = TypeVar("T")
Settings = TypeVar("Settings", bound=ServiceSettings)

Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")]
Who = Annotated[str | None, typer.Option(help="Who does this; by default the user of this machine.")]
Because = Annotated[str, typer.Option(help="Why; kept with the act.")]


Act = Callable[[Running], Awaitable[T]]


class Hands:
    """Does something with a service that is put together for it, and not run."""

    def __init__(self, make: Callable[[], Running]) -> None:
        self._make = make

    def do(self, act: Act[T]) -> T:
        """Do it. Raises SystemExit with a sentence."""

        async def acting() -> T:
            running = self._make()
            try:
                return await act(running)
            finally:
                await running.engine.dispose()

        try:
            return asyncio.run(acting())
        except NotPossible as error:
            raise SystemExit(str(error)) from error
        except (KafkaError, *database.ERRORS) as error:
            raise SystemExit(f"database or broker cannot be reached: {type(error).__name__}") from error


def command(settings: Callable[[], Settings], build: Callable[[Settings], Service]) -> typer.Typer:
    """The sub-command. `settings` and `build` as for `run`; nothing connects before an order is given."""

    def make() -> Running:
        chosen = settings()
        return Running(build(chosen), chosen)

    app = typer.Typer(no_args_is_help=True, help="Look at dead letters, take them again, or give them up.")
    _add_looking(app, Hands(make))
    _add_acting(app, Hands(make))
    return app


def _add_looking(app: typer.Typer, hands: Hands) -> None:
    @app.command("list")
    def list_command(
        everything: Annotated[bool, typer.Option("--everything", help="Also what waits by itself.")] = False,
    ) -> None:
        """Dead letters, the oldest first: number, age, why, what it is about, how many wait behind it."""
        letters = hands.do(lambda running: dead_letters.parked(running.engine, everything=everything))
        for line in table(letters):
            typer.echo(line)

    @app.command("show")
    def show_command(number: Annotated[int, typer.Argument(help="As `list` shows it.")]) -> None:
        """One of them: headers and structure. Values are not shown, they may be personal data."""
        letter, lines = hands.do(lambda running: dead_letters.look(running.engine, number))
        for line in (*table([letter]), f"detail   {letter.detail}", *lines):
            typer.echo(line)

    @app.command("acts")
    def acts_command(most: Annotated[int, typer.Option(min=1, help="How many.")] = 50) -> None:
        """What was done about dead letters, by whom and why, the newest first."""
        for row in hands.do(lambda running: dead_letters.acts(running.engine, most)):
            about = f"{row.parked_id} {row.aggregate or '-'} {row.topic}/{row.partition}@{row.offset}"
            typer.echo(
                f"{row.at:%Y-%m-%d %H:%M:%S}  {row.who}  {row.act} {about}: {row.outcome}  because: {row.why}"
            )


def _add_acting(app: typer.Typer, hands: Hands) -> None:
    @app.command("redrive")
    def redrive_command(
        numbers: Numbers = None,
        everyone: All = False,
        yes: Yes = False,
        who: Who = None,
        because: Because = "",
    ) -> None:
        """Take dead letters again, in order, then what waits behind them: when the cause is mended."""

        async def act(running: Running) -> tuple[list[Parked], list[str]]:
            chosen = await choose(running, numbers, everyone=everyone, only=("failed",))
            for letter in chosen:
                dead_letters.check_redrive(letter)
            if not yes:
                return chosen, []
            by = _by(who, because)
            async with running.beside():
                return chosen, await dead_letters.redrive(running.engine, running.paths, chosen, by)

        _tell("redriven", *hands.do(act), done=yes)

    @app.command("drop")
    def drop_command(
        numbers: Numbers = None,
        everyone: All = False,
        yes: Yes = False,
        who: Who = None,
        because: Because = "",
    ) -> None:
        """Give dead letters up for good; what waits behind them goes on. Needs a reason."""

        async def act(running: Running) -> tuple[list[Parked], list[str]]:
            chosen = await choose(running, numbers, everyone=everyone, only=dead_letters.DEAD)
            for letter in chosen:
                dead_letters.check_drop(letter)
            return chosen, await dead_letters.drop(running.engine, chosen, _by(who, because)) if yes else []

        _tell("dropped", *hands.do(act), done=yes)


async def choose(
    running: Running, numbers: Collection[int] | None, *, everyone: bool, only: Collection[str]
) -> list[Parked]:
    """The records meant, in the order in which they will be done. Raises NotPossible."""
    if everyone == bool(numbers):
        raise NotPossible("Say which: numbers as `list` shows them, or --all.")
    letters = await dead_letters.parked(running.engine, everything=not everyone)
    if everyone:
        return sorted((letter for letter in letters if letter.reason in only), key=lambda letter: letter.id)
    known = {letter.id: letter for letter in letters}
    missing = sorted(set(numbers or ()) - known.keys())
    if missing:
        raise NotPossible(f"Nothing is parked under {', '.join(map(str, missing))}.")
    return [known[number] for number in sorted(set(numbers or ()))]


def table(letters: Collection[Parked]) -> list[str]:
    """As the list shows them."""
    rows = [("number", "age", "why", "about", "behind", "from")]
    rows += [
        (
            str(letter.id), age(letter.age), f"{letter.reason}: {letter.code}" if letter.code != letter.reason
            else letter.reason, letter.aggregate or "-", str(letter.behind),
            f"{letter.topic}/{letter.partition}@{letter.offset} ({letter.reader})",
        )
        for letter in letters
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def age(since: timedelta) -> str:
    """How long, in the largest unit that fits: 3 d, 5 h, 12 min, 40 s."""
    seconds = int(since.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _by(who: str | None, because: str) -> By:
    if not because.strip():
        raise NotPossible("Say why, with --because: it is kept with the act.")
    return By(who or f"{getpass.getuser()}@{socket.gethostname()}", because.strip())


def _tell(what: str, chosen: Collection[Parked], outcomes: Collection[str], *, done: bool) -> None:
    if not done:
        for line in table(chosen):
            typer.echo(line)
        typer.echo(f"{len(chosen)} would be {what}, in this order. Nothing was done: say --yes.")
        return
    for letter, outcome in zip(chosen, outcomes, strict=True):
        typer.echo(f"{letter.id}  {letter.aggregate or '-'}  {outcome}")
    if any(not outcome.startswith(("done", "dropped")) for outcome in outcomes):
        raise typer.Exit(1)
