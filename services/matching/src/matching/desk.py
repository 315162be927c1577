"""The dispatcher's command line: who stands where, why, and whether it comes out the same again. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import database
from matching.domain.explanation import Language, Replayed, replay, same, why_not
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Contractor, Round, Seen, capacity_key
from matching.domain.policy import POLICIES, POLICY, TERMS, Policy
from matching.domain.ranking import look_over, rank, seen, seen_failed
from matching.settings import Settings
from matching.store import ASSIGNMENTS, CONTRACTORS, LOADS, REACH, STANDINGS

_contractor = TypeAdapter(Contractor)
_round = TypeAdapter(Round)
_rounds = text("SELECT document FROM ranking WHERE job_id = :job ORDER BY round")
_versions = text(
    "SELECT v.document FROM contractor_version v "
    "JOIN unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS t(partner_id, version) "
    "ON v.partner_id = t.partner_id AND v.version = t.version"
)
_by_number = text(
    "SELECT job_id FROM assignment WHERE CAST(document AS jsonb) #>> '{job,job_number}' = :number"
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who would be asked now, if the round were made from the database alone."""

    state: Assignment
    looked_at: int
    removed: Mapping[str, int]
    seen: tuple[Seen, ...]


async def find(db: AsyncConnection, job: str) -> Assignment | None:
    """A job by its id or by its number."""
    try:
        job_id = str(UUID(job))
    except ValueError:
        job_id = str((await db.execute(_by_number, {"number": job.upper()})).scalar() or "")
    return None if not job_id else (await ASSIGNMENTS.load(db, [job_id], lock=False)).get(job_id)


async def rounds_of(db: AsyncConnection, job_id: UUID) -> list[Round]:
    """Every decision on whom to ask, the oldest first."""
    return [_round.validate_json(row.document) for row in await db.execute(_rounds, {"job": job_id})]


async def partners_of(
    db: AsyncConnection, job_client: UUID, rounds: Collection[Round]
) -> dict[tuple[UUID, int], Contractor]:
    """The partners that these rounds saw, each at the version that they saw."""
    wanted = {(each.partner_id, each.version) for one in rounds for each in one.seen}
    wanted |= {(job_client, one.client_version) for one in rounds}
    keys = sorted(wanted)
    where = {"ids": [key[0] for key in keys], "versions": [key[1] for key in keys]}
    found = (_contractor.validate_json(row.document) for row in await db.execute(_versions, where))
    return {(each.partner_id, each.version): each for each in found}


async def replayed(db: AsyncConnection, state: Assignment) -> list[tuple[Round, Replayed]]:
    """Every round of a job, and what comes out the second time."""
    rounds = await rounds_of(db, state.job.job_id)
    known = await partners_of(db, state.job.client_id, rounds)
    first = state.posted_as or state.job
    return [(one, replay(one, one.job or first, known, _policy(one.policy_version))) for one in rounds]


async def ranking_now(db: AsyncConnection, state: Assignment, policy: Policy = POLICY) -> Ranking:
    """Everybody in reach, judged and ranked on the database's rows; nothing is changed."""
    job = state.job
    reach = (await REACH.load(db, [job.postcode], lock=False))[job.postcode]
    ids = sorted({str(partner_id) for partner_id, _ in reach} | {str(each) for each in state.volunteers})
    rows = await CONTRACTORS.load(db, [*ids, str(job.client_id)], lock=False)
    client = ClientSide.of(job, rows.get(str(job.client_id)))
    look = look_over(job, client, state.lost, (rows[each] for each in ids if each in rows))
    loads = await LOADS.load(db, [capacity_key(UUID(each), job.week) for each in ids], lock=False)
    standings = await STANDINGS.load(db, ids, lock=False)
    free = {}
    for case in look.passed:
        key = capacity_key(case.contractor.partner_id, job.week)
        own = (
            job.minutes if state.reserved_minutes and state.contractor_id == case.contractor.partner_id else 0
        )
        reserved = loads[key].reserved_minutes if key in loads else 0
        free[case.contractor.partner_id] = case.contractor.weekly_minutes - reserved + own
    able, unable = rank(look.passed, free, state.volunteers, policy, lambda each: standings[str(each)].sums)
    removed = dict(look.removed) | ({"capacity": len(unable)} if unable else {})
    failed = [seen_failed(case, failure) for case, failure in (*unable, *look.failed)]
    return Ranking(state, look.looked_at, removed, (*(seen(each) for each in able), *failed))


def _policy(version: str) -> Policy:
    return POLICIES.get(version, POLICY)


# -- on the screen -------------------------------------------------------------------------------------

Answer = Callable[[AsyncConnection, Assignment], Awaitable[int]]


def add_to(app: typer.Typer) -> None:
    """The dispatcher's commands beside `prepare` and `run`."""

    @app.command("ranked")
    def ranked_command(job: str, language: str = "de", most: int = 20) -> None:
        """Who would be asked for a JOB (id or number) now, best first, and who may not."""

        async def answer(db: AsyncConnection, state: Assignment) -> int:
            found = await ranking_now(db, state, _settings().policy)
            _say(f"{state.job.job_number}  {state.phase.value}  {found.looked_at} in reach, {found.removed}")
            _list(found.seen[:most], None, _settings().policy, _language(language))
            return 0

        _answer(job, answer)

    @app.command("explain")
    def explain_command(job: str, language: str = "de") -> None:
        """Every round of a JOB (id or number): who was asked, why, and why not the others."""

        async def answer(db: AsyncConnection, state: Assignment) -> int:
            for one in await rounds_of(db, state.job.job_id):
                chosen = next((each for each in one.seen if each.partner_id in one.asked), None)
                _say(f"{state.job.job_number}  round {one.number}  {one.at:%Y-%m-%d %H:%M:%S} UTC")
                _say(f"  policy {one.policy_version}, {one.looked_at} looked at, {dict(one.removed)}")
                _list(one.seen, chosen, _policy(one.policy_version), _language(language))
            return 0

        _answer(job, answer)

    @app.command("replay")
    def replay_command(job: str) -> None:
        """Make every round of a JOB (id or number) again from what it hung on; fails when one comes out otherwise."""

        async def answer(db: AsyncConnection, state: Assignment) -> int:
            otherwise = 0
            for one, again in await replayed(db, state):
                as_before = same(one, again)
                otherwise += not as_before
                word = "the same" if as_before else f"OTHERWISE ({len(again.missing)} versions missing)"
                _say(f"{state.job.job_number}  round {one.number}: {word}")
            return min(otherwise, 1)

        _answer(job, answer)

    @app.command("policies")
    def policies_command() -> None:
        """The published weights, by version."""
        in_force = _settings().policy.version
        for policy in POLICIES.values():
            weights = ", ".join(
                f"{name} {Decimal(weight) / 10_000}"
                for name, weight in zip(TERMS, policy.weights, strict=True)
                if weight
            )
            _say(f"{policy.version}{' (in force)' if policy.version == in_force else ''}: {weights}")


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


def _language(word: str) -> Language:
    return "en" if word == "en" else "de"


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            typer.echo(f"matching: {'.'.join(map(str, problem['loc']))}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None


def _answer(job: str, answer: Answer) -> None:
    raise typer.Exit(asyncio.run(_asked(job, answer)))


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
