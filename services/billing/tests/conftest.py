"""What the tests of billing start from: a rate card, two partners, a completed job. They share `billing_books`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contracts.billing_commands_v1 import PublishRateCard
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobCompleted, Statement, StatementCorrected
from contracts.partner_registry_partners_v1 import Agreement
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import (
    Address,
    AgreementKind,
    CustomerStatus,
    KindOfWork,
    OwnReference,
    RequiredCertification,
    WorkPrice,
    ZoneTravel,
    eur,
)

sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class Story:
    """One job's ids and prices, and the messages about it. Each test gets its own."""

    rate_card_id: UUID
    client_id: UUID
    contractor_id: UUID
    job_id: UUID

    def rate_card(self, version: int = 1, **fields: Any) -> PublishRateCard:
        """Client 95.00 and contractor 78.50 an hour, zones 29/24 and 59/49, unless told otherwise."""
        client, contractor = fields.pop("client", "95.00"), fields.pop("contractor", "78.50")
        return PublishRateCard(
            rate_card_id=self.rate_card_id,
            version=version,
            valid_from=date(2026, 1, 1),
            prices=[
                WorkPrice(kind_of_work=kind, client_per_hour=eur(client), contractor_per_hour=eur(contractor))
                for kind in (KindOfWork.installation, KindOfWork.service)
            ],
            zones=[
                ZoneTravel(zone=1, up_to_km=30, client_flat=eur("29.00"), contractor_flat=eur("24.00")),
                ZoneTravel(zone=2, up_to_km=80, client_flat=eur("59.00"), contractor_flat=eur("49.00")),
            ],
            **fields,
        )

    def client(self, **fields: Any) -> PartnerPublished:
        return _partner(self.client_id, **({"name": "Bürotechnik Huber GmbH"} | fields))

    def contractor(self, *, self_billing: bool = True, **fields: Any) -> PartnerPublished:
        agreement = Agreement(
            kind=AgreementKind.contractor,
            valid_from=date(2026, 1, 1),
            self_billing_agreed=self_billing,
            auto_approve_percent_over=0,
            highest_travel_zone=6,
        )
        return _partner(
            self.contractor_id, **({"name": "Systemhaus Förde KG", "agreements": [agreement]} | fields)
        )

    def completed(self, **fields: Any) -> JobCompleted:
        """3.5 hours of installation in Flensburg, zone 2."""
        statement = Statement(
            statement_id=uuid7(),
            version=fields.pop("version", 1),
            hours=fields.pop("hours", Decimal("3.50")),
            travel_km=64,
            performed_from=fields.pop("performed_from", date(2026, 3, 3)),
            performed_to=fields.pop("performed_to", date(2026, 3, 4)),
            materials=[],
            worked=fields.pop("worked", []),
            nobody_there=fields.pop("nobody_there", False),
        )
        chosen: dict[str, Any] = {
            "job_id": self.job_id,
            "job_number": job_number(self.job_id),
            "client_id": self.client_id,
            "contractor_id": self.contractor_id,
            "postcode": "24937",
            "kind_of_work": KindOfWork.installation,
            "required_certifications": [
                RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2)
            ],
            "statement": statement,
            "travel_zone": 2,
            "rate_card_id": self.rate_card_id,
            "rate_card_version": 1,
            "own_reference": OwnReference(order_number="B-4711", cost_centre="KST-7"),
            "approved_by": "client",
            "completed_at": datetime(2026, 3, 4, 16, tzinfo=UTC),
        }
        return JobCompleted(**(chosen | fields))

    def corrected(self, version: int = 2, **fields: Any) -> StatementCorrected:
        """A later version of the statement: three hours, unless told otherwise."""
        told = self.completed(version=version, **({"hours": Decimal("3.00")} | fields))
        return StatementCorrected(**dict(told))

    def another_job(self) -> Story:
        """The same partners and prices, another job."""
        return replace(self, job_id=uuid7())


def _partner(partner_id: UUID, **fields: Any) -> PartnerPublished:
    chosen: dict[str, Any] = {
        "partner_id": partner_id,
        "customer_number": "K-1000",
        "name": "Fachhandel",
        "address": Address(street="Hauptstraße 5", postcode="80331", city="München"),
        "language": "de",
        "customer_status": CustomerStatus.active,
        "vat_id": "DE123456789",
        "agreements": [],
        "certifications": [],
        "suspended": False,
        "excluded_partner_ids": [],
    }
    return PartnerPublished(**(chosen | fields))


@pytest.fixture(scope="session")
def new_story() -> Callable[[], Story]:
    """Stories with ids of their own: topics are shared by the whole session."""
    return lambda: Story(uuid7(), uuid7(), uuid7(), uuid7())


@pytest.fixture
def story(new_story: Callable[[], Story]) -> Story:
    return new_story()
