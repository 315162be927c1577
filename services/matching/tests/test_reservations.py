"""Many at once for little capacity, on real PostgreSQL; and a planted check-then-act, which must show."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import PostgresDsn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database, migrate
from chassis.database import Session, transaction
from chassis.decisions import Rejected
from chassis.settings import ServiceSettings
from chassis.testing.infrastructure import Infrastructure
from contracts.ids import uuid7
from contracts.matching_commands_v1 import AcceptOffer
from contracts.values import OfferPolicy
from matching.app import MIGRATIONS
from matching.domain import assignment
from matching.domain.model import Assignment, Capacity, Offer, Phase, capacity_key
from matching.store import ASSIGNMENTS, CAPACITY, CONTRACTORS, HELD, CapacityRows
from matching.testing import World, contractor, job, offering

pytestmark = pytest.mark.stack

CLIENTS = 8
AT_ONCE = 50
"""Acceptances in one transaction, as the path takes them from a batch."""


@dataclass(frozen=True)
class Rush:
    """Every job is offered to two partners at once, and both accept; there is time for a fifth of the jobs."""

    partners: int
    slots: int
    locked: bool = True
    capacity: CapacityRows = field(default=CAPACITY)

    @property
    def jobs(self) -> int:
        return 5 * self.partners * self.slots

    @property
    def attempts(self) -> int:
        return 2 * self.jobs


class CheckThenAct(CapacityRows):
    """The planted fault: looks without a lock, then writes what it thinks the row should be."""

    async def load(self, db: Session, ids: Collection[str], *, lock: bool) -> Mapping[str, Capacity]:
        del lock
        return await super().load(db, ids, lock=False)

    async def save(self, db: Session, values: Mapping[str, Any]) -> None:
        for key in sorted(values):
            await db.execute(
                text("UPDATE capacity SET reserved_minutes = :reserved WHERE partner_id = :partner"),
                {"reserved": values[key].reserved_minutes, "partner": values[key].partner_id},
            )


async def _begin(engine: AsyncEngine, rush: Rush) -> list[AcceptOffer]:
    """Partners, and jobs that are offered; returns every acceptance that will be tried, mixed."""
    week = job().week
    partners = [
        contractor(availability=offering(weekly_minutes=rush.slots * 480)) for _ in range(rush.partners)
    ]
    template, client = job(policy=OfferPolicy.broadcast), contractor(availability=None)
    states: dict[str, Assignment] = {}
    attempts: list[AcceptOffer] = []
    lots = Random(5)
    for _ in range(rush.jobs):
        posted = replace(template, job_id=uuid7(), client_id=client.partner_id)
        offers = tuple(
            Offer(uuid7(), partner.partner_id, posted.ends_at) for partner in lots.sample(partners, 2)
        )
        states[str(posted.job_id)] = Assignment(
            posted, Phase.OFFERED, contractor_id=offers[0].contractor_id, offers=offers
        )
        attempts += [
            AcceptOffer(job_id=posted.job_id, contractor_id=each.contractor_id, offer_id=each.offer_id)
            for each in offers
        ]
    async with engine.begin() as db:
        await CONTRACTORS.save(db, {str(p.partner_id): p for p in (*partners, client)})
        await CAPACITY.save(
            db,
            {
                capacity_key(p.partner_id, week): replace(
                    Capacity.unused(p.partner_id, week), offered_minutes=p.weekly_minutes
                )
                for p in partners
            },
        )
        await ASSIGNMENTS.save(db, states)
    lots.shuffle(attempts)
    return attempts


async def _accept(db: Session, commands: list[AcceptOffer], rush: Rush) -> int:
    """One transaction: load, decide one after the other, save. Returns how many got the job."""
    jobs = {str(command.job_id) for command in commands}
    states = dict(await ASSIGNMENTS.load(db, jobs, lock=rush.locked))
    week = next(iter(states.values())).job.week
    held = await HELD.load(db, {str(command.contractor_id) for command in commands}, lock=rush.locked)
    keys = {capacity_key(UUID(each), week) for each in held}
    world = World(now=datetime(2026, 11, 20, 9, tzinfo=UTC))
    world.rows = {row.partner_id: row for row in held.values()}
    world.rows |= {
        row.partner_id: row
        for row in (
            await CONTRACTORS.load(db, {str(s.job.client_id) for s in states.values()}, lock=False)
        ).values()
    }
    world.taken = dict(await rush.capacity.load(db, keys, lock=rush.locked))
    before = dict(world.taken)
    world.states = {UUID(key): state for key, state in states.items()}
    await asyncio.sleep(0)  # what lies between looking and writing
    got = []
    for command in commands:
        state = world.states[command.job_id]
        try:
            decision = assignment.accept(state, command, world)
        except Rejected:
            continue
        world.apply(command.job_id, decision)
        got.append(str(command.job_id))
    if got:
        await ASSIGNMENTS.save(db, {key: world.states[UUID(key)] for key in sorted(got)})
        changed = {
            key: replace(row, before_minutes=before[key].reserved_minutes)
            for key, row in world.taken.items()
            if row.reserved_minutes != before[key].reserved_minutes
        }
        await rush.capacity.save(db, changed)
    return len(got)


@dataclass(frozen=True)
class Books:
    """What stands in the database after the rush. won: acceptances that were told that they got the job."""

    won: int
    assigned: int
    overbooked: int
    reserved_minutes: int
    held_minutes: int
    differing: int


BOOKS = """
    WITH held AS (
        SELECT contractor_id, week, sum(reserved_minutes) AS minutes FROM assignment
        WHERE reserved_minutes > 0 GROUP BY contractor_id, week)
    SELECT sum(c.reserved_minutes) AS reserved, coalesce(sum(h.minutes), 0) AS held,
        count(*) FILTER (WHERE coalesce(h.minutes, 0) > c.offered_minutes) AS overbooked,
        count(*) FILTER (WHERE c.reserved_minutes <> coalesce(h.minutes, 0)) AS differing,
        (SELECT count(*) FROM assignment WHERE phase = 'assigned') AS assigned
    FROM capacity c LEFT JOIN held h ON h.contractor_id = c.partner_id AND h.week = c.week
"""


async def _rush(engine: AsyncEngine, rush: Rush) -> Books:
    attempts = await _begin(engine, rush)
    assert len(attempts) == rush.attempts
    batches = [attempts[first : first + AT_ONCE] for first in range(0, len(attempts), AT_ONCE)]
    won = 0

    async def client() -> None:
        nonlocal won
        while batches:
            batch = batches.pop()
            async with transaction(engine) as db:
                got = await _accept(db, batch, rush)
            won += got

    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    async with engine.connect() as db:
        row = (await db.execute(text(BOOKS))).one()
    return Books(won, row.assigned, row.overbooked, int(row.reserved), int(row.held), row.differing)


@pytest.fixture
async def engine(infrastructure: Infrastructure) -> Any:
    settings = ServiceSettings(
        database_url=PostgresDsn(infrastructure.new_database("reservations")),
        kafka_bootstrap_servers="nobody:1",
        development=True,
        database_pool_size=CLIENTS,
    )
    engine = database.connect(settings, "matching")
    await migrate.upgrade(engine, MIGRATIONS)
    yield engine
    await engine.dispose()


def _sound(books: Books) -> bool:
    """No job twice, nobody overbooked, and the hours reconcile with the ledger of reservations."""
    return (
        books.won == books.assigned
        and books.overbooked == books.differing == 0
        and books.reserved_minutes == books.held_minutes == 480 * books.assigned
    )


async def test_eight_clients_and_thirty_thousand_attempts_for_a_fifth_of_the_time(
    engine: AsyncEngine,
) -> None:
    rush = Rush(partners=100, slots=30)
    assert rush.attempts == 30_000
    books = await _rush(engine, rush)
    assert _sound(books), books
    assert books.assigned == 100 * 30, "all the time there was is taken"


async def test_the_same_test_sees_a_planted_check_then_act(engine: AsyncEngine) -> None:
    books = await _rush(engine, Rush(10, 30, locked=False, capacity=CheckThenAct("capacity")))
    assert not _sound(books), "the planted fault must be seen, or the test above proves nothing"
    assert books.won > books.assigned or books.overbooked, books
