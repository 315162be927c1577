"""Offers to several, the dispatcher's commands, revocations and standings, on real Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from chassis.service import Running
from chassis.testing.network import until
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobCompleted, JobStarted, Statement
from contracts.matching_assignments_v1 import (
    AssignmentKept,
    AssignmentReleased,
    CandidatesRanked,
    JobAssigned,
    JobHeld,
    JobOffered,
    OfferWithdrawn,
)
from contracts.matching_commands_v1 import (
    HoldJob,
    RankAgain,
    RateContractor,
    ReleaseAssignment,
    ReleaseReason,
)
from contracts.matching_standings_v1 import Standing
from contracts.messages import Command
from contracts.replies_v1 import MatchingAccepted
from contracts.values import KindOfWork, OfferPolicy, OwnReference, Window
from matching.app import build, main
from matching.desk import find, ranking_now, replayed
from matching.domain.explanation import same
from matching.domain.model import day_of, week_of
from matching.settings import Settings
from matching.testing_outside import REPLIES, Start, Story

pytestmark = pytest.mark.stack


@pytest.fixture
def story(outside: Any) -> Story:
    return Story(outside)


async def _ask(story: Story, command: Command, actor: str) -> Any:
    return await story.outside.reply_to(await story.outside.send(command, actor=actor), REPLIES)


async def test_insurance_revoked_between_ranking_and_award_the_next_gets_it(
    start_service: Start, story: Story
) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    offer = await story.offer(await story.post())
    assert offer.contractor_id == near.partner_id
    await story.outside.send(near.model_copy(update={"insurance": None}))
    withdrawn = await story.outside.message(OfferWithdrawn, offer.job_id)
    assert (withdrawn.contractor_id, withdrawn.reason) == (near.partner_id, "partner_lapsed")
    assert (await story.accept(offer)).code == "no-open-offer"
    assert isinstance(await story.accept(await story.offer(offer.job_id, nth=2)), MatchingAccepted)
    assigned = await story.outside.message(JobAssigned, offer.job_id)
    assert assigned.contractor_id == far.partner_id
    (gone,) = [other for other in assigned.others if other.contractor_id == near.partner_id]
    assert [(f.constraint, f.fact_de) for f in gone.failed] == [
        ("insurance", "keine Haftpflichtversicherung bekannt")
    ]


async def test_who_declined_is_asked_again_after_an_amendment_and_keeps_what_he_can_still_do(
    start_service: Start, story: Story
) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(hours="16"), story.partner("24941")
    await story.begin(service, near, far)
    job_id = await story.post()
    assert isinstance(await story.decline(await story.offer(job_id)), MatchingAccepted)
    second = await story.offer(job_id, nth=2)
    assert second.contractor_id == far.partner_id
    await story.amend(job_id, estimated_hours=Decimal(4))
    withdrawn = await story.outside.message(OfferWithdrawn, job_id)
    assert (withdrawn.offer_id, withdrawn.reason) == (second.offer_id, "amended")
    again = await story.offer(job_id, nth=3)
    assert again.contractor_id == near.partner_id
    assert isinstance(await story.accept(again), MatchingAccepted)
    later = story.posted[job_id].window.starts_at + timedelta(days=7)
    await story.amend(
        job_id,
        estimated_hours=Decimal(16),
        window=Window(starts_at=later, ends_at=later + timedelta(hours=8)),
    )
    kept = await story.outside.message(AssignmentKept, job_id)
    assert kept.contractor_id == near.partner_id
    assert await _reserved(service, near.partner_id) == {week_of(day_of(later)): 960}
    await story.amend(job_id, estimated_hours=Decimal(17))
    released = await story.outside.message(AssignmentReleased, job_id)
    assert (released.contractor_id, released.reason) == (near.partner_id, "amended")
    assert (await story.offer(job_id, nth=4)).contractor_id == far.partner_id
    assert await _reserved(service, near.partner_id) == {}
    await _every_round_comes_out_the_same(service, job_id, rounds=4)


async def _reserved(service: Running, partner_id: UUID) -> dict[str, int]:
    question = text(
        "SELECT week, reserved_minutes FROM capacity WHERE partner_id = :partner AND reserved_minutes > 0"
    )
    async with service.engine.connect() as db:
        found = await db.execute(question, {"partner": partner_id})
        return {row.week: row.reserved_minutes for row in found}


async def test_three_are_asked_one_lapses_one_wins_one_is_late(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    partners = [story.partner(postcode) for postcode in ("24937", "24939", "24941")]
    await story.begin(service, *partners)
    job_id = await story.post(OfferPolicy.broadcast)
    offers = [await story.offer(job_id, nth=nth) for nth in (1, 2, 3)]
    assert {o.contractor_id for o in offers} == {p.partner_id for p in partners}
    lapses = next(p for p in partners if p.partner_id == offers[2].contractor_id)
    await story.outside.send(lapses.model_copy(update={"suspended": True}))
    withdrawn = await story.outside.message(OfferWithdrawn, job_id)
    assert (withdrawn.offer_id, withdrawn.reason) == (offers[2].offer_id, "partner_lapsed")
    replies = await asyncio.gather(story.accept(offers[0]), story.accept(offers[1]))
    assert sorted(type(reply).__name__ for reply in replies) == ["MatchingAccepted", "MatchingRejected"]
    assert await story.outside.message(JobAssigned, job_id)
    await story.outside.message(OfferWithdrawn, job_id, nth=2)
    assert len(story.outside.messages(JobAssigned, job_id)) == 1


async def test_hold_rank_again_and_release_are_the_distributors(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    first = await story.offer(await story.post())
    job_id, dispatcher = first.job_id, "distributor:leitstand"
    hold, again = HoldJob(job_id=job_id, reason="access"), RankAgain(job_id=job_id, reason="clear now")
    for command in (hold, again):
        reply = await _ask(story, command, f"partner:{near.partner_id}")
        assert reply.code == "not-allowed"
    assert isinstance(await _ask(story, hold, dispatcher), MatchingAccepted)
    assert (await story.outside.message(JobHeld, job_id)).client_id == story.client_id
    assert (await story.accept(first)).code == "no-open-offer"
    assert isinstance(await _ask(story, again, dispatcher), MatchingAccepted)
    assert isinstance(await story.accept(await story.offer(job_id, nth=2)), MatchingAccepted)
    await story.outside.message(JobAssigned, job_id)
    back = ReleaseAssignment(job_id=job_id, contractor_id=near.partner_id, reason=ReleaseReason.other)
    assert (await _ask(story, back, f"partner:{far.partner_id}")).code == "not-allowed"
    assert isinstance(await _ask(story, back, dispatcher), MatchingAccepted)
    assert (await story.outside.message(AssignmentReleased, job_id)).reason == "released"
    assert (await story.offer(job_id, nth=3)).contractor_id == far.partner_id
    await _every_round_comes_out_the_same(service, job_id, rounds=3)
    told = await _command(service, "explain", str(job_id), "--language", "en")
    acts = [line.split("  ")[1] for line in told.splitlines() if f" by {dispatcher}" in line]
    assert acts == [f"held by {dispatcher}", f"ranked-again by {dispatcher}"]
    assert told.index("\n  access\n") < told.index("\n  clear now\n") < told.index("round 2")


async def _every_round_comes_out_the_same(service: Running, job_id: UUID, rounds: int) -> None:
    """Neighbours of other tests are in memory, from the topic's beginning, and never in this test's database."""
    async with service.engine.connect() as db:
        state = await find(db, job_number(job_id))
        assert state is not None
        assert state.job.job_id == job_id
        again = await replayed(db, state)
    assert [one.number for one, _ in again] == list(range(1, len(again) + 1))
    assert len(again) >= rounds, "and one more for each time that the database lagged behind"
    for one, other in again:
        assert (other.seen, other.asked) == (one.seen, one.asked)
        missing = {partner_id for partner_id, _ in other.missing}
        assert not missing & {each.partner_id for each in one.seen if each.constraint is None}
        assert same(one, other) is not bool(missing)


async def test_a_changed_partner_is_replayed_as_he_was_and_ranked_as_he_is(
    start_service: Start, story: Story
) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(service, near, far)
    offer = await story.offer(await story.post())
    await story.outside.send(near.model_copy(update={"certifications": []}))
    await story.offer(offer.job_id, nth=2)
    await _every_round_comes_out_the_same(service, offer.job_id, rounds=2)
    async with service.engine.connect() as db:
        state = await find(db, str(offer.job_id))
        assert state is not None
        now = await ranking_now(db, state)
        assert [one.partner_id for one in now.seen if one.constraint is None] == [far.partner_id]
        assert {one.partner_id: one.constraint for one in now.seen}[near.partner_id] == "certification"
        assert await find(db, "A00000000") is None
    said = await _command(service, "explain", str(offer.job_id), "--language", "en")
    assert f"{near.partner_id} v2" in said
    assert f"lacks Agfeo {story.line} level 2" in said
    why_not = await _command(service, "why-not", str(offer.job_id), str(near.partner_id))
    asked, *_, now_he = why_not.splitlines()
    assert asked.endswith("er wurde gefragt")
    assert " now  certification: ohne Agfeo" in now_he
    unknown = await _command(service, "why-not", str(offer.job_id), str(uuid7()), fails=True)
    assert "there is no partner" in unknown
    assert "ohne Agfeo" in await _command(service, "ranked", job_number(offer.job_id))
    assert "round 2: " in await _command(service, "replay", str(offer.job_id), fails=None)
    assert "there is no job" in await _command(service, "replay", str(uuid7()), fails=True)
    assert "2026-2 (in force): distance 0.35" in await _command(service, "policies")


async def test_why_not_he_has_an_answer_for_everybody_in_reach(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    qualified = story.partner()
    others = [story.partner().model_copy(update={"certifications": []}) for _ in range(8)]
    await story.begin(service, qualified, *others)
    offer = await story.offer(await story.post())
    for other in others:
        told = await _command(service, "why-not", str(offer.job_id), str(other.partner_id))
        assert " now  certification: ohne Agfeo" in told
    ranked = await _command(service, "ranked", str(offer.job_id), "--most", "4")
    assert "… and " in ranked.splitlines()[-1]


async def _command(service: Running, *words: str, fails: bool | None = False) -> str:
    environment = {
        "MATCHING_DATABASE_URL": str(service.settings.database_url),
        "MATCHING_KAFKA_BOOTSTRAP_SERVERS": "nobody:1",
        "MATCHING_DEVELOPMENT": "true",
    }
    # the commands have an event loop of their own
    done = await asyncio.to_thread(lambda: CliRunner().invoke(main, list(words), env=environment))
    assert fails is None or (done.exit_code != 0) is fails, done.output
    return done.output


async def test_what_partners_did_counts_and_changes_the_order(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    one, other = story.partner(), story.partner()
    await story.begin(service, one, other)
    offer = await story.offer(await story.post())
    first = offer.contractor_id
    assert isinstance(await story.accept(offer), MatchingAccepted)
    await _work(story, offer)
    rating = RateContractor(job_id=offer.job_id, client_id=story.client_id, contractor_id=first, stars=1)

    async def rated() -> bool:
        return isinstance(await _ask(story, rating, f"partner:{story.client_id}"), MatchingAccepted)

    await until(rated)
    assert (await _ask(story, rating, f"partner:{story.client_id}")).code == "rated-already"
    async with service.engine.begin() as db:
        # the next whole minute is now
        await db.execute(text("UPDATE timers SET due_at = now() WHERE name = 'count'"))
    his = await story.outside.message(Standing, first)
    assert his.model_dump(exclude={"partner_id"}) == {
        "asked": 1, "kept": 1, "ratings": 1, "stars": 1, "given_minutes": 0, "taken_minutes": 390,
    }  # fmt: skip
    assert (await story.outside.message(Standing, story.client_id)).given_minutes == 390
    reader = service.service.indexes[1]

    def known() -> bool:
        return bool(reader.index.of(first).ratings)  # type: ignore[attr-defined]

    await until(known)
    again = await story.offer(await story.post())
    assert again.contractor_id == ({one.partner_id, other.partner_id} - {first}).pop()
    ranked = await story.outside.message(CandidatesRanked, again.job_id)
    ratings = [term.value for each in ranked.candidates[:2] for term in each.terms if term.name == "rating"]
    assert ratings == [Decimal("0.75"), Decimal("0.625")]


async def _work(story: Story, offer: JobOffered) -> None:
    told: dict[str, Any] = {
        "job_id": offer.job_id,
        "job_number": offer.job_number,
        "client_id": story.client_id,
    }
    today = date.today()  # noqa: DTZ011  # any day will do
    statement = Statement(
        statement_id=uuid7(), version=1, hours=Decimal("6.5"), travel_km=10,
        performed_from=today, performed_to=today, materials=[],
    )  # fmt: skip
    await story.outside.send(
        JobStarted(**told, contractor_id=offer.contractor_id, arrived_at=datetime.now(UTC))
    )
    await story.outside.send(
        JobCompleted(
            **told, contractor_id=offer.contractor_id, postcode="24937", statement=statement, travel_zone=1,
            kind_of_work=KindOfWork.installation, required_certifications=[], approved_by="client",
            rate_card_id=story.rate_card_id, rate_card_version=1, own_reference=OwnReference(),
            completed_at=datetime.now(UTC),
        )
    )  # fmt: skip
