"""An index in memory, fed from a compacted topic by a reader of its own without group.

Every replica reads the whole topic. No batch is taken before the index has reached the end offsets seen at start, so
that a decision never works on half a picture. The database stays the authority: what the index proposes is checked.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.kafka import options
from chassis.settings import ServiceSettings
from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable

log = structlog.get_logger()

POLL_MS = 1000
AT_ONCE = 2000


class Index(Protocol):
    """What a service keeps in memory. Both calls are idempotent by version."""

    def put(self, subject: str, version: int, message: Any) -> None: ...

    def remove(self, subject: str) -> None: ...


class IndexReader:
    """Feeds an index. `caught_up` is set when the end offsets seen at start are reached."""

    def __init__(self, topic: Topic, index: Index) -> None:
        self._topic = topic
        self._index = index
        self.caught_up = asyncio.Event()
        self.touched = time.monotonic()

    async def run(self, settings: ServiceSettings) -> None:
        """Read until cancelled; after a broker failure read on."""
        while True:
            try:
                await self._read(settings)
            except KafkaError as error:
                log.warning("index waits for the broker", topic=self._topic.name, error=type(error).__name__)
                self.touched = time.monotonic()
                await asyncio.sleep(1.0)

    async def _read(self, settings: ServiceSettings) -> None:
        consumer = AIOKafkaConsumer(
            **options(settings, f"index-{self._topic.name}"),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self._topic.max_message_bytes,
        )
        await consumer.start()
        try:
            # the catalogue says how many there are; the client knows only topics it is assigned to
            partitions = [
                TopicPartition(self._topic.name, number) for number in range(self._topic.partitions)
            ]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            while True:
                self.touched = time.monotonic()
                if not self.caught_up.is_set() and await _reached(consumer, ends):
                    self.caught_up.set()
                    log.info("index is complete", topic=self._topic.name, records=sum(ends.values()))
                wait = POLL_MS if self.caught_up.is_set() else 50
                for records in (await consumer.getmany(timeout_ms=wait, max_records=AT_ONCE)).values():
                    for record in records:
                        self._take(record)
        finally:
            await consumer.stop()

    def _take(self, record: Any) -> None:
        """What cannot be read is left out here; the service's own reader makes it a dead letter."""
        try:
            if record.value is None:
                self._index.remove((record.key or b"").decode())
                return
            envelope = Envelope.from_headers(record.headers)
            message_type: type[Message] = catalogue.decode_type(self._topic.name, envelope.type)
            catalogue.check_key(self._topic, record.key, envelope)
            message = message_type.read(record.value)
        except (Unreadable, UnicodeDecodeError):
            return
        self._index.put(envelope.subject, envelope.subjectversion or 0, message)


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return False
    return True
