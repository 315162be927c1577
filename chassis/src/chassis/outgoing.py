"""The form of what leaves: from a decided message to a row of the outbox, envelope and size checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.errors import TooLarge
from chassis.items import Headers, Item, pack_headers
from chassis.outbox import OutboxRow, cause_of
from chassis.telemetry import child_of
from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Command, Message

FRAMING_BYTES = 256
"""What the broker counts besides: the record's and its batch's own fields (61 + at most 40, KIP-98)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and its topic; no message is a tombstone for the subject."""

    topic: Topic
    subject: str
    message: Message | None


Outbound = Callable[[object], Iterable[Outgoing]]
"""A service's outbound.py: where each of its events goes."""
SignActor = Callable[[UUID, bytes], str]
"""Proof that this service sent a command: for a message id and a body."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are on the wire."""

    service: str
    sign: SignActor

    @property
    def source(self) -> str:
        return f"/servicenetz/{self.service}"

    def write(
        self, outgoing: Outgoing, version: int | None, cause: Item, aggregate: str, now: datetime
    ) -> OutboxRow:
        """The outbox row of a message. Raises TooLarge when its topic would not take it."""
        message = outgoing.message
        value = None if message is None else message.write()
        message_id = uuid7(now)
        because = cause.envelope
        envelope = Envelope(
            id=str(message_id),
            source=self.source,
            type=catalogue.tombstone_type(outgoing.topic) if message is None else message.TYPE,
            subject=outgoing.subject,
            time=now,
            dataschema=catalogue.tombstone_schema(outgoing.topic)
            if message is None
            else catalogue.schema_of(message),
            subjectversion=version,
            causationid=because.id if because else None,
            correlationid=(because.correlationid or because.id) if because else str(message_id),
            traceparent=child_of(because.traceparent if because else None, message_id),
            actor=self.sign(message_id, value)
            if isinstance(message, Command) and value is not None
            else None,
        )
        return self._row(
            outgoing.topic, outgoing.subject.encode(), envelope.to_headers(), value, cause, aggregate
        )

    def dead_letter(self, reader: str, item: Item, reason: str, detail: str, now: datetime) -> OutboxRow:
        """The record as it came, with the reason in headers of our own."""
        record = item.record
        headers: list[tuple[str, bytes | None]] = [
            *((_as_text(name), value) for name, value in record.headers),
            ("deadletter-reason", reason.encode()),
            ("deadletter-detail", detail.encode()),
            ("deadletter-topic", record.topic.encode()),
            ("deadletter-partition", str(record.partition).encode()),
            ("deadletter-offset", str(record.offset).encode()),
            ("deadletter-group", f"{self.service}.{reader}".encode()),
            ("deadletter-at", now.isoformat().encode()),
        ]
        topic = catalogue.dead_letters_of(self.service)
        return self._row(topic, record.key, headers, record.value, item, item.aggregate_key)

    @staticmethod
    def _row(
        topic: Topic, key: bytes | None, headers: Headers, value: bytes | None, cause: Item, aggregate: str
    ) -> OutboxRow:
        packed = pack_headers(headers)
        # as JSON a header takes more room than its name and value do; what the wire adds is ten bytes at most
        size = len(key or b"") + len(value or b"") + len(packed) + 10 * len(headers)
        if size + FRAMING_BYTES > topic.max_message_bytes:
            raise TooLarge(f"{size} bytes for {topic.name}, which takes {topic.max_message_bytes}")
        return OutboxRow(aggregate, cause_of(cause), topic.name, key, packed, value)


def _as_text(name: str) -> str:
    """A header's name as it can be written again; bytes that are no UTF-8 are spelled out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
