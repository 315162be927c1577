"""A client, a rate card and partners on real topics, seen from outside. For tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import choices
from string import ascii_lowercase
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts.billing_rate_cards_v1 import RateCard, RateCardVersion
from contracts.catalogue import replies_of
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobAmended, JobPosted
from contracts.matching_assignments_v1 import JobOffered
from contracts.matching_commands_v1 import AcceptOffer, DeclineOffer, DeclineReason
from contracts.partner_registry_partners_v1 import Agreement, Availability, Insurance, Partner
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
from matching.candidates import PartnerIndex
from matching.tables import contractor

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
    posted: dict[UUID, JobPosted] = field(default_factory=dict)

    async def begin(self, service: Running, *partners: Partner) -> None:
        """Return when the service knows them all, in its database and in memory."""
        everybody = (self.partner(partner_id=self.client_id, availability=None), *partners)
        for partner in everybody:
            await self.outside.send(partner)
        await self.outside.send(self.rate_card())
        ids = [partner.partner_id for partner in everybody]
        memory = next(each.index for each in service.service.indexes if isinstance(each.index, PartnerIndex))
        known = select(func.count()).select_from(contractor).where(contractor.c.partner_id.in_(ids))

        async def knows() -> bool:
            async with service.engine.connect() as db:
                count = (await db.execute(known)).scalar_one()
            return count == len(ids) and all(memory.version_of(each) for each in ids)

        await until(knows)

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

    async def post(self, policy: OfferPolicy = OfferPolicy.sequential, line: str | None = None) -> UUID:
        job_id = uuid7()
        starts_at = datetime.now(UTC) + timedelta(days=10)
        self.posted[job_id] = JobPosted(
            job_id=job_id,
            job_number=job_number(job_id),
            client_id=self.client_id,
            postcode="24937",
            kind_of_work=KindOfWork.installation,
            required_certifications=[
                RequiredCertification(manufacturer="Agfeo", product_line=line or self.line, level=2)
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
        await self.outside.send(self.posted[job_id])
        return job_id

    async def amend(self, job_id: UUID, **changed: Any) -> None:
        as_posted = dict(self.posted[job_id])
        await self.outside.send(JobAmended(**as_posted | changed, amended_at=datetime.now(UTC)))

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
