"""An index in memory, fed from a compacted topic by a reader of its own without group.

Every replica reads the whole topic, or what came since its snapshot. No batch is taken before the index has reached the
end offsets seen at start, so that a decision never works on half a picture. The database stays the authority: what the
index proposes is checked.

Whatever fails, reading begins again where it was; while it does not follow its topic the service is not ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.errors import leaked, said
from chassis.kafka import RETRY_BACKOFF_MS, cluster_id, options
from chassis.settings import ServiceSettings
from chassis.snapshot import Keepable, Snapshot
from contracts import catalogue
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable

log = structlog.get_logger()

POLL_MS = 1000
AT_ONCE = 2000
ANSWER_SECONDS = 8.0
"""How long the broker may take to answer; below the least patience that the watchdog may have."""
LOOK_SECONDS = 5.0
"""So often the end offsets are asked for. A reader that has not moved towards the last ones is connected anew."""
RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 0.5, 15.0
KEEP_SECONDS = 600.0
"""A snapshot is written so often, and at the end: after a crash no more than this is read again."""


class Index(Protocol):
    """What a service keeps in memory. Both calls are idempotent by version."""

    def put(self, subject: str, version: int, message: Any) -> None: ...

    def remove(self, subject: str) -> None: ...


class StandsStill(Exception):
    """There is more to read, and nothing came since the last look: consumers were seen to stay so for ever."""


class IndexReader:
    """Feeds an index. `caught_up` is set when the end offsets seen at start are reached.

    `behind` says why it does not follow its topic now, None when it does; `touched` is its sign of life (monotonic).
    """

    def __init__(self, topic: Topic, index: Index) -> None:
        self.topic = topic
        self.index = index
        self._next: dict[int, int] = {}
        self._kept: Snapshot | None = None
        self._keep_at = time.monotonic() + KEEP_SECONDS
        self._failures = 0
        self.caught_up = asyncio.Event()
        self.behind: str | None = "not complete yet"
        self.touched = time.monotonic()

    async def run(self, settings: ServiceSettings) -> None:
        """Read until cancelled, whatever fails. What was read is kept, where asked for."""
        await self._insist(lambda: self._begin_with_snapshot(settings))
        try:
            await self._insist(lambda: self._read(settings))
        finally:
            self._keep()

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until it is done; any failure is told, waited out and followed by another attempt."""
        while True:
            self.touched = time.monotonic()
            try:
                await work()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and not leaked(error):
                    raise
                self.behind = said(error)
                self._failures += 1
                log.warning(
                    "index does not follow; trying again",
                    topic=self.topic.name, error=self.behind, times=self._failures,
                )  # fmt: skip
                self.touched = time.monotonic()
                await asyncio.sleep(
                    min(RETRY_FIRST_SECONDS * 2.0 ** min(self._failures - 1, 10), RETRY_MOST_SECONDS)
                )
            else:
                return

    def _keep(self) -> None:
        """Write the snapshot anew, if there is to be one."""
        self._keep_at = time.monotonic() + KEEP_SECONDS
        if self._kept is not None and self.caught_up.is_set():
            self._kept.save(self._next)

    async def _begin_with_snapshot(self, settings: ServiceSettings) -> None:
        """Kept in the settings' folder, and of no use with another cluster."""
        if settings.snapshot_folder is None or not isinstance(self.index, Keepable):
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            cluster = await cluster_id(settings)
        self._kept = Snapshot(settings.snapshot_folder / self.topic.name, cluster, self.index)
        self._next = await asyncio.to_thread(self._kept.load)

    async def _read(self, settings: ServiceSettings) -> None:
        consumer = AIOKafkaConsumer(
            **options(settings, f"index-{self.topic.name}"),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self.topic.max_message_bytes,
            fetch_max_wait_ms=POLL_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await consumer.start()
                ends = await self._go_where_we_were(consumer)
            await self._follow(consumer, ends)
        finally:
            await consumer.stop()

    async def _go_where_we_were(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Returns the end offsets: who reaches them has the whole picture of now."""
        # the catalogue says how many there are; the client knows only topics it is assigned to
        partitions = [TopicPartition(self.topic.name, number) for number in range(self.topic.partitions)]
        consumer.assign(partitions)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        begin = _begin(self._next, await consumer.beginning_offsets(partitions), ends)
        for partition, offset in begin.items():
            consumer.seek(partition, offset)
        self._next = {partition.partition: offset for partition, offset in begin.items()}
        to_read = sum(ends[partition] - offset for partition, offset in begin.items())
        log.info("index is read", topic=self.topic.name, offsets_to_read=to_read)
        return ends

    async def _follow(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        goal, seen, look_at = ends, dict(self._next), time.monotonic() + LOOK_SECONDS
        while True:
            self.touched = time.monotonic()
            if self.behind is not None and await _reached(consumer, ends):
                self._is_complete()
            if self.touched > self._keep_at:
                self._keep()
            if self.touched > look_at:
                if self._next == seen and not await _reached(consumer, goal):
                    raise StandsStill
                async with asyncio.timeout(ANSWER_SECONDS):
                    goal = await consumer.end_offsets(list(ends))
                seen, look_at = dict(self._next), time.monotonic() + LOOK_SECONDS
            wait = POLL_MS if self.behind is None else 50
            polled = await consumer.getmany(timeout_ms=wait, max_records=AT_ONCE)
            for partition, records in polled.items():
                for record in records:
                    self._take(record)
                    self._next[partition.partition] = record.offset + 1

    def _is_complete(self) -> None:
        self.behind = None
        self._failures = 0
        if not self.caught_up.is_set():
            self.caught_up.set()
            log.info("index is complete", topic=self.topic.name)

    def _take(self, record: Any) -> None:
        """What cannot be read is left out here; the service's own reader makes it a dead letter."""
        try:
            if record.value is None:
                self.index.remove((record.key or b"").decode())
                return
            envelope = Envelope.from_headers(record.headers)
            message_type: type[Message] = catalogue.decode_type(self.topic.name, envelope.type)
            catalogue.check_key(self.topic, record.key, envelope)
            message = message_type.read(record.value)
        except (Unreadable, UnicodeDecodeError):
            return
        self.index.put(envelope.subject, envelope.subjectversion or 0, message)


def _begin(
    known: Mapping[int, int],
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Where to read on: where we were; from the beginning wherever that is no place in the topic."""
    read_on = all(beginnings[each] <= known.get(each.partition, -1) <= ends[each] for each in ends)
    return {each: known[each.partition] if read_on else beginnings[each] for each in ends}


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    async with asyncio.timeout(ANSWER_SECONDS):
        for partition, end in ends.items():
            if await consumer.position(partition) < end:
                return False
    return True
