"""How soon a replica is ready: with nothing, and with a snapshot and what came since."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from aiokafka import AIOKafkaProducer
from pydantic import PostgresDsn

from chassis.kafka import create_topics
from chassis.reference import IndexReader
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.partner_registry_partners_v1 import TOPIC, Agreement, Availability, Insurance, Partner
from contracts.values import Address, AgreementKind, eur
from matching.candidates import PartnerIndex
from matching.domain.model import Contractor
from matching.settings import Settings

CHANGED_SINCE = 2_000
AT_ONCE = 1_000


@dataclass(frozen=True)
class Ready:
    """Seconds until every partner on the topic is in memory."""

    partners: int
    from_topic_s: float
    from_snapshot_s: float


async def measure(bootstrap: str, folder: Path, partners: Iterable[tuple[str, Contractor]]) -> Ready:
    """Partners with their postcodes, published as the registry does; the snapshot lies in `folder`."""
    settings = Settings(
        database_url=PostgresDsn("postgresql+asyncpg://nobody@localhost/none"),
        kafka_bootstrap_servers=bootstrap,
        development=True,
        snapshot_folder=folder,
    )
    await create_topics(settings, [TOPIC])
    messages = [_message(postcode, contractor) for postcode, contractor in partners]
    await _publish(bootstrap, messages, 1)
    first = PartnerIndex()
    from_topic = await _read(settings, first)
    await _publish(bootstrap, messages[:CHANGED_SINCE], 2)
    second = PartnerIndex()
    from_snapshot = await _read(settings, second)
    assert len(first) == len(second) == len(messages)
    assert second.version_of(messages[0].partner_id) == 2
    return Ready(len(messages), from_topic, from_snapshot)


async def _read(settings: Settings, index: PartnerIndex) -> float:
    reader = IndexReader(TOPIC, index)
    begun = time.perf_counter()
    task = asyncio.create_task(reader.run(settings))
    await reader.caught_up.wait()
    index.merge()
    took = time.perf_counter() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return took


async def _publish(bootstrap: str, messages: list[Partner], version: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=131_072, linger_ms=5) as producer:
        for begin in range(0, len(messages), AT_ONCE):
            sent = [
                await producer.send(
                    TOPIC.name,
                    each.write(),
                    each.subject.encode(),
                    headers=_envelope(each, version).to_headers(),
                )
                for each in messages[begin : begin + AT_ONCE]
            ]
            await asyncio.gather(*sent)


def _envelope(message: Partner, version: int) -> Envelope:
    return Envelope(
        id=str(uuid7()),
        source="partner-registry",
        type=message.TYPE,
        subject=message.subject,
        time=datetime.now(UTC),
        dataschema=f"{TOPIC.name}/Partner.json",
        subjectversion=version,
    )


def _message(postcode: str, contractor: Contractor) -> Partner:
    availability, insurance = contractor.availability, contractor.insurance
    assert availability is not None
    assert insurance is not None
    return Partner(
        partner_id=uuid7(),
        customer_number="K-100000",
        name="Fernmeldetechnik Muster GmbH",
        address=Address(street="Hauptstraße 1", postcode=postcode, city="Musterstadt"),
        language="de",
        customer_status=contractor.customer_status,
        group=contractor.group,
        agreements=[
            Agreement(
                kind=AgreementKind.contractor,
                valid_from=term.valid_from,
                valid_until=term.valid_until,
                self_billing_agreed=True,
                auto_approve_percent_over=10,
                highest_travel_zone=3,
            )
            for term in contractor.agreements
        ],
        insurance=Insurance(
            sum_insured=eur(Decimal(insurance.sum_cents).scaleb(-2)),
            valid_from=insurance.valid_from,
            valid_until=insurance.valid_until,
        ),
        certifications=list(contractor.certifications),
        availability=Availability(
            radius_km=availability.radius_km,
            nationwide=availability.nationwide,
            weekly_hours=Decimal(availability.weekly_minutes) / 60,
            kinds_of_work=sorted(availability.kinds_of_work),
            response_times=sorted(availability.response_times),
            standing_offer=availability.standing_offer,
        ),
        suspended=contractor.suspended,
        excluded_partner_ids=[],
    )
