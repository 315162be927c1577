"""An operator's day: what is dead is seen without being read, taken again in order, or given up with a reason."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from toy_service.service import BROKEN, Settings, build
from toy_service.world import World
from typer.testing import CliRunner, Result

from chassis import dead_letters_cli, health
from chassis.testing.network import until
from contracts import job_exchange_commands_v1 as commands
from contracts.ids import uuid7

CANCELLED = "cancel done_otherwise"
MARKER = "Frau Marker, Markerweg 7"
pytestmark = pytest.mark.usefixtures("impatient")


async def _order(toy: World, *words: str) -> Result:
    """What an operator types, in a process of his own as far as the service can tell."""
    app = dead_letters_cli.command(lambda: Settings(**dict(toy.toy.settings)), build)
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words)))


async def _broken_job(toy: World, behind: int = 2) -> tuple[UUID, int]:
    """A job with a dead letter and messages behind it; the letter's number."""
    job = uuid7()
    BROKEN[str(job)] = RuntimeError
    for _ in range(1 + behind):
        await toy.send_cancel(job)
    await toy.until_at_rest()
    (row,) = await toy.sql(
        "SELECT id FROM parked WHERE aggregate = :a AND reason = 'failed'", a=f"account/{job}"
    )
    return job, row.id


async def test_a_dead_letter_is_listed_and_taken_again_with_all_that_waits_behind_it_in_order(
    toy: World,
) -> None:
    job, number = await _broken_job(toy)
    listed = (await _order(toy, "list")).output
    assert f"{number}" in listed
    assert f"account/{job}  2 " in listed
    tried = await _order(toy, "redrive", str(number))
    assert "1 would be redriven" in tried.output
    assert await toy.seen(job) == []
    assert await toy.sql("SELECT * FROM dead_letter_acts") == []
    again = await _order(toy, "redrive", str(number), "--yes", "--because", "mended?", "--who", "Ada")
    assert again.exit_code == 1
    assert "failed again: RuntimeError" in again.output
    assert (await toy.until_at_rest()).dead == 1
    BROKEN.clear()
    done = await _order(toy, "redrive", "--all", "--yes", "--because", "mended in 1.2", "--who", "Ada")
    assert (done.exit_code, done.output) == (0, f"{number}  account/{job}  done\n")
    await toy.until_seen(job, *[CANCELLED] * 3, "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.parked) == (3, 0, 0)
    acts = await toy.sql("SELECT * FROM dead_letter_acts ORDER BY id")
    assert [(a.who, a.act, a.why, a.parked_id, a.outcome[:12]) for a in acts] == [
        ("Ada", "redrive", "mended?", number, "failed again"),
        ("Ada", "redrive", "mended in 1.2", number, "done"),
    ]
    assert "because: mended in 1.2" in (await _order(toy, "acts")).output


async def test_what_is_dropped_needs_a_reason_stays_counted_and_its_successors_go_on(toy: World) -> None:
    job, number = await _broken_job(toy)
    unfounded = await _order(toy, "drop", str(number), "--yes")
    assert unfounded.exit_code == 1
    assert "Say why" in str(unfounded.exception)
    assert "1 would be dropped" in (await _order(toy, "drop", str(number))).output
    assert len(await toy.sql("SELECT * FROM parked")) == 3
    BROKEN.clear()
    assert (await _order(toy, "drop", str(number), "--yes", "--because", "sent by mistake")).exit_code == 0
    await toy.until_seen(job, CANCELLED, CANCELLED, "timer remind")
    books = await toy.until_at_rest()
    assert (books.done, books.dead, books.parked) == (2, 1, 0)
    (act,) = await toy.sql("SELECT * FROM dead_letter_acts")
    assert (act.act, act.why, act.outcome) == ("drop", "sent by mistake", "dropped")
    assert act.who


async def test_a_dropped_event_leaves_no_gap_behind_it(toy: World) -> None:
    job = uuid7()
    await toy.send_expiry(job, 1)
    await toy.until_seen(job, "expired 1")
    BROKEN[str(job)] = RuntimeError
    await toy.send_expiry(job, 2)
    await toy.until_parked(1, "failed")
    await toy.send_expiry(job, 3)
    await toy.until_at_rest()
    BROKEN.clear()
    assert (await _order(toy, "drop", "--all", "--yes", "--because", "withdrawn")).exit_code == 0
    await toy.until_seen(job, "expired 1", "expired 3")
    assert (await toy.until_at_rest()).parked == 0


async def test_what_cannot_be_read_is_shown_by_its_structure_alone_and_can_only_be_dropped(
    toy: World,
) -> None:
    command = toy.cancel(uuid7(), uuid7())
    body = command.write()[:-1] + f',"{MARKER}":"{MARKER}","reason":["{MARKER}"]}}'.encode()
    headers = [*toy.envelope(command).to_headers(), (MARKER, MARKER.encode()), ("ce_source", MARKER.encode())]
    await toy.outside.send_raw(commands.TOPIC, MARKER.encode(), headers, body)
    await toy.until_parked(1, "unreadable")
    (row,) = await toy.sql("SELECT id FROM parked")
    for words in (("list",), ("show", str(row.id)), ("drop", str(row.id))):
        output = (await _order(toy, *words)).output
        assert str(row.id) in output
        assert "Marker" not in output
        assert str(command.client_id) not in output
    shown = (await _order(toy, "show", str(row.id))).output
    assert "client_id: text of 36" in shown
    assert "ce_type: job-exchange.CancelJob.v1" in shown
    refused = await _order(toy, "redrive", str(row.id), "--yes", "--because", "no")
    assert "has to send it anew" in str(refused.exception)
    assert (await _order(toy, "drop", str(row.id), "--yes", "--because", "its sender knows")).exit_code == 0
    assert await toy.sql("SELECT * FROM parked") == []
    assert (await toy.until_at_rest()).dead == 1


async def test_what_only_waits_is_left_alone(toy: World) -> None:
    await toy.send_arrival(uuid7(), uuid7())
    await toy.until_parked(1, "waiting")
    (row,) = await toy.sql("SELECT id FROM parked")
    for act in ("redrive", "drop"):
        refused = await _order(toy, act, str(row.id), "--yes", "--because", "impatient")
        assert "is looked at again by itself (waiting)" in str(refused.exception)
    assert "Nothing is parked under 4711" in str((await _order(toy, "drop", "4711")).exception)


async def test_health_tells_what_is_held_up_since_when_and_why(toy: World) -> None:
    job, _ = await _broken_job(toy)
    async with toy.toy.engine.begin() as db:
        await db.exec_driver_sql("UPDATE parked SET since = since - interval '1 hour'")
    told = await health.held_up(toy.toy.engine)
    assert told["aggregates"] == 1
    (oldest,) = told["oldest"]
    assert (oldest["aggregate"], oldest["reason"], oldest["records"]) == (f"account/{job}", "failed", 3)
    assert oldest["oldest_seconds"] >= 3600

    async def measured() -> bool:
        await toy.toy.checks["database"]()
        value = toy.toy.registry.get_sample_value
        assert (value("servicenetz_parked_reason_oldest_seconds", {"reason": "behind"}) or 0) >= 3600
        assert value("servicenetz_parked_aggregates", {"reason": "waiting"}) == 0
        return value("servicenetz_parked_aggregates", {"reason": "failed"}) == 1

    await until(measured)
