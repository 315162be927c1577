"""The dispatcher's command line: `matching ranked`, `explain`, `why-not`, `replay`, `policies`. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import database
from chassis.cli import read_settings
from matching.desk import (
    acts_of,
    chosen_of,
    find,
    policy_of,
    ranking_now,
    replayed,
    rounds_of,
    seen_as,
)
from matching.domain.explanation import Language, same, why_not
from matching.domain.model import Act, Assignment, Round, Seen
from matching.domain.policy import POLICIES, TERMS, Policy
from matching.settings import Settings

Answer = Callable[[AsyncConnection, Assignment], Awaitable[int]]
Job = Annotated[str, typer.Argument(help="The job's id, or its number.")]
In = Annotated[Language, typer.Option("--language")]

_NOT_KEPT: Mapping[Language, str] = {
    "de": "weder unter den Besten noch unter den Nächsten, die nicht dürfen",
    "en": "neither among the best nor among the nearest who may not",
}
_ASKED: Mapping[Language, str] = {"de": "er wurde gefragt", "en": "he was asked"}


def add_to(app: typer.Typer) -> None:
    """The dispatcher's commands beside `prepare` and `run`."""
    for name, command in (
        ("ranked", ranked),
        ("explain", explain),
        ("why-not", why_not_he),
        ("replay", again),
        ("policies", policies),
    ):
        app.command(name)(command)


def ranked(job: Job, language: In = "de", most: int = 20) -> None:
    """Who would be asked for a job now, best first, and who may not."""

    async def answer(db: AsyncConnection, state: Assignment) -> int:
        policy = _settings().policy
        found = await ranking_now(db, state, policy)
        _say(f"{state.job.job_number}  {state.phase.value}  {found.looked_at} in reach, {found.removed}")
        _list(found.seen[:most], None, policy, language)
        if len(found.seen) > most:
            _say(f"… and {len(found.seen) - most} more: --most shows them, `why-not` tells of one of them")
        return 0

    _answer(job, answer)


def explain(job: Job, language: In = "de") -> None:
    """Every round of a job: who was asked, why, and why not the others; and what dispatchers did."""

    async def answer(db: AsyncConnection, state: Assignment) -> int:
        told: list[tuple[datetime, Act | Round]] = [
            # an act comes before the round it led to
            *((act.at, act) for act in await acts_of(db, state.job.job_id)),
            *((one.at, one) for one in await rounds_of(db, state.job.job_id)),
        ]
        for _, one in sorted(told, key=lambda each: each[0]):
            if isinstance(one, Act):
                whom = f" to {one.contractor_id}" if one.contractor_id else ""
                _say(f"{state.job.job_number}  {one.kind}{whom} by {one.by}  {_moment(one.at)}")
                _say(f"  {one.reason}")
                continue
            _say(f"{state.job.job_number}  round {one.number}  {_moment(one.at)}")
            _say(f"  policy {one.policy_version}, {one.looked_at} looked at, {dict(one.removed)}")
            _list(one.seen, chosen_of(one), policy_of(one), language)
        return 0

    _answer(job, answer)


def why_not_he(
    job: Job, partner: Annotated[UUID, typer.Argument(help="The partner's id.")], language: In = "de"
) -> None:
    """Why a partner does not have a job: in each round, and if everybody were ranked now."""

    async def answer(db: AsyncConnection, state: Assignment) -> int:
        policy, number = _settings().policy, state.job.job_number
        now = await ranking_now(db, state, policy, [partner])
        he = seen_as(partner, now.seen)
        if he is None:
            typer.echo(f"matching: there is no partner {partner}", err=True)
            return 1
        for one in await rounds_of(db, state.job.job_id):
            _say(f"{number}  round {one.number}  {_moment(one.at)}  {_in_a_round(one, partner, language)}")
        best = now.seen[0] if now.seen[0].constraint is None else None
        _say(f"{number}  now  {why_not(he, best, policy, language)}")
        return 0

    _answer(job, answer)


def again(job: Job) -> None:
    """Make every round of a job again from what it hung on; fails when one comes out otherwise."""

    async def answer(db: AsyncConnection, state: Assignment) -> int:
        otherwise = 0
        for one, replay in await replayed(db, state):
            as_before = same(one, replay)
            otherwise += not as_before
            word = "the same" if as_before else f"OTHERWISE ({len(replay.missing)} versions missing)"
            _say(f"{state.job.job_number}  round {one.number}: {word}")
        return min(otherwise, 1)

    _answer(job, answer)


def policies() -> None:
    """The published weights, by version."""
    in_force = _settings().policy.version
    for policy in POLICIES.values():
        weights = ", ".join(
            f"{name} {Decimal(weight) / 10_000}"
            for name, weight in zip(TERMS, policy.weights, strict=True)
            if weight
        )
        _say(f"{policy.version}{' (in force)' if policy.version == in_force else ''}: {weights}")


def _in_a_round(one: Round, partner_id: UUID, language: Language) -> str:
    he = seen_as(partner_id, one.seen)
    if he is None:
        return _NOT_KEPT[language]
    if partner_id in one.asked:
        return _ASKED[language]
    return why_not(he, chosen_of(one), policy_of(one), language)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _list(shown: Collection[Seen], chosen: Seen | None, policy: Policy, language: Language) -> None:
    for place, one in enumerate(shown, start=1):
        mark = "*" if chosen is not None and one.partner_id == chosen.partner_id else " "
        km = "?" if one.distance_km is None else f"{one.distance_km:.1f}"
        rank_shown = f"{place:>3}." if one.constraint is None else "  – "
        _say(
            f"{mark}{rank_shown} {one.partner_id} v{one.version} {km:>6} km  {why_not(one, chosen, policy, language)}"
        )


def _say(line: str) -> None:
    typer.echo(line)


def _settings() -> Settings:
    return read_settings("matching", Settings)


def _answer(job: str, answer: Answer) -> None:
    try:
        code = asyncio.run(_asked(job, answer))
    except database.ERRORS as error:
        typer.echo(f"matching: the database cannot be read: {error}", err=True)
        code = 2
    raise typer.Exit(code)


async def _asked(job: str, answer: Answer) -> int:
    engine = database.connect(_settings(), "matching")
    try:
        async with engine.connect() as db:
            state = await find(db, job)
            if state is None:
                typer.echo(f"matching: there is no job {job}", err=True)
                return 1
            return await answer(db, state)
    finally:
        await engine.dispose()
