"""From a raw record to something a decision can be asked about, or to the reason why not. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import blake2b
from typing import Any, Protocol
from uuid import UUID

from pydantic_core import from_json, to_json

from chassis.decisions import Rejected
from chassis.routes import Reader, Route, TimerRoute
from contracts import catalogue, replies_v1
from contracts.actor import Actor
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import uuid7_time
from contracts.messages import Command, Message, Unreadable

Headers = Sequence[tuple[str, bytes | None]]

INBOX_KEEPS = timedelta(days=8)
"""Longer than any command topic keeps its records, so that a repeated command always meets its first."""
ID_MAY_BE_AHEAD = timedelta(hours=1)
LONGEST_SUBJECT = 200
"""As the envelope allows it; a bare tombstone has nothing but its key."""
TIMER = "timer"
"""Stands for the topic where a timer, not a record, was the cause."""


class Outcome(IntEnum):
    """What became of a record. The value is stored in the inbox."""

    DONE = 0
    REJECTED = 1
    DEAD = 2
    PARKED = 3
    DUPLICATE = 4


class RawRecord(Protocol):
    """What we use of aiokafka's ConsumerRecord, and what a parked row gives back."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that came back out of the database. `timestamp` in milliseconds since 1970, as Kafka has it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Item:
    """One thing to decide about: a record, or a timer that is due.

    aggregate: (name of the rows, id), None when nothing here is concerned.
    fault: why it cannot be read or is refused before any decision.
    parked_id: the row it was parked in, when it comes from there; parked_as: how it was counted then.
    first: the item of the same batch that this one repeats.
    failure: what our own code made of it, when it is to be a dead letter for that.
    repeats: its id was taken in before, so the inbox's row is not its own.
    redriven: an operator wants it to be taken again, whatever version comes before it.
    asked: how often its decision has asked for more rows.
    """

    record: RawRecord
    envelope: Envelope | None = None
    message: Message | None = None
    route: Route | None = None
    timer: TimerRoute | None = None
    timer_due_at: datetime | None = None
    actor: Actor | None = None
    aggregate: tuple[str, str] | None = None
    fault: Unreadable | Rejected | None = None
    body_hash: bytes = b""
    outcome: Outcome | None = None
    reply: replies_v1.Reply | None = None
    parked_id: int | None = None
    parked_as: Outcome = Outcome.PARKED
    parked_since: datetime | None = None
    parked_attempts: int = 0
    first: Item | None = None
    failure: str | None = None
    repeats: bool = False
    redriven: bool = False
    asked: int = 0

    @property
    def is_command(self) -> bool:
        return isinstance(self.message, Command)

    @property
    def inbox_key(self) -> tuple[str, str]:
        """(source, id); a record without a usable id is known by where it stands."""
        if self.envelope is None:
            return self.record.topic, f"{self.record.partition}-{self.record.offset}"
        return self.envelope.source, self.envelope.id

    @property
    def aggregate_key(self) -> str:
        """The aggregate as one text, for the path's own tables."""
        return aggregate_key(self.aggregate) if self.aggregate else ""


class VerifyActor(Protocol):
    """Who sent this command. Raises Rejected when he could not prove it at the time it came to the broker."""

    def __call__(self, envelope: Envelope, body: bytes, at: datetime) -> Actor: ...


def aggregate_key(aggregate: tuple[str, str]) -> str:
    return f"{aggregate[0]}/{aggregate[1]}"


def pack_headers(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Headers as JSON text; any byte survives, since Latin-1 maps each to one character."""
    pairs = [
        (
            name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("latin-1"),
            None if value is None else value.decode("latin-1"),
        )
        for name, value in headers
    ]
    return to_json(pairs).decode()


def unpack_headers(packed: str) -> list[tuple[str, bytes | None]]:
    """The inverse of `pack_headers`."""
    return [
        (
            name if name.isascii() else name.encode("latin-1").decode("utf-8", "surrogateescape"),
            None if value is None else value.encode("latin-1"),
        )
        for name, value in from_json(packed)
    ]


def decode(record: RawRecord, reader: Reader, verify: VerifyActor) -> Item:
    """Read one record. What cannot be read is an item with a fault, never an exception."""
    topic = catalogue.TOPICS[record.topic]
    item = Item(record)
    try:
        if record.value is None and topic.tombstones:
            _decode_tombstone(item, topic, reader)
        else:
            _decode_message(item, topic, reader, verify)
    except (Unreadable, Rejected) as fault:
        item.fault = fault
    return item


def decode_failed(record: RawRecord, reader: Reader, verify: VerifyActor, failure: str) -> Item:
    """As `decode`, for a record our own code fails on, be it while reading it: it always becomes an item."""
    try:
        item = decode(record, reader, verify)
    except Exception:  # noqa: BLE001  # this very failure is what `failure` tells of
        item = Item(record)
    item.failure = failure
    return item


def _decode_tombstone(item: Item, topic: Topic, reader: Reader) -> None:
    """A tombstone needs no envelope: tools that compact or delete write bare ones. One of ours has its version."""
    key = item.record.key
    if not key:
        raise Unreadable("key-missing", "A tombstone without a key names no subject.")
    try:
        subject = key.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("key-not-utf8", "The key is not UTF-8.") from error
    if not subject.isprintable() or len(subject) > LONGEST_SUBJECT:
        raise Unreadable("key-not-text", "The key is too long, or has characters that cannot be printed.")
    _check_header_names(item.record.headers)
    if any(name == "ce_id" for name, _ in item.record.headers):
        envelope = Envelope.from_headers(item.record.headers)
        catalogue.check_key(topic, key, envelope)
        item.envelope = envelope
        item.body_hash = _hash(envelope, b"")
    route = reader.by_message.get((topic.name, None))
    if route is not None:
        item.route = route
        item.aggregate = (route.rows.name, subject)


def _decode_message(item: Item, topic: Topic, reader: Reader, verify: VerifyActor) -> None:
    record = item.record
    _check_header_names(record.headers)
    envelope = Envelope.from_headers(record.headers)
    catalogue.check_key(topic, record.key, envelope)
    try:
        message_type = catalogue.decode_type(topic.name, envelope.type)
    except Unreadable:
        # a newer version of the sender says more than we know: what it says next need not wait for that
        item.envelope = envelope
        item.body_hash = _hash(envelope, record.value or b"")
        item.aggregate = _known_elsewhere(topic, reader, envelope)
        raise
    if not record.value:
        raise Unreadable("tombstone" if record.value is None else "empty", "There is no body.")
    item.envelope = envelope
    item.body_hash = _hash(envelope, record.value)
    route = reader.by_message.get((topic.name, message_type))
    if route is None:
        item.aggregate = _known_elsewhere(topic, reader, envelope)
        return
    item.route = route
    item.aggregate = (route.rows.name, envelope.subject)
    message = message_type.read(record.value)
    if message.subject != envelope.subject:
        raise Unreadable("subject-mismatch", "The body is about another subject than the envelope says.")
    item.message = message
    if isinstance(message, Command):
        item.actor = verify(envelope, record.value, _arrived_at(record))
        if route.by is not None and not route.by(item.actor, message):
            raise Rejected("not-allowed", "You may not ask for this on behalf of somebody else.")


def _check_header_names(headers: Headers) -> None:
    """Kafka's header names are UTF-8; other bytes come as lone surrogates (`tolerant.py`)."""
    names = "".join([name for name, _ in headers])
    if names.isascii():
        return
    try:
        names.encode()
    except UnicodeEncodeError:
        raise Unreadable("header-name-not-utf8", "The name of a header is not UTF-8.") from None


def _arrived_at(record: RawRecord) -> datetime:
    """When it came to the broker, whose clock stamps command topics: a backlog makes no proof invalid."""
    return datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)


def _known_elsewhere(topic: Topic, reader: Reader, envelope: Envelope) -> tuple[str, str] | None:
    """A message of this topic that this reader does nothing with: its version is still counted with its subject."""
    for route in reader.routes:
        if route.topic is topic:
            return route.rows.name, envelope.subject
    return None


def refuse_by_age(item: Item, now: datetime) -> None:
    """A command must be young enough for the inbox to know its repeats, and not from the future."""
    if not item.is_command or item.envelope is None or item.fault is not None:
        return
    made_at = uuid7_time(UUID(item.envelope.id))
    if made_at < now - INBOX_KEEPS:
        item.fault = Rejected(
            "id-too-old", f"Commands are taken for {INBOX_KEEPS.days} days; send it again with a new id."
        )
    elif made_at > now + ID_MAY_BE_AHEAD:
        item.fault = Rejected(
            "id-in-future", "The command's id lies more than an hour ahead: is the sender's clock right?"
        )


def _hash(envelope: Envelope, body: bytes) -> bytes:
    digest = blake2b(body, digest_size=16)
    digest.update(f"\n{envelope.type}\n{envelope.subject}".encode())
    return digest.digest()


def timer_item(route: TimerRoute, aggregate_id: str, due_at: datetime, number: int) -> Item:
    """A due timer as an item; `number` tells the timers of one batch apart."""
    record = StoredRecord(TIMER, 0, number, int(due_at.timestamp() * 1000), None, None, ())
    return Item(record, timer=route, timer_due_at=due_at, aggregate=(route.rows.name, aggregate_id))


def known_now(item: Item) -> Any:
    """What the decision is told besides the state: the message, the timer's name, or a tombstone's subject."""
    if item.timer is not None:
        return item.timer.name
    if item.message is not None:
        return item.message
    return item.aggregate[1] if item.aggregate else None
