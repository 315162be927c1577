"""What the tests of job-exchange start from: people, prices, a job; and the service in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.decisions import Decision, Outcome
from chassis.outgoing import Outgoing
from chassis.routes import Given
from contracts import job_exchange_work_orders_v1
from contracts.billing_rate_cards_v1 import RateCard, RateCardVersion
from contracts.catalogue import topic_of
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import AmendJob, PostJob, RecordArrival, SubmitStatement
from contracts.matching_assignments_v1 import Candidate, Earnings, JobAssigned
from contracts.messages import Message
from contracts.partner_registry_partners_v1 import Agreement, Partner
from contracts.seal import EndCustomer, new_key, public, seal
from contracts.values import (
    Address,
    AgreementKind,
    CustomerStatus,
    Jwk,
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
from job_exchange.domain.end_customers import SealedEndCustomer
from job_exchange.domain.job import Job
from job_exchange.inbound import readers
from job_exchange.outbound import route as route_out
from job_exchange.sealing import Sealing

MARKER = "Zahnarztpraxis Dr. Mährlein"
"""The end customer of every test: readable nowhere but where he is meant to be."""
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
OWN_KEY = new_key("job-exchange-test", "P-256")
CONTRACTOR_KEY = new_key("contractor-test")
GATEWAY_KEY = new_key("gateway-test")


def published(key: dict[str, Any]) -> dict[str, Any]:
    """The public half of a key."""
    return {name: value for name, value in public(key).items() if name != "use"}


def jwk(key: dict[str, Any]) -> Jwk:
    """The public half, as messages carry it."""
    return Jwk.model_validate(published(key))


GATEWAY = jwk(GATEWAY_KEY)


def end_customer() -> bytes:
    """What a client seals."""
    return (
        EndCustomer(
            name=MARKER,
            street="Norderstraße 77",
            postcode="24937",
            city="Flensburg",
            phone="+49 461 555001",
            notes="Anlage steht im Keller; Schlüssel bei der Nachbarin.",
        )
        .model_dump_json()
        .encode()
    )


@dataclass(frozen=True)
class Story:
    """One job's ids and the messages about it; `now` is when the story begins."""

    now: datetime
    client_id: UUID = field(default_factory=uuid7)
    contractor_id: UUID = field(default_factory=uuid7)
    job_id: UUID = field(default_factory=uuid7)
    rate_card_id: UUID = field(default_factory=uuid7)
    statement_id: UUID = field(default_factory=uuid7)

    def another_job(self) -> Story:
        """The same people and prices."""
        return replace(self, job_id=uuid7(), statement_id=uuid7())

    def client(self, **fields: Any) -> Partner:
        """Posts up to zone 4; statements up to 20 percent over approve themselves."""
        agreement = Agreement(
            kind=AgreementKind.client,
            valid_from=date(2020, 1, 1),
            self_billing_agreed=False,
            auto_approve_percent_over=20,
            highest_travel_zone=4,
        )
        return _partner(self.client_id, **({"agreements": [agreement], "group": "huber"} | fields))

    def contractor(self, *, key: Jwk | None = None, **fields: Any) -> Partner:
        return _partner(self.contractor_id, sealing_key=key, **fields)

    def rate_card(self) -> RateCard:
        """95 euros an hour; travel 29, 59, 99 and 149 euros in zones 1 to 4. In force since today."""
        version = RateCardVersion(
            version=1,
            valid_from=self.now.date(),
            prices=[
                WorkPrice(kind_of_work=kind, client_per_hour=eur("95.00"), contractor_per_hour=eur("78.50"))
                for kind in (KindOfWork.installation, KindOfWork.service)
            ],
            zones=[
                ZoneTravel(zone=zone, up_to_km=km, client_flat=eur(flat), contractor_flat=eur("20.00"))
                for zone, km, flat in (
                    (1, 30, "29.00"),
                    (2, 80, "59.00"),
                    (3, 150, "99.00"),
                    (4, 300, "149.00"),
                )
            ],
            published_at=self.now,
        )
        return RateCard(rate_card_id=self.rate_card_id, versions=[version], **dict(version))

    def post(self, **fields: Any) -> PostJob:
        """Four hours of installation in Flensburg tomorrow, sealed for this job."""
        chosen: dict[str, Any] = {
            "job_id": self.job_id,
            "client_id": self.client_id,
            "postcode": "24937",
            "kind_of_work": KindOfWork.installation,
            "required_certifications": [
                RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2)
            ],
            "window": self.window(timedelta(days=1)),
            "estimated_hours": Decimal("4.00"),
            "response_time": ResponseTime.next_business_day,
            "insurance_sum": eur("1000000.00"),
            "highest_zone": 3,
            "offer_policy": OfferPolicy.sequential,
            "own_reference": OwnReference(order_number="B-4711", cost_centre="KST-7"),
            "summary": "Telefonanlage, 20 Nebenstellen",
        }
        if "end_customer" not in fields:
            chosen["end_customer"] = self.sealed()
        return PostJob(**(chosen | fields))

    def amend(self, **fields: Any) -> AmendJob:
        """The job as `post` has it, with these fields otherwise."""
        chosen = {
            name: value for name, value in self.post().model_dump().items() if name in AmendJob.model_fields
        }
        return AmendJob.model_validate(chosen | fields)

    def window(self, ahead: timedelta) -> Window:
        return Window(starts_at=self.now + ahead, ends_at=self.now + ahead + timedelta(hours=8))

    def sealed(self, *, job_id: UUID | None = None, plaintext: bytes | None = None) -> str:
        return seal(plaintext or end_customer(), public(OWN_KEY), job_id or self.job_id)

    def assigned(self, *, travel_zone: int = 2) -> JobAssigned:
        chosen = Candidate(
            contractor_id=self.contractor_id,
            partner_version=1,
            distance_km=Decimal("61.3"),
            travel_zone=travel_zone,
            eligible=True,
            failed=[],
            terms=[],
        )
        return JobAssigned(
            job_id=self.job_id,
            job_number=job_number(self.job_id),
            client_id=self.client_id,
            contractor_id=self.contractor_id,
            partner_version=1,
            travel_zone=travel_zone,
            distance_km=Decimal("61.3"),
            how="accepted",
            chosen=chosen,
            others=[],
            earnings=Earnings(per_hour=eur("78.50"), travel=eur("49.00"), estimated_total=eur("363.00")),
        )

    def arrival(self, **fields: Any) -> RecordArrival:
        chosen = {"job_id": self.job_id, "contractor_id": self.contractor_id, "arrived_at": self.now}
        return RecordArrival.model_validate(chosen | fields)

    def statement(self, **fields: Any) -> SubmitStatement:
        """4.5 hours, which is within the client's limit of 4.8."""
        chosen: dict[str, Any] = {
            "job_id": self.job_id,
            "contractor_id": self.contractor_id,
            "statement_id": self.statement_id,
            "hours": Decimal("4.50"),
            "travel_km": 122,
            "performed_from": self.now.date(),
            "performed_to": self.now.date(),
            "materials": [],
        }
        return SubmitStatement(**(chosen | fields))


def _partner(partner_id: UUID, **fields: Any) -> Partner:
    chosen: dict[str, Any] = {
        "partner_id": partner_id,
        "customer_number": "K-1000",
        "name": "Bürotechnik Huber GmbH",
        "address": Address(street="Hauptstraße 5", postcode="80331", city="München"),
        "language": "de",
        "customer_status": CustomerStatus.active,
        "agreements": [],
        "certifications": [],
        "suspended": False,
        "excluded_partner_ids": [],
    }
    return Partner(**(chosen | fields))


def today() -> Story:
    """A story that begins now, for a running service."""
    return Story(datetime.now(UTC))


def write_key(file: Path, key: dict[str, Any]) -> Path:
    """A key as it is configured."""
    file.write_text(json.dumps(key))
    return file


class Exchange:
    """The service's decisions over rows in memory: inbound, domain and outbound, without the path."""

    def __init__(self, *, gateway: Jwk | None = GATEWAY) -> None:
        self._readers = readers(Sealing(OWN_KEY, gateway))
        self._rows: dict[str, dict[str, Any]] = {
            rows.name: defaultdict(lambda: None) for reader in self._readers for rows in reader.tables
        }
        self.told: list[Outgoing] = []
        self.timers: dict[str, datetime] = {}

    def know(self, *messages: Message) -> None:
        """Take in reference data."""
        for message in messages:
            self.tell(message, datetime(2026, 3, 1, tzinfo=UTC))
        self._rows["price-list"]["current"] = tuple(self._rows["rate-card"].values())

    def tell(self, message: Message, now: datetime) -> Outcome[Any]:
        """Decide about a message, and take the decision over. Raises Rejected."""
        route = next(
            found
            for reader in self._readers
            if (found := reader.by_message.get((topic_of(type(message)).name, type(message))))
        )
        outcome = route.decide(self._rows[route.rows.name][message.subject], message, self._given(now))
        if isinstance(outcome, Decision):
            self.take_over(route.rows.name, message.subject, outcome)
        return outcome

    def fire(self, job_id: UUID, now: datetime) -> None:
        """Let the job's due timers fire."""
        for name in [name for name, due_at in self.timers.items() if due_at <= now]:
            del self.timers[name]
            route = self._readers[0].by_timer[("job", name)]
            outcome = route.decide(self._rows["job"][str(job_id)], name, self._given(now))
            assert isinstance(outcome, Decision)
            self.take_over("job", str(job_id), outcome)

    def take_over(self, rows: str, row_id: str, decision: Decision[Any]) -> None:
        self._rows[rows][row_id] = decision.state
        for change in decision.also:
            self._rows[change.rows][change.id] = change.value
        for event in decision.events:
            self.told.extend(route_out(event))
        for name, due_at in decision.timers.items():
            self.timers.pop(name, None)
            if due_at is not None:
                self.timers[name] = due_at

    def job(self, job_id: UUID) -> Job:
        found: Job = self._rows["job"][str(job_id)]
        return found

    def sealed(self, job_id: UUID) -> SealedEndCustomer:
        found: SealedEndCustomer = self._rows["sealed-end-customer"][str(job_id)]
        return found

    def events(self, kind: type[Message]) -> list[Any]:
        return [outgoing.message for outgoing in self.told if isinstance(outgoing.message, kind)]

    @property
    def work_orders(self) -> list[Any]:
        """What stands on the restricted topic, in order; None is a tombstone."""
        return [
            outgoing.message for outgoing in self.told if outgoing.topic is job_exchange_work_orders_v1.TOPIC
        ]

    def _given(self, now: datetime) -> Given:
        return Given(now, None, 1, self._rows)
