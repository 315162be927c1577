"""What a dispatcher asks: who stands where, why, what was done, and whether it comes out the same again. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from matching.domain.explanation import Replayed, replay
from matching.domain.gate import ClientSide
from matching.domain.model import Act, ActKind, Assignment, Contractor, Round, Seen, capacity_key
from matching.domain.policy import POLICIES, POLICY, Policy
from matching.domain.ranking import look_over, rank, seen, seen_failed
from matching.store import ASSIGNMENTS, CONTRACTORS, LOADS, REACH, STANDINGS

_contractor = TypeAdapter(Contractor)
_round = TypeAdapter(Round)
_rounds = text("SELECT document FROM ranking WHERE job_id = :job ORDER BY round")
_versions = text(
    "SELECT v.document FROM contractor_version v "
    "JOIN unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS t(partner_id, version) "
    "ON v.partner_id = t.partner_id AND v.version = t.version"
)
_acts = text('SELECT kind, at, "by", reason, contractor_id FROM act WHERE job_id = :job ORDER BY number')
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


async def acts_of(db: AsyncConnection, job_id: UUID) -> list[Act]:
    """What dispatchers did to a job, the oldest first."""
    rows = await db.execute(_acts, {"job": job_id})
    return [Act(ActKind(row.kind), row.at, row.by, row.reason, row.contractor_id) for row in rows]


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
    return [(one, replay(one, one.job or first, known, policy_of(one))) for one in rounds]


async def ranking_now(
    db: AsyncConnection, state: Assignment, policy: Policy = POLICY, also: Collection[UUID] = ()
) -> Ranking:
    """Everybody in reach, and `also` these, judged and ranked on the database's rows; nothing is changed."""
    job = state.job
    reach = (await REACH.load(db, [job.postcode], lock=False))[job.postcode]
    ids = sorted({str(partner_id) for partner_id, _ in reach} | set(map(str, (*state.volunteers, *also))))
    rows = await CONTRACTORS.load(db, [*ids, str(job.client_id)], lock=False)
    client = ClientSide.of(job, rows.get(str(job.client_id)))
    partners = (rows[each] for each in ids if each in rows)
    look = look_over(job, client, state.lost, partners, failed_most=None)
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


def policy_of(one: Round) -> Policy:
    """The weights of this round."""
    return POLICIES.get(one.policy_version, POLICY)


def chosen_of(one: Round) -> Seen | None:
    """Who was asked first, or given the job."""
    return next((each for each in one.seen if each.partner_id in one.asked), None)


def seen_as(partner_id: UUID, shown: Collection[Seen]) -> Seen | None:
    """How this partner was seen, if he was kept."""
    return next((each for each in shown if each.partner_id == partner_id), None)
