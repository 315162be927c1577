"""An index in memory, fed from a compacted topic by a reader of its own without group.

Every replica reads the whole topic, or what came since its snapshot. No batch is taken before the index has reached the
end offsets seen at start, so that a decision never works on half a picture. The database stays the authority: what the
index proposes is checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.kafka import cluster_id, options
from chassis.settings import ServiceSettings
from chassis.snapshot import Keepable, Snapshot
from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable

log = structlog.get_logger()

POLL_MS = 1000
AT_ONCE = 2000
KEEP_SECONDS = 600.0
"""A snapshot is written so often, and at the end: after a crash no more than this is read again."""


class Index(Protocol):
    """What a service keeps in memory. Both calls are idempotent by version."""

    def put(self, subject: str, version: int, message: Any) -> None: ...

    def remove(self, subject: str) -> None: ...


class IndexReader:
    """Feeds an index. `caught_up` is set when the end offsets seen at start are reached."""

    def __init__(self, topic: Topic, index: Index) -> None:
        self._topic = topic
        self._index = index
        self._next: dict[int, int] = {}
        self._kept: Snapshot | None = None
        self._keep_at = time.monotonic() + KEEP_SECONDS
        self.caught_up = asyncio.Event()
        self.touched = time.monotonic()

    async def run(self, settings: ServiceSettings) -> None:
        """Read until cancelled; after a broker failure read on. What was read is kept, where asked for."""
        self._kept = await self._snapshot(settings)
        if self._kept is not None:
            self._next = await asyncio.to_thread(self._kept.load)
        try:
            await self._read_on(settings)
        finally:
            self._keep()

    def _keep(self) -> None:
        """Write the snapshot anew, if there is to be one."""
        self._keep_at = time.monotonic() + KEEP_SECONDS
        if self._kept is not None and self.caught_up.is_set():
            self._kept.save(self._next)

    async def _read_on(self, settings: ServiceSettings) -> None:
        while True:
            try:
                await self._read(settings)
            except KafkaError as error:
                log.warning("index waits for the broker", topic=self._topic.name, error=type(error).__name__)
                self.touched = time.monotonic()
                await asyncio.sleep(1.0)

    async def _snapshot(self, settings: ServiceSettings) -> Snapshot | None:
        """Kept in the settings' folder, and of no use with another cluster."""
        if settings.snapshot_folder is None or not isinstance(self._index, Keepable):
            return None
        while True:
            try:
                cluster = await cluster_id(settings)
            except KafkaError as error:
                log.warning("index waits for the broker", topic=self._topic.name, error=type(error).__name__)
                self.touched = time.monotonic()
                await asyncio.sleep(1.0)
            else:
                return Snapshot(settings.snapshot_folder / self._topic.name, cluster, self._index)

    async def _read(self, settings: ServiceSettings) -> None:
        consumer = AIOKafkaConsumer(
            **options(settings, f"index-{self._topic.name}"),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self._topic.max_message_bytes,
            fetch_max_wait_ms=POLL_MS,
        )
        await consumer.start()
        try:
            # the catalogue says how many there are; the client knows only topics it is assigned to
            partitions = [
                TopicPartition(self._topic.name, number) for number in range(self._topic.partitions)
            ]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            begin = _begin(self._next, await consumer.beginning_offsets(partitions), ends)
            for partition, offset in begin.items():
                consumer.seek(partition, offset)
            self._next = {partition.partition: offset for partition, offset in begin.items()}
            while True:
                self.touched = time.monotonic()
                if not self.caught_up.is_set() and await _reached(consumer, ends):
                    self.caught_up.set()
                    read = sum(ends[partition] - offset for partition, offset in begin.items())
                    log.info("index is complete", topic=self._topic.name, offsets_read=read)
                if self.touched > self._keep_at:
                    self._keep()
                wait = POLL_MS if self.caught_up.is_set() else 50
                polled = await consumer.getmany(timeout_ms=wait, max_records=AT_ONCE)
                for partition, records in polled.items():
                    for record in records:
                        self._take(record)
                        self._next[partition.partition] = record.offset + 1
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


def _begin(
    known: Mapping[int, int],
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Where to read on: where we were; from the beginning wherever that is no place in the topic."""
    read_on = all(beginnings[each] <= known.get(each.partition, -1) <= ends[each] for each in ends)
    return {each: known[each.partition] if read_on else beginnings[each] for each in ends}


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return False
    return True
