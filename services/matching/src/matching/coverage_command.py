"""`matching coverage`: the network's own goal as it stands, by the partners in this service's database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chassis import database
from chassis.cli import read_settings
from contracts.values import ResponseTime
from matching.coverage import Coverage, measure, postcodes
from matching.domain.coverage import ANY, Key, Skill
from matching.domain.model import Contractor, day_of
from matching.pictures import NoPictures, draw, named, percent
from matching.settings import Settings
from matching.store import all_contractors

WRONG = 2
CLASSES = (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours)
MOST_MAPS = 12
HELP = """How much of Germany is in reach of a qualified partner today, by certification and response time.

Reads matching's own database (MATCHING_DATABASE_URL); `servicenetz coverage` does it for the stack that is up.

Examples:

  matching coverage

  matching coverage --level 3 --picture coverage.png --response-time four_hours

  matching coverage --day 2027-01-01 --white-spots "Komsys Alarmserver"
"""


def coverage(
    level: Annotated[int, typer.Option(min=1, max=5, help="Certified at this level or above.")] = 1,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As things are known now. [default: today]")
    ] = None,
    response_time: Annotated[ResponseTime, typer.Option(help="Of the maps.")] = ResponseTime.scheduled,
    picture: Annotated[Path | None, typer.Option(help="Maps: .png, .svg or .pdf.")] = None,
    white_spots: Annotated[
        str | None, typer.Option(help="List the postcodes nobody reaches for this certification.")
    ] = None,
) -> None:
    settings = read_settings("matching", Settings)
    try:
        partners = asyncio.run(_partners(settings))
    except database.ERRORS as error:
        typer.echo(f"matching: the database cannot be read: {error}", err=True)
        raise typer.Exit(WRONG) from None
    found = measure(partners, day.date() if day else day_of(datetime.now(UTC)))
    skills = [ANY, *sorted({skill for skill, _ in found.reached if skill.level == level})]
    if white_spots is not None:
        _list(found, skills, white_spots, response_time)
        return
    _table(found, skills)
    if picture is not None:
        _draw(picture, found, [(skill, response_time) for skill in skills])


async def _partners(settings: Settings) -> list[Contractor]:
    engine = database.connect(settings, "matching")
    try:
        async with engine.connect() as db:
            return await all_contractors(db)
    finally:
        await engine.dispose()


def _table(found: Coverage, skills: Sequence[Skill]) -> None:
    typer.echo(
        f"{found.partners} partners could be given a job on {found.day}; they reach of {len(postcodes())} postcodes\n"
    )
    width = max(len(named(skill)) for skill in skills)
    typer.echo("  " + " " * width + "".join(f"{each.value.replace('_', ' '):>20}" for each in CLASSES))
    for skill in skills:
        shares = "".join(f"{percent(found.count((skill, each))):>20}" for each in CLASSES)
        typer.echo(f"  {named(skill):<{width}}{shares}")


def _list(found: Coverage, skills: Sequence[Skill], name: str, response_time: ResponseTime) -> None:
    wanted = [
        skill for skill in skills if name in (f"{skill.manufacturer} {skill.product_line}", named(skill))
    ]
    if not wanted:
        known = ", ".join(f"{skill.manufacturer} {skill.product_line}" for skill in skills if skill != ANY)
        raise typer.BadParameter(f"nobody has {name!r}; these are known: {known or 'none'}")
    typer.echo("\n".join(found.white_spots((wanted[0], response_time))))


def _draw(path: Path, found: Coverage, keys: Sequence[Key]) -> None:
    worst_first = sorted(keys, key=found.count)
    try:
        draw(path, found, worst_first[:MOST_MAPS], title=f"Coverage on {found.day}")
    except (NoPictures, OSError, ValueError) as error:
        typer.echo(f"No picture: {error}", err=True)
        raise typer.Exit(WRONG) from None
    left_out = len(keys) - min(len(keys), MOST_MAPS)
    typer.echo(f"\n  {path}: maps, the least covered first" + (f"; {left_out} left out" if left_out else ""))
