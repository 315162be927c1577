"""Connections to the broker: one set of options for consumers, producers and topic administration."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from chassis.publish import LARGEST_REQUEST
from chassis.settings import ServiceSettings
from contracts import catalogue
from contracts.catalogue import Topic

USUAL_REPLICATION = 3
RETRY_BACKOFF_MS = 500
"""Between two attempts to reach a broker that is away. A consumer makes them in several places at once, for ever and
without growing pauses. At the library's 100 ms four services took a quarter of a core meanwhile (now a tenth); behind a
proxy that accepts and hangs up, eight took two cores, and the broker was slow to come back.
"""
LEADER_TRIES, LEADER_SECONDS = 100, 0.1


def options(settings: ServiceSettings, client: str) -> dict[str, Any]:
    """aiokafka's options for reaching the broker."""
    secure = settings.kafka_security_protocol.endswith("SSL")
    sasl = settings.kafka_security_protocol.startswith("SASL")
    return {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "client_id": client,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": _tls(settings) if secure else None,
    } | (
        {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password,
        }
        if sasl
        else {}
    )


def broker(settings: ServiceSettings, client: str) -> KafkaBroker:
    """FastStream's broker, for consuming only: publishing goes through the outbox."""
    return KafkaBroker(
        settings.kafka_bootstrap_servers.split(","),
        client_id=client,
        security=_security(settings),
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        graceful_timeout=None,
        logger=None,
        request_timeout_ms=10_000,
        retry_backoff_ms=RETRY_BACKOFF_MS,
        metadata_max_age_ms=30_000,
    )


def producer(settings: ServiceSettings, client: str) -> AIOKafkaProducer:
    """An idempotent producer: in order, and no repeats of its own."""
    return AIOKafkaProducer(
        **options(settings, client),
        enable_idempotence=True,
        acks="all",
        max_request_size=LARGEST_REQUEST,
        max_batch_size=131_072,
        request_timeout_ms=8_000,
        retry_backoff_ms=50,
        metadata_max_age_ms=30_000,
    )


async def create_topics(settings: ServiceSettings, topics: list[Topic]) -> list[str]:
    """Create what is missing, as the catalogue has it; returns the names created. What exists is left as it is."""
    admin = AIOKafkaAdminClient(**options(settings, "servicenetz-prepare"))
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        replication = settings.kafka_replication or min(USUAL_REPLICATION, brokers)
        response = await admin.create_topics(
            [
                NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.config())
                for topic in topics
            ]
        )
        await _until_led(admin, topics)
    finally:
        await admin.close()
    created = []
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise error(f"topic {name}")
    return created


async def cluster_id(settings: ServiceSettings) -> str:
    """The broker's own name for its cluster: offsets mean something in there only."""
    admin = AIOKafkaAdminClient(**options(settings, "servicenetz-cluster"))
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def _until_led(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """A partition just created has no leader for a moment; clients that come then complain for seconds."""
    names = [topic.name for topic in topics]
    for _ in range(LEADER_TRIES):
        found = await admin.describe_topics(names)
        if all(
            part["leader"] >= 0 and part["error_code"] == 0 for topic in found for part in topic["partitions"]
        ):
            return
        await asyncio.sleep(LEADER_SECONDS)


def topics_of(service: str) -> list[Topic]:
    """The topics a service owns, and those written from outside that only it reads."""
    return [
        topic
        for topic in catalogue.TOPICS.values()
        if topic.owner == service or (topic.owner == "crm" and topic.readers == (service,))
    ]


def _tls(settings: ServiceSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(settings.kafka_ca_file) if settings.kafka_ca_file else None)


def _security(settings: ServiceSettings) -> BaseSecurity | None:
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    context = _tls(settings) if settings.kafka_security_protocol.endswith("SSL") else None
    if not settings.kafka_security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context)
    kind = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    return kind[settings.kafka_sasl_mechanism](
        username=settings.kafka_username or "", password=settings.kafka_password or "", ssl_context=context
    )
