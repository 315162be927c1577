"""Matching on real Kafka and PostgreSQL. Each test has a certification of its own: topics are shared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import choices
from string import ascii_lowercase
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, inspect, text
from typer.testing import CliRunner

from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts.billing_rate_cards_v1 import RateCard, RateCardVersion
from contracts.catalogue import replies_of
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import CancelReason
from contracts.job_exchange_jobs_v1 import JobCancelled, JobPosted
from contracts.matching_assignments_v1 import (
    AssignmentReleased,
    JobAssigned,
    JobOffered,
    JobUnfilled,
    OfferDeclined,
    OfferExpired,
)
from contracts.matching_commands_v1 import AcceptOffer, AssignByHand, DeclineOffer, DeclineReason
from contracts.matching_coverage_v1 import Coverage, Reach
from contracts.partner_registry_partners_v1 import Agreement, Availability, Insurance, Partner
from contracts.replies_v1 import MatchingAccepted, MatchingRejected
from contracts.values import (
    Address,
    AgreementKind,
    Certification,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
    WorkPrice,
    ZoneTravel,
    eur,
)
from matching.app import build, main
from matching.coverage import measure
from matching.domain.coverage import Skill
from matching.settings import Settings
from matching.tables import metadata
from matching.translation import contractor_from

pytestmark = pytest.mark.stack

REPLIES = replies_of("matching")
Start = Callable[..., Awaitable[Running]]
FOREVER = date(2099, 12, 31)


@dataclass
class Story:
    """A client, a rate card and partners around Flensburg who alone hold this story's certification."""

    outside: Outside
    line: str = field(default_factory=lambda: "".join(choices(ascii_lowercase, k=12)))
    client_id: UUID = field(default_factory=uuid7)
    rate_card_id: UUID = field(default_factory=uuid7)

    async def begin(self, *partners: Partner) -> None:
        for partner in (self.partner(partner_id=self.client_id, availability=None), *partners):
            await self.outside.send(partner)
        await self.outside.send(self.rate_card())

    def partner(self, postcode: str = "24937", hours: str = "40", **changed: Any) -> Partner:
        fit: dict[str, Any] = {
            "partner_id": uuid7(),
            "customer_number": "K-1",
            "name": "Fernmeldetechnik Nord",
            "address": Address(street="Norderstr. 1", postcode=postcode, city="Flensburg"),
            "language": "de",
            "customer_status": CustomerStatus.active,
            "agreements": [
                Agreement(
                    kind=AgreementKind.contractor,
                    valid_from=date(2020, 1, 1),
                    self_billing_agreed=True,
                    auto_approve_percent_over=0,
                    highest_travel_zone=1,
                )
            ],
            "insurance": Insurance(
                sum_insured=eur("3000000.00"), valid_from=date(2020, 1, 1), valid_until=FOREVER
            ),
            "certifications": [
                Certification(manufacturer="Agfeo", product_line=self.line, level=3, valid_until=FOREVER)
            ],
            "availability": Availability(
                radius_km=100,
                nationwide=False,
                weekly_hours=Decimal(hours),
                kinds_of_work=[KindOfWork.installation],
                response_times=[ResponseTime.next_business_day],
                standing_offer=True,
            ),
            "suspended": False,
            "excluded_partner_ids": [],
        }
        return Partner(**fit | changed)

    def rate_card(self) -> RateCard:
        version = RateCardVersion(
            version=1,
            valid_from=date(2020, 1, 1),
            prices=[
                WorkPrice(
                    kind_of_work=KindOfWork.installation,
                    client_per_hour=eur("95.00"),
                    contractor_per_hour=eur("72.50"),
                )
            ],
            zones=[ZoneTravel(zone=1, up_to_km=150, client_flat=eur("60.00"), contractor_flat=eur("45.00"))],
            published_at=datetime.now(UTC),
        )
        return RateCard(rate_card_id=self.rate_card_id, versions=[version], **dict(version))

    async def post(self, policy: OfferPolicy = OfferPolicy.sequential) -> UUID:
        job_id = uuid7()
        starts_at = datetime.now(UTC) + timedelta(days=10)
        await self.outside.send(
            JobPosted(
                job_id=job_id,
                job_number=job_number(job_id),
                client_id=self.client_id,
                postcode="24937",
                kind_of_work=KindOfWork.installation,
                required_certifications=[
                    RequiredCertification(manufacturer="Agfeo", product_line=self.line, level=2)
                ],
                window=Window(starts_at=starts_at, ends_at=starts_at + timedelta(hours=8)),
                estimated_hours=Decimal(8),
                response_time=ResponseTime.next_business_day,
                insurance_sum=eur("1000000.00"),
                highest_zone=1,
                offer_policy=policy,
                rate_card_id=self.rate_card_id,
                rate_card_version=1,
                own_reference=OwnReference(),
                summary="Telefonanlage",
                posted_at=datetime.now(UTC),
            )
        )
        return job_id

    async def offer(self, job_id: UUID, nth: int = 1) -> JobOffered:
        found: JobOffered = await self.outside.message(JobOffered, job_id, nth=nth)
        return found

    async def accept(self, offer: JobOffered, by: UUID | None = None) -> Any:
        contractor_id = by or offer.contractor_id
        command = AcceptOffer(job_id=offer.job_id, contractor_id=contractor_id, offer_id=offer.offer_id)
        return await self.outside.reply_to(
            await self.outside.send(command, actor=f"partner:{contractor_id}"), REPLIES
        )

    async def decline(self, offer: JobOffered) -> Any:
        command = DeclineOffer(
            job_id=offer.job_id,
            contractor_id=offer.contractor_id,
            offer_id=offer.offer_id,
            reason=DeclineReason.too_far,
        )
        return await self.outside.reply_to(
            await self.outside.send(command, actor=f"partner:{offer.contractor_id}"), REPLIES
        )


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
    await story.begin(near, far)
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
    await story.begin(near, far)
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
    await start_service(build, Settings, "matching")
    await story.begin(story.partner(suspended=True))
    job_id = await story.post()
    unfilled = await story.outside.message(JobUnfilled, job_id)
    assert {removed.constraint for removed in unfilled.removed} >= {"suspended"}


async def test_a_job_waits_for_its_client_and_its_rate_card(start_service: Start, story: Story) -> None:
    await start_service(build, Settings, "matching")
    contractor = story.partner()
    await story.outside.send(contractor)
    job_id = await story.post()
    await story.begin()
    assert (await story.offer(job_id)).contractor_id == contractor.partner_id


async def test_suspended_after_the_award_the_next_one_gets_it(start_service: Start, story: Story) -> None:
    service = await start_service(build, Settings, "matching")
    near, far = story.partner(), story.partner("24941")
    await story.begin(near, far)
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
    await story.begin(only)
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
    await story.begin(partner)
    await until(measured)
    reaches = await measured()
    assert {(each.response_time, each.certification.level) for each in reaches if each.certification} == {
        (ResponseTime.next_business_day, level) for level in (1, 2, 3)
    }
    alone = measure([contractor_from(partner, 1)], date(2026, 11, 24))
    only = alone.count((Skill("Agfeo", story.line, 1), ResponseTime.next_business_day))
    assert {each.postcodes for each in reaches} == {only}
    environment = {
        "MATCHING_DATABASE_URL": str(service.settings.database_url),
        "MATCHING_KAFKA_BOOTSTRAP_SERVERS": service.settings.kafka_bootstrap_servers,
        "MATCHING_DEVELOPMENT": "true",
    }
    command = ["coverage", "--level", "3", "--response-time", "next_business_day"]
    table = await asyncio.to_thread(CliRunner().invoke, main, command, env=environment)
    assert f"Agfeo {story.line} ≥ 3" in table.output
    asked = [*command, "--white-spots", f"Agfeo {story.line}"]
    spots = await asyncio.to_thread(CliRunner().invoke, main, asked, env=environment)
    assert len(spots.output.split()) == 8168 - only
    asked[-1] = "Agfeo nobody"
    assert (await asyncio.to_thread(CliRunner().invoke, main, asked, env=environment)).exit_code == 2
    assert [
        row.timers
        for row in await _rows(service, "SELECT count(*) AS timers FROM timers WHERE name = 'measure'")
    ] == [1]
