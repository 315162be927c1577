"""In and out of Kafka: many messages at once, nothing lost when the broker goes away for a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.messages import Command, Message, Unreadable

SOURCE = "/dealers"
LINGER_MS = 5
RETRY_AFTER_S = 0.5
SILENCE_S = 15.0
"""After so long without a record the consumer is made anew: one may stay stuck after the broker came back."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it was read; a tombstone has none. `at`: monotonic seconds when we read it."""

    topic: str
    key: str
    envelope: Envelope | None
    message: Message | None
    at: float


@dataclass(frozen=True, slots=True)
class _Record:
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Sender:
    """Takes messages without waiting; a record is sent again until the broker has it, under the same id."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=LINGER_MS)
        self._queue: deque[_Record] = deque()
        self._work = asyncio.Event()
        self._under_way = 0
        self._sent = asyncio.Event()
        self._sent.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._producer.start()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._producer.stop(), 5)

    def put(self, message: Message, actor: str | None = None, *, again: UUID | None = None) -> UUID:
        """Send this; returns its id. `again`: the id of a message that is sent a second time."""
        message_id = again or uuid7()
        envelope = Envelope(
            id=str(message_id),
            source=SOURCE,
            type=message.TYPE,
            subject=message.subject,
            time=datetime.now(UTC),
            dataschema=catalogue.schema_of(message),
            actor=actor if isinstance(message, Command) else None,
        )
        topic = catalogue.topic_of(type(message)).name
        self._queue.append(_Record(topic, message.subject.encode(), message.write(), envelope.to_headers()))
        self._work.set()
        self._sent.clear()
        return message_id

    async def flush(self) -> None:
        """Return when the broker has all of it."""
        await self._sent.wait()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._queue:
                record = self._queue.popleft()
                try:
                    future = await self._producer.send(
                        record.topic, record.value, record.key, headers=record.headers
                    )
                except KafkaError as error:
                    self._again(record, error)
                    await asyncio.sleep(RETRY_AFTER_S)
                    continue
                self._under_way += 1
                future.add_done_callback(lambda done, record=record: self._done(record, done))

    def _done(self, record: _Record, done: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not done.cancelled() and (error := done.exception()) is not None:
            self._again(record, error)
        if not self._queue and not self._under_way:
            self._sent.set()

    def _again(self, record: _Record, error: BaseException) -> None:
        log.warning("sending to %s failed and is tried again: %s", record.topic, type(error).__name__)
        self._queue.append(record)
        self._work.set()


class Listener:
    """Reads whole topics without a group, from now on or from their start."""

    def __init__(self, bootstrap: str, topics: Iterable[Topic], *, from_start: bool = False) -> None:
        self._from_start = from_start
        self._bootstrap = bootstrap
        self._partitions = [
            TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)
        ]
        self._positions: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._heard_at = time.monotonic()
        self._known: set[tuple[str, str]] = set()

    async def __aenter__(self) -> Self:
        self._consumer = await _consumer(self._bootstrap)
        offsets = self._consumer.beginning_offsets if self._from_start else self._consumer.end_offsets
        self._positions = dict(await offsets(self._partitions))
        self._seek(self._consumer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def next(self, within_s: float) -> list[Heard]:
        """What came, at once if something is there, else after at most so long."""
        consumer = self._consumer
        if consumer is None:
            raise RuntimeError("the listener is not started")
        polled = await consumer.getmany(timeout_ms=max(1, int(within_s * 1000)), max_records=2_000)
        now = time.monotonic()
        heard = []
        for partition, records in polled.items():
            self._positions[partition] = records[-1].offset + 1
            found = (_heard(record, now) for record in records)
            heard += [message for message in found if message is not None and self._is_new(message)]
        if heard:
            self._heard_at = now
        elif now - self._heard_at > SILENCE_S:
            self._heard_at = now
            await self._renew()
        return heard

    def _is_new(self, heard: Heard) -> bool:
        """Topics are at least once: after a crash a message may stand there twice, under the same source and id."""
        if heard.envelope is None:
            return True
        identity = (heard.envelope.source, heard.envelope.id)
        if identity in self._known:
            return False
        self._known.add(identity)
        return True

    async def _renew(self) -> None:
        await self._stop()
        while self._consumer is None:
            try:
                self._consumer = await _consumer(self._bootstrap)
            except KafkaError as error:
                log.warning("the broker cannot be reached: %s", type(error).__name__)
                await asyncio.sleep(RETRY_AFTER_S)
        self._seek(self._consumer)

    async def _stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            await asyncio.wait_for(consumer.stop(), 5)
        except (KafkaError, TimeoutError):
            pass  # it is of no more use either way
        except asyncio.CancelledError:
            # its fetcher lets the cancellation of its own tasks out when the broker is away
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    def _seek(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign(self._partitions)
        for partition, offset in self._positions.items():
            consumer.seek(partition, offset)


async def newest(bootstrap: str, topic: Topic) -> Mapping[str, Message]:
    """The newest message of each key of a compacted topic, as it stands now."""
    records = {record.key: record for record in await _whole(bootstrap, topic)}
    messages = (_heard(record, 0.0) for record in records.values())
    return {heard.key: heard.message for heard in messages if heard and heard.message}


async def everything(bootstrap: str, *kinds: type[Message]) -> list[Message]:
    """All messages of these kinds that stand on their topic now; what concerns one key is in order."""
    topic = catalogue.topic_of(kinds[0])
    types = {kind.TYPE.encode() for kind in kinds}
    records = await _whole(bootstrap, topic)
    heard = (_heard(record, 0.0) for record in records if dict(record.headers).get("ce_type") in types)
    return [each.message for each in heard if each and each.message]


async def _whole(bootstrap: str, topic: Topic) -> list[Any]:
    consumer = await _consumer(bootstrap)
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        ends = {
            partition: end for partition, end in (await consumer.end_offsets(partitions)).items() if end > 0
        }
        await consumer.seek_to_beginning(*partitions)
        records: list[Any] = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
    finally:
        await consumer.stop()
    return records


async def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


def _heard(record: Any, now: float) -> Heard | None:
    """None for what cannot be read: not ours to judge."""
    try:
        envelope = Envelope.from_headers(record.headers)
        key = record.key.decode()
        if record.value is None:
            return Heard(record.topic, key, envelope, None, now)
        message = catalogue.decode_type(record.topic, envelope.type).read(record.value)
    except (Unreadable, UnicodeDecodeError, AttributeError):
        return None
    return Heard(record.topic, key, envelope, message, now)
