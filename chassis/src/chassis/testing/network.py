"""A stranger's view: sends messages to topics and reads them, with a plain Kafka client and contracts/."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Command, Message, Unreadable

WITHIN_SECONDS = 45.0
"""How long something may be in coming. Only a test that fails waits for so long, and two of them may run at once."""
LARGEST = max(topic.max_message_bytes for topic in catalogue.TOPICS.values()) + 65536


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as a reader of the topic sees it; `message` and `envelope` are None where it is not one of ours."""

    record: ConsumerRecord
    envelope: Envelope | None
    message: Message | None

    @property
    def headers(self) -> dict[str, bytes | None]:
        return dict(self.record.headers)


class Outside:
    """Everything on the broker that a partner's own program could do."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=LARGEST, acks="all")
        self._consumer: AIOKafkaConsumer | None = None
        self._reading: asyncio.Task[None] | None = None
        self._arrived = asyncio.Condition()
        self._versions: dict[tuple[str, str], int] = defaultdict(int)
        self.seen: dict[str, list[Seen]] = defaultdict(list)
        self.sent: dict[tuple[str, int], int] = {}
        """By topic and partition: the offset behind the last record sent from here."""

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.stop()
        await self._producer.stop()

    async def watch(self, *topics: Topic) -> None:
        """Read these topics from now on."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=None, auto_offset_reset="latest", enable_auto_commit=False,
            max_partition_fetch_bytes=LARGEST,
        )  # fmt: skip
        await consumer.start()
        partitions = [
            TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        for partition in partitions:
            await consumer.position(partition)
        self._consumer = consumer
        self._reading = asyncio.create_task(self._read(consumer))

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            async with self._arrived:
                self.seen[record.topic].append(_look(record))
                self._arrived.notify_all()

    async def until(self, condition: Callable[[], Any], *, seconds: float = WITHIN_SECONDS) -> Any:
        """Wait until the condition is truthy, looked at after each record read; returns its value."""
        async with self._arrived:
            async with asyncio.timeout(seconds):
                while not (value := condition()):
                    await self._arrived.wait()
                return value

    def messages(self, kind: type[Message], subject: object = None) -> list[Any]:
        """All messages of this kind read so far, of one subject if given."""
        topic = catalogue.topic_of(kind)
        return [
            seen.message
            for seen in self.seen[topic.name]
            if isinstance(seen.message, kind) and (subject is None or seen.message.subject == str(subject))
        ]

    async def message(
        self, kind: type[Message], subject: object, *, nth: int = 1, seconds: float = WITHIN_SECONDS
    ) -> Any:
        """The nth message of this kind about this subject, waited for."""
        await self.until(lambda: len(self.messages(kind, subject)) >= nth, seconds=seconds)
        return self.messages(kind, subject)[nth - 1]

    async def reply_to(self, message_id: UUID, topic: Topic, *, nth: int = 1) -> Any:
        """The nth reply to a command."""

        def replies() -> list[Message]:
            messages = (seen.message for seen in self.seen[topic.name])
            return [message for message in messages if message and message.subject == str(message_id)]

        await self.until(lambda: len(replies()) >= nth)
        return replies()[nth - 1]

    async def send(self, message: Message, *, actor: str | None = None, message_id: UUID | None = None,
                   version: int | None = None, source: str = "/tests") -> UUID:  # fmt: skip
        """Send a message as its topic wants it; events get the next version of their subject. Returns its id."""
        topic = catalogue.topic_of(type(message))
        message_id = message_id or uuid7()
        if topic.versioned and version is None:
            self._versions[(topic.name, message.subject)] += 1
            version = self._versions[(topic.name, message.subject)]
        envelope = Envelope(
            id=str(message_id), source=source, type=message.TYPE, subject=message.subject, time=datetime.now(UTC),
            dataschema=catalogue.schema_of(message), subjectversion=version, causationid=None, correlationid=None,
            traceparent=None, actor=actor if isinstance(message, Command) else None,
        )  # fmt: skip
        await self.send_raw(topic, message.subject.encode(), envelope.to_headers(), message.write())
        return message_id

    async def send_raw(self, topic: Topic, key: bytes | None, headers: Sequence[tuple[str, bytes | None]],
                       value: bytes | None, *, partition: int | None = None) -> Any:  # fmt: skip
        """Send any bytes at all; returns where they came to stand."""
        sent = await self._producer.send_and_wait(
            topic.name, value, key, headers=list(headers), partition=partition
        )
        self.sent[(sent.topic, sent.partition)] = sent.offset + 1
        return sent


def _look(record: ConsumerRecord) -> Seen:
    topic = catalogue.TOPICS[record.topic]
    if not topic.messages:
        return Seen(record, None, None)
    try:
        envelope = Envelope.from_headers(record.headers)
        if record.value is None:
            return Seen(record, envelope, None)
        return Seen(record, envelope, catalogue.decode_type(topic.name, envelope.type).read(record.value))
    except Unreadable:
        return Seen(record, None, None)


async def until(condition: Callable[[], Any], *, seconds: float = WITHIN_SECONDS) -> Any:
    """Wait for a condition about something other than topics, looked at often. It may be a coroutine function."""
    ends = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > ends:
            raise TimeoutError("the condition did not come true")
        await asyncio.sleep(0.02)
