"""What a candidate is told he earns is what billing will pay by the same version of the rate card."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from contracts.billing_rate_cards_v1 import RateCard as PublishedRateCard
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobAmended, JobPosted
from contracts.values import (
    KindOfWork,
    OfferPolicy,
    OwnReference,
    QualifiedPrice,
    RequiredCertification,
    ResponseSurcharge,
    ResponseTime,
    Window,
    WorkPrice,
    ZoneTravel,
    eur,
)
from matching.domain.awards import earnings
from matching.domain.model import RateCard
from matching.translation import amended, job_from, rate_card_from

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CARD = uuid7()


def certified(level: int, line: str = "OpenScape") -> RequiredCertification:
    return RequiredCertification(manufacturer="Unify", product_line=line, level=level)


def qualified(level: int, client: str, contractor: str) -> QualifiedPrice:
    return QualifiedPrice(
        kind_of_work=KindOfWork.installation,
        client_per_hour=eur(client),
        contractor_per_hour=eur(contractor),
        certification=certified(level),
    )


def published(**terms: Any) -> PublishedRateCard:
    version = RateCardVersion(
        version=1,
        valid_from=date(2026, 1, 1),
        prices=[
            WorkPrice(
                kind_of_work=KindOfWork.installation,
                client_per_hour=eur("95.00"),
                contractor_per_hour=eur("78.50"),
            )
        ],
        zones=[ZoneTravel(zone=1, up_to_km=30, client_flat=eur("29.00"), contractor_flat=eur("24.00"))],
        published_at=NOW,
        **terms,
    )
    return PublishedRateCard(rate_card_id=CARD, versions=[version], **dict(version))


def posted(hours: str, *asked: RequiredCertification) -> JobPosted:
    job_id = uuid7()
    return JobPosted(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=uuid7(),
        postcode="24937",
        kind_of_work=KindOfWork.installation,
        required_certifications=list(asked),
        window=Window(starts_at=NOW, ends_at=NOW + timedelta(hours=8)),
        estimated_hours=Decimal(hours),
        response_time=ResponseTime.four_hours,
        highest_zone=1,
        offer_policy=OfferPolicy.sequential,
        rate_card_id=CARD,
        rate_card_version=1,
        own_reference=OwnReference(),
        summary="Telefonanlage",
        posted_at=NOW,
    )


RESPONSE = [
    ResponseSurcharge(
        response_time=ResponseTime.four_hours, client_flat=eur("80.00"), contractor_flat=eur("60.00")
    )
]


@pytest.mark.parametrize(
    ("terms", "hours", "asked", "per_hour", "total"),
    [
        ({}, "3.50", [], "78.50", "298.75"),
        ({"minimum_hours": Decimal("2.00")}, "0.50", [], "78.50", "181.00"),
        ({"step_minutes": 60}, "3.25", [], "78.50", "338.00"),
        ({"response_surcharges": RESPONSE}, "1.00", [], "78.50", "162.50"),
        # the price that is dearest for the client counts, as it does when it is billed
        ({"qualified_prices": [qualified(1, "110.00", "92.00"), qualified(2, "120.00", "90.00")]},
         "1.00", [certified(2)], "90.00", "114.00"),
        ({"qualified_prices": [qualified(1, "110.00", "92.00"), qualified(2, "120.00", "90.00")]},
         "1.00", [certified(1)], "92.00", "116.00"),
        ({"qualified_prices": [qualified(2, "120.00", "90.00")]}, "1.00", [certified(1)], "78.50", "102.50"),
        ({"qualified_prices": [qualified(1, "120.00", "90.00")]}, "1.00", [certified(5, "HiPath")], "78.50", "102.50"),
        ({"qualified_prices": [qualified(1, "94.00", "90.00")]}, "1.00", [certified(1)], "78.50", "102.50"),
    ],
)  # fmt: skip
def test_a_candidate_is_told_what_the_rate_card_gives_him(
    terms: dict[str, Any], hours: str, asked: list[RequiredCertification], per_hour: str, total: str
) -> None:
    stored = TypeAdapter(RateCard)
    card = stored.validate_json(stored.dump_json(rate_card_from(published(**terms))))  # as the store does
    job = job_from(posted(hours, *asked), card.tariff(1))
    told = earnings(job, 1)
    assert (told.per_hour, told.travel, told.estimated_total) == (eur(per_hour), eur("24.00"), eur(total))
    assert job.hours == Decimal(hours), "what is paid for is not what it takes of his capacity"


def test_an_amended_job_has_the_price_of_what_it_asks_for_now() -> None:
    card = rate_card_from(
        published(qualified_prices=[qualified(1, "120.00", "90.00")], minimum_hours=Decimal("2.00"))
    )
    before = posted("1.00")
    job = job_from(before, card.tariff(1))
    assert earnings(job, 1).estimated_total == eur("181.00")
    change = before.model_dump() | {
        "required_certifications": [certified(1)],
        "estimated_hours": Decimal("3.00"),
        "amended_at": NOW,
    }
    anew = amended(job, JobAmended(**change), card.tariff(1))
    assert earnings(anew, 1).estimated_total == eur("294.00")
    unknown = amended(job, JobAmended(**change), None)
    assert (unknown.per_hour, unknown.zones) == (job.per_hour, job.zones)
