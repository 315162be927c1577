"""`matching simulate`: try a policy on a network that does not exist before publishing it to one that does."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from contracts.values import ResponseTime
from matching.coverage import measure
from matching.domain.policy import PARTS, POLICIES, POLICY, TERMS, Policy
from matching.pictures import NoPictures, draw
from matching.simulation.comparison import differences
from matching.simulation.engine import Engine
from matching.simulation.outcome import FIGURES, Outcome
from matching.simulation.scenario import PRODUCTS, Scenario, world

WRONG = 2
INTERRUPTED = 130
TYPICAL_LEVEL = 2
SAY_EVERY_SECONDS = 0.5
HELP = """Run a network for weeks of virtual time on the real decisions of this service, and say how it went.

Nothing is needed: no broker, no database. The same seed gives the same run.

Examples:

  matching simulate

  matching simulate --weeks 8 --partners 300 --picture white-spots.png

  matching simulate --policy 2026-2 --against 2026-1 --runs 8

  matching simulate --against distance=0.6,reciprocity=0

The last two run both policies on the same worlds: the same jobs, the same illnesses, and the same answer of the
same partner to the same job. What differs is the policy's doing; the interval says how sure that is.
"""


def simulate(
    weeks: Annotated[int, typer.Option(min=1, max=52, help="Weeks in which jobs are posted.")] = 4,
    partners: Annotated[
        int, typer.Option(min=1, max=20_000, help="Dealers; four of five take jobs.")
    ] = 1_000,
    jobs_per_week: Annotated[int, typer.Option(min=1, max=20_000, help="Jobs posted in a week.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the first world; the next runs have the next ones.")] = 1,
    runs: Annotated[
        int | None, typer.Option(min=1, max=100, help="Worlds. [default: 1; 5 to compare]")
    ] = None,
    policy: Annotated[
        str,
        typer.Option(help="A published version, or weights that differ from those in force: term=weight,…."),
    ] = "",
    against: Annotated[str | None, typer.Option(help="A second policy to compare with.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Map of white spots: .png, .svg or .pdf.")] = None,
) -> None:
    try:
        policies = [_policy(policy, "tried")] + ([_policy(against, "against")] if against is not None else [])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if runs == 1 and against is not None:
        raise typer.BadParameter("one world says nothing about chance: --runs 2 or more")
    scenario = Scenario(partners, weeks, jobs_per_week)
    seeds = range(seed, seed + (runs or (5 if against is not None else 1)))
    begun = time.monotonic()
    try:
        outcomes = _outcomes(scenario, policies, seeds)
    except KeyboardInterrupt:
        typer.echo("\nStopped; nothing was written.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    jobs = sum(len(outcome.courses) for each in outcomes for outcome in each)
    typer.echo(f"{jobs} jobs in {time.monotonic() - begun:.0f} s, {len(seeds)} worlds of {weeks} weeks\n")
    figures = [[outcome.figures() for outcome in each] for each in outcomes]
    if against is None:
        _report(figures[0], outcomes[0])
    else:
        _compare(policies, figures)
    if picture is not None:
        _draw(picture, outcomes[0][0])


def _policy(text: str, version: str) -> Policy:
    """A published version, or the one in force with some weights changed. Raises ValueError."""
    if text in POLICIES:
        return POLICIES[text]
    weights: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name not in TERMS:
            raise ValueError(
                f"{name!r} is neither a published policy nor a term; the terms are {', '.join(TERMS)}"
            )
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", weight):
            raise ValueError(f"{name}: {weight!r} is no number")
        weights[name.replace("-", "_")] = round(PARTS * float(weight))
    return replace(POLICY, version=version, **weights) if weights else POLICY


def _outcomes(scenario: Scenario, policies: Sequence[Policy], seeds: Sequence[int]) -> list[list[Outcome]]:
    found: list[list[Outcome]] = [[] for _ in policies]
    for number, seed in enumerate(seeds, start=1):
        given = world(scenario, seed)
        for place, policy in enumerate(policies):
            say = _progress(f"world {number} of {len(seeds)}, policy {place + 1} of {len(policies)}")
            found[place].append(Engine(given, policy).run(say))
    if sys.stderr.isatty():
        typer.echo("\r\033[K", nl=False, err=True)
    return found


def _progress(what: str) -> Callable[[datetime, int], None]:
    said_at = 0.0
    if not sys.stderr.isatty():
        typer.echo(what, err=True)

    def say(at: datetime, jobs: int) -> None:
        nonlocal said_at
        if sys.stderr.isatty() and time.monotonic() - said_at > SAY_EVERY_SECONDS:
            said_at = time.monotonic()
            typer.echo(f"\r\033[K{what}: {at:%a %d.%m.%Y %H:%M}, {jobs} jobs", nl=False, err=True)

    return say


def _report(figures: Sequence[Mapping[str, float]], outcomes: Sequence[Outcome]) -> None:
    for name, (words, unit, factor, digits) in FIGURES.items():
        value = fmean(each[name] for each in figures) * factor
        typer.echo(f"  {words:<28}{value:>10.{digits}f} {unit}")
    reasons = sum((outcome.unfilled for outcome in outcomes), start=type(outcomes[0].unfilled)())
    if reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        typer.echo(f"\n  not filled, by what kept the last ones away: {told}")


def _compare(policies: Sequence[Policy], figures: Sequence[Sequence[Mapping[str, float]]]) -> None:
    for policy in policies:
        typer.echo(f"  {policy.version:<9}{_weights(policy)}")
    typer.echo(f"\n  {'':<28}{'tried':>10}{'against':>10}{'difference':>12}   95 % of the time between")
    for name, difference in differences(figures[1], figures[0]).items():
        words, unit, factor, digits = FIGURES[name]
        tried, against = (fmean(each[name] for each in side) * factor for side in figures)
        typer.echo(
            f"  {words:<28}{tried:>10.{digits}f}{against:>10.{digits}f}{difference.mean * factor:>+12.{digits}f}   "
            f"{difference.low * factor:+.{digits}f} and {difference.high * factor:+.{digits}f} {unit}"
            f"{'' if difference.sure else '   (may be chance)'}"
        )


def _weights(policy: Policy) -> str:
    return ", ".join(
        f"{term}={weight / PARTS:g}" for term, weight in zip(TERMS, policy.weights, strict=True) if weight
    )


def _draw(path: Path, outcome: Outcome) -> None:
    given = outcome.world
    coverage = measure((dealer.contractor for dealer in given.dealers), given.scenario.begins)
    keys = [(product._replace(level=TYPICAL_LEVEL), ResponseTime.scheduled) for product in PRODUCTS]
    unfilled = {
        key: [
            course.job.postcode
            for course in outcome.asked
            if course.done_by is None
            and course.job.required_certifications[0].product_line == key[0].product_line
        ]
        for key in keys
    }
    title = f"White spots of a simulated network of {given.scenario.partners} partners, seed {given.seed}"
    try:
        draw(path, coverage, keys, title=title, unfilled=unfilled)
    except (NoPictures, OSError, ValueError) as error:
        typer.echo(f"No picture: {error}", err=True)
        raise typer.Exit(WRONG) from None
    typer.echo(f"\n  {path}: white spots by certification")
