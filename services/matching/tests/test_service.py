"""Matching on real Kafka and PostgreSQL. Each test has a certification of its own: topics are shared."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts.job_exchange_commands_v1 import CancelReason
from contracts.job_exchange_jobs_v1 import JobCancelled
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    CandidatesRanked,
    JobAssigned,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
)
from contracts.matching_commands_v1 import AssignByHand
from contracts.matching_coverage_v1 import Coverage, Reach
from contracts.replies_v1 import MatchingAccepted, MatchingRejected
from contracts.values import Certification, OfferPolicy, ResponseTime, eur
from matching.app import build
from matching.coverage import measure
from matching.domain.coverage import Skill
from matching.domain.gathering import window_end
from matching.settings import Settings
from matching.tables import metadata
from matching.testing_outside import FOREVER, REPLIES, Start, Story
from matching.translation import contractor_from

pytestmark = pytest.mark.stack

WINDOW = timedelta(seconds=4)


@pytest.fixture
def story(outside: Outside) -> Story:
    return Story(outside)


async def _rows(service: Running, question: str, **parameters: Any) -> list[Any]:
    async with service.engine.connect() as db:
        return list((await db.execute(text(question), parameters)).all())


BOOKS = """
    SELECT c.partner_id, c.week, c.offered_minutes, c.reserved_minutes,
        coalesce(sum(a.reserved_minutes), 0) AS held
    FROM capacity c LEFT JOIN assignment a ON a.contractor_id = c.partner_id AND a.week = c.week
    GROUP BY c.partner_id, c.week
"""


async def _reconciled(service: Running) -> bool:
    books = await _rows(service, BOOKS)
    return all(b.reserved_minutes == b.held and b.reserved_minutes <= b.offered_minutes for b in books)


def _columns(connection: Connection, table: str) -> list[Any]:
    return list(inspect(connection).get_columns(table))


async def test_the_database_is_as_the_program_sees_it(start_service: Start) -> None:
    service = await start_service(build, Settings, "matching")
    async with service.engine.connect() as db:
        for table in metadata.sorted_tables:
            columns = await db.run_sync(_columns, table.name)
            found = {c["name"]: (c["type"].compile(db.dialect), c["nullable"]) for c in columns}
            wanted = {c.name: (c.type.compile(db.dialect), bool(c.nullable)) for c in table.columns}
            assert found == wanted, table.name


async def test_asked_declined_asked_expired_and_nobody_left(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching", offer_expiry_seconds=1.0)
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    job_id = await story.post()
    first = await story.offer(job_id)
    assert first.contractor_id == near.partner_id
    assert isinstance(await story.decline(first), MatchingAccepted)
    second = await story.offer(job_id, nth=2)
    assert second.contractor_id == far.partner_id
    unfilled = await story.outside.message(JobUnfilled, job_id)
    assert unfilled.offers_made == 2
    assert (
        len(story.outside.messages(OfferDeclined, job_id))
        == len(story.outside.messages(OfferExpired, job_id))
        == 1
    )
    late = await story.accept(second)
    assert (type(late), late.code) == (MatchingRejected, "no-open-offer")
    assert await _rows(service, "SELECT 1 FROM capacity WHERE reserved_minutes <> 0") == []


async def test_assigned_with_reasons_and_someone_elses_offer_refused(
    start_service: Start, story: Story
) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    offer = await story.offer(await story.post())
    stranger = await story.accept(offer, by=far.partner_id)
    assert (type(stranger), stranger.code) == (MatchingRejected, "no-open-offer")
    assert isinstance(await story.accept(offer), MatchingAccepted)
    assigned = await story.outside.message(JobAssigned, offer.job_id)
    assert (assigned.contractor_id, assigned.how) == (near.partner_id, "accepted")
    assert far.partner_id in {other.contractor_id for other in assigned.others}
    assert assigned.earnings.estimated_total == eur("625.00")
    by_hand = AssignByHand(job_id=offer.job_id, contractor_id=far.partner_id, reason="again")
    reply = await story.outside.reply_to(
        await story.outside.send(by_hand, actor="distributor:leitstand"), REPLIES
    )
    assert reply.code == "not-open"
    await story.outside.send(
        JobCancelled(
            job_id=offer.job_id,
            job_number=offer.job_number,
            client_id=story.client_id,
            contractor_id=near.partner_id,
            reason=CancelReason.customer_withdrew,
        )
    )
    released = await story.outside.message(AssignmentReleased, offer.job_id)
    assert released.reason == "cancelled"
    assert await _reconciled(service)
    assert await _rows(service, "SELECT 1 FROM capacity WHERE reserved_minutes <> 0") == []


async def test_nobody_who_may_is_unfilled_at_once(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    await story.begin(service, story.partner(suspended=True))
    job_id = await story.post()
    unfilled = await story.outside.message(JobUnfilled, job_id)
    assert {removed.constraint for removed in unfilled.removed} >= {"suspended"}


async def test_a_job_waits_for_its_client_and_its_rate_card(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    contractor = story.partner()
    await story.outside.send(contractor)
    job_id = await story.post()
    await story.begin(service)
    assert (await story.offer(job_id)).contractor_id == contractor.partner_id


async def test_suspended_after_the_award_the_next_one_gets_it(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    job_id = await story.post(OfferPolicy.direct)
    assert (await story.outside.message(JobAssigned, job_id)).contractor_id == near.partner_id
    await story.outside.send(near.model_copy(update={"suspended": True}))
    released = await story.outside.message(AssignmentReleased, job_id)
    assert (released.contractor_id, released.reason) == (near.partner_id, "partner_lapsed")
    again = await story.outside.message(JobAssigned, job_id, nth=2)
    assert (again.contractor_id, again.how) == (far.partner_id, "standing_offer")
    assert await _reconciled(service)


async def test_two_replicas_and_one_free_slot(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    url = str(service.settings.database_url)
    await start_service(build, Settings, "matching", database_url=url)
    only = story.partner(hours="8")
    await story.begin(service, only)
    jobs = await asyncio.gather(*[story.post() for _ in range(24)])
    offers = await asyncio.gather(*[story.offer(job_id) for job_id in jobs])
    replies = await asyncio.gather(*[story.accept(offer) for offer in offers])
    assert sum(isinstance(reply, MatchingAccepted) for reply in replies) == 1
    assert {reply.code for reply in replies if isinstance(reply, MatchingRejected)} <= {
        "gate-capacity",
        "no-open-offer",
    }

    def ended() -> bool:
        ends = [*story.outside.messages(JobAssigned), *story.outside.messages(JobUnfilled)]
        return {end.job_id for end in ends} >= set(jobs)

    await story.outside.until(ended)
    assert len([e for e in story.outside.messages(JobAssigned) if e.job_id in jobs]) == 1
    await until(lambda: _reconciled(service))
    (books,) = await _rows(service, BOOKS)
    assert (books.offered_minutes, books.reserved_minutes, books.held) == (480, 480, 480)


async def _said(service: Running, *arguments: str) -> tuple[str, int]:
    """What the service's own command answers on stdout, and its exit code."""
    environment = {
        "MATCHING_DATABASE_URL": str(service.settings.database_url),
        "MATCHING_KAFKA_BOOTSTRAP_SERVERS": service.settings.kafka_bootstrap_servers,
        "MATCHING_DEVELOPMENT": "true",
    }
    program = Path(sys.executable).with_name("matching")
    run = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=PIPE, stderr=PIPE, env=os.environ | environment
    )
    answer, _ = await run.communicate()
    return answer.decode(), run.returncode or 0


async def test_coverage_is_measured_and_told_when_it_changed(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching", coverage_every_seconds=1.0)

    async def measured() -> list[Reach]:
        """Whatever another test's service had put off is due now."""
        async with service.engine.begin() as db:
            await db.execute(
                text("UPDATE timers SET due_at = now() WHERE name = 'measure' AND due_at > now() + '2 s'")
            )
        return [
            reach
            for told in story.outside.messages(Coverage, "DE")
            for reach in told.reaches
            if reach.certification and reach.certification.product_line == story.line
        ]

    partner = story.partner()
    await story.begin(service, partner)
    await until(measured)
    reaches = await measured()
    assert {(each.response_time, each.certification.level) for each in reaches if each.certification} == {
        (ResponseTime.next_business_day, level) for level in (1, 2, 3)
    }
    alone = measure([contractor_from(partner, 1)], date(2026, 11, 24))
    only = alone.count((Skill("Agfeo", story.line, 1), ResponseTime.next_business_day))
    assert {each.postcodes for each in reaches} == {only}
    command = ["coverage", "--level", "3", "--response-time", "next_business_day"]
    table, _ = await _said(service, *command)
    assert f"Agfeo {story.line} ≥ 3" in table
    spots, _ = await _said(service, *command, "--white-spots", f"Agfeo {story.line}")
    assert len(spots.split()) == 8168 - only
    assert await _said(service, *command, "--white-spots", "Agfeo nobody") == ("", 2)
    assert [
        row.timers
        for row in await _rows(service, "SELECT count(*) AS timers FROM timers WHERE name = 'measure'")
    ] == [1]


async def test_jobs_that_compete_are_planned_together(start_service: Start, story: Story) -> None:
    """One of two can do both kinds: asked for in turn, he would be gone when the job came that only he can do."""
    rare = f"{story.line}Rare"
    both = [
        Certification(manufacturer="Agfeo", product_line=line, level=3, valid_until=FOREVER)
        for line in (story.line, rare)
    ]
    able, other = story.partner(hours="16", certifications=both), story.partner("24941", hours="8")
    service = await start_service(build, Settings, "matching", gather_seconds=WINDOW.total_seconds())
    await story.begin(service, able, other)
    # all in one window; the first is seen first, since partitions have no order among them
    await until(lambda: window_end(datetime.now(UTC), WINDOW) - datetime.now(UTC) > WINDOW * 0.8)
    jobs = [await story.post(OfferPolicy.direct)]
    await story.outside.message(JobAssigned, jobs[0])
    jobs.append(await story.post(OfferPolicy.direct))
    jobs.append(await story.post(OfferPolicy.direct, line=rare))
    given = [await story.outside.message(JobAssigned, job_id) for job_id in jobs]
    assert [each.contractor_id for each in given] == [able.partner_id, other.partner_id, able.partner_id]
    planned = [story.outside.messages(CandidatesRanked, job_id)[0].planned_with for job_id in jobs]
    assert planned == [None, 2, 2]
    assert await _reconciled(service)
