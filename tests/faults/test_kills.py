"""Each part is killed while jobs are under way, and comes back; every job still comes to its end, once."""

import asyncio
import json
from pathlib import Path

import pytest

from dealers.book import Book
from dealers.members import members
from dealers.simulation import Dealers
from servicenetz.invariants.check import check, where
from servicenetz.kafka import Kafka
from servicenetz.postgres import Postgres
from servicenetz.service import Service
from servicenetz.stack import Stack

pytestmark = pytest.mark.faults

JOBS = 300
SEED = 11


class Progress:
    """Lets a test wait until so many jobs have come to an end."""

    def __init__(self) -> None:
        self._ended = 0
        self._changed = asyncio.Condition()

    def look(self, book: Book) -> None:
        """Called by the dealers as they hear of things."""
        self._ended = len(book.jobs) - book.open
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, ended: int) -> None:
        """Return once `ended` jobs have ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended >= ended)


async def test_every_part_is_killed_in_turn_and_all_jobs_come_to_their_end(tmp_path: Path) -> None:
    async with Stack(tmp_path, environment={"MATCHING_OFFER_EXPIRY_SECONDS": "4"}) as stack:
        key = json.loads(stack.sealing_public_key.read_text(encoding="utf-8"))
        async with Dealers(stack.kafka_bootstrap, key, members(SEED, 300), seed=SEED) as dealers:
            await dealers.settle_in(within_s=240)
            progress = Progress()
            trading = asyncio.create_task(
                dealers.trade(JOBS, per_second=6, patience_s=120, progress=progress.look)
            )
            victims: list[Service | Kafka | Postgres] = [
                *stack.services.values(),
                stack.kafka,
                stack.postgres,
            ]
            for number, victim in enumerate(victims, start=1):
                await progress.until(number * JOBS // (len(victims) + 2))
                await asyncio.to_thread(victim.kill)
                await asyncio.to_thread(victim.start)
                await asyncio.to_thread(stack.wait_until_ready, 120)
            report = await trading
        assert report.open == (), f"{len(report.open)} jobs have no end"
        assert report.two_documents_each
        assert report.settled >= JOBS // 2
        results = await asyncio.to_thread(check, where(stack))
    assert [f"{result.number} {result.name}: {result.detail}" for result in results if not result.holds] == []
