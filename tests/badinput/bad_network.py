"""The readers of all four services, good messages for each of their topics, and what the services' books say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import psycopg
from bad_classes import Good, Raw
from psycopg.rows import dict_row

import billing.inbound
import job_exchange.inbound
import matching.inbound
import partner_registry.inbound
from chassis.routes import Reader
from contracts import (
    billing_commands_v1,
    billing_rate_cards_v1,
    billing_settlements_v1,
    catalogue,
    crm_partners_v1,
    job_exchange_commands_v1,
    job_exchange_jobs_v1,
    matching_assignments_v1,
    matching_commands_v1,
    partner_registry_commands_v1,
    partner_registry_partners_v1,
)
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Command, Message
from matching.candidates import PartnerIndex
from matching.domain.policy import POLICY
from matching.sight import Memory
from matching.standings import Standings
from servicenetz.stack import Stack

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
SERVICES = ("partner-registry", "job-exchange", "matching", "billing")
_UNUSED = cast("Any", None)
"""What decisions would need; here nobody decides."""
READERS: Mapping[str, tuple[Reader, ...]] = {
    "partner-registry": tuple(partner_registry.inbound.readers("https://example.org")),
    "job-exchange": job_exchange.inbound.readers(_UNUSED),
    "matching": matching.inbound.readers(Memory(PartnerIndex(), Standings(), POLICY), _UNUSED),
    "billing": billing.inbound.readers(_UNUSED),
}
KINDS: tuple[type[Message], ...] = (
    crm_partners_v1.CrmPartner,
    partner_registry_commands_v1.SuspendPartner,
    partner_registry_partners_v1.Partner,
    job_exchange_commands_v1.CancelJob,
    job_exchange_jobs_v1.JobStarted,
    job_exchange_jobs_v1.JobCancelled,
    matching_commands_v1.DeclineOffer,
    matching_assignments_v1.JobUnfilled,
    billing_commands_v1.ResolveHold,
    billing_rate_cards_v1.RateCard,
    billing_settlements_v1.JobSettled,
)
"""One kind of message for each topic that a service reads; two where no reader acts on both."""


@dataclass(frozen=True)
class Listener:
    """A reader of a topic."""

    service: str
    reader: Reader

    @property
    def group(self) -> str:
        return f"{self.service}.{self.reader.name}"

    def acts_on(self, good: Good) -> bool:
        return (good.topic.name, good.kind) in self.reader.by_message


@cache
def listeners(topic: Topic) -> tuple[Listener, ...]:
    """Who reads this topic."""
    return tuple(
        Listener(service, reader)
        for service, readers in READERS.items()
        for reader in readers
        if topic in reader.topics
    )


def heard_topics() -> set[str]:
    """All topics that a service reads."""
    return {topic.name for readers in READERS.values() for reader in readers for topic in reader.topics}


@cache
def _example(kind: type[Message]) -> Mapping[str, Any]:
    folder = EXAMPLES / catalogue.topic_of(kind).name / catalogue.message_name(kind)
    fields: Mapping[str, Any] = json.loads(min(folder.glob("valid-*.json")).read_bytes())
    return fields


def good(kind: type[Message]) -> Good:
    """A good message of this kind, about a subject nobody has heard of."""
    topic = catalogue.topic_of(kind)
    example = _example(kind)
    old = kind.read(json.dumps(example).encode()).subject
    (field,) = [name for name, value in example.items() if value == old]
    subject = f"B-{uuid7().hex[-12:].upper()}" if topic is crm_partners_v1.TOPIC else str(uuid7())
    fields = dict(example) | {field: subject}
    envelope = Envelope(
        id=str(uuid7()), source="/tests", type=kind.TYPE, subject=subject, time=datetime.now(UTC),
        dataschema=catalogue.schema_of(kind), subjectversion=1 if topic.versioned else None,
        actor="distributor:office" if issubclass(kind, Command) else None,
    )  # fmt: skip
    raw = Raw(subject.encode(), list(envelope.to_headers()), json.dumps(fields).encode())
    return Good(topic, kind, subject, fields, raw)


class Books:
    """The databases of the stack, asked for what the path wrote down."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def ask(self, service: str, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of one service's database."""
        url = self._stack.database_url(service, "postgresql")
        with psycopg.connect(url, row_factory=dict_row) as db:
            return db.execute(cast("Any", query), values).fetchall()

    def progress(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every progress row, with its service."""
        for service in SERVICES:
            for row in self.ask(service, "SELECT * FROM progress"):
                yield service, row

    def unsent(self) -> int:
        """Messages decided and not sent."""
        return sum(len(self.ask(service, "SELECT id FROM outbox")) for service in SERVICES)
