"""Many at once for little capacity, on real PostgreSQL; and a planted check-then-act, which must show."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import PostgresDsn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import database, migrate
from chassis.decisions import Rejected
from chassis.settings import ServiceSettings
from chassis.testing.infrastructure import Infrastructure
from contracts.ids import uuid7
from contracts.matching_commands_v1 import AcceptOffer
from matching.app import MIGRATIONS
from matching.domain import assignment
from matching.domain.model import Assignment, Capacity, Offer, Phase
from matching.store import ASSIGNMENTS, CAPACITY, CONTRACTORS, HELD, CapacityRows
from matching.testing import World, contractor, job, offering

pytestmark = pytest.mark.stack

CLIENTS = 8
SLOTS = 5
ATTEMPTS = 200


class CheckThenAct(CapacityRows):
    """The planted fault: looks without a lock, then writes what it thinks the row should be."""

    async def load(self, db: AsyncConnection, ids: Collection[str], *, lock: bool) -> Mapping[str, Capacity]:
        del lock
        return await super().load(db, ids, lock=False)

    async def save(self, db: AsyncConnection, values: Mapping[str, Any]) -> None:
        for value in values.values():
            await db.execute(
                text("UPDATE capacity SET reserved_minutes = :reserved WHERE partner_id = :partner"),
                {"reserved": value.reserved_minutes, "partner": value.partner_id},
            )


async def _overbooked(engine: AsyncEngine, rows: CapacityRows, *, locked: bool) -> tuple[int, int]:
    """Let many take jobs of one partner at once; returns (jobs he has, jobs he has time for)."""
    partner = contractor(availability=offering(weekly_minutes=SLOTS * 480))
    week = job().week
    async with engine.begin() as db:
        await CONTRACTORS.save(db, {str(partner.partner_id): partner})
        first = replace(Capacity.unused(partner.partner_id, week), offered_minutes=SLOTS * 480)
        await CAPACITY.save(db, {first.key: first})

    async def take() -> None:
        world = World()
        posted = job()
        world.client(posted)
        offer = Offer(uuid7(), partner.partner_id, posted.ends_at)
        state = Assignment(posted, Phase.OFFERED, contractor_id=partner.partner_id, offers=(offer,))
        async with engine.begin() as db:
            held = await HELD.load(db, [str(partner.partner_id)], lock=locked)
            world.rows |= {row.partner_id: row for row in held.values()}
            world.taken = dict(await rows.load(db, [first.key], lock=locked))
            await asyncio.sleep(0.001)  # what lies between looking and writing
            command = AcceptOffer(
                job_id=posted.job_id, contractor_id=partner.partner_id, offer_id=offer.offer_id
            )
            try:
                decision = assignment.accept(state, command, world)
            except Rejected:
                return
            await ASSIGNMENTS.save(db, {str(posted.job_id): decision.state})
            await rows.save(
                db,
                {change.id: change.value for change in decision.also if change.rows == rows.name},  # type: ignore[misc]
            )

    async def client() -> None:
        for _ in range(ATTEMPTS // CLIENTS):
            await take()

    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    async with engine.connect() as db:
        count = await db.execute(
            text("SELECT count(*) FROM assignment WHERE contractor_id = :partner AND reserved_minutes > 0"),
            {"partner": partner.partner_id},
        )
        return count.scalar_one(), SLOTS


@pytest.fixture
async def engine(infrastructure: Infrastructure) -> Any:
    settings = ServiceSettings(
        database_url=PostgresDsn(infrastructure.new_database("reservations")),
        kafka_bootstrap_servers="nobody:1",
        development=True,
    )
    engine = database.connect(settings, "matching")
    await migrate.upgrade(engine, MIGRATIONS)
    yield engine
    await engine.dispose()


async def test_nobody_is_overbooked(engine: AsyncEngine) -> None:
    has, can = await _overbooked(engine, CAPACITY, locked=True)
    assert has == can
    async with engine.connect() as db:
        reserved = await db.execute(text("SELECT sum(reserved_minutes) FROM capacity"))
        held = await db.execute(text("SELECT sum(reserved_minutes) FROM assignment"))
        assert reserved.scalar_one() == held.scalar_one() == can * 480


async def test_the_same_test_sees_a_planted_check_then_act(engine: AsyncEngine) -> None:
    has, can = await _overbooked(engine, CheckThenAct("capacity"), locked=False)
    assert has > can, "the planted fault must be seen, or the test above proves nothing"
