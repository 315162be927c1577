"""The second transaction: lock what is unsent, send it in order, await every ack, delete, commit.

The rows are deleted (and so locked) first and the deletion is committed last, when the broker has them all. A crash in
between brings them back; the receivers know repeats by their ids.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from random import randrange
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import outbox
from chassis.database import transaction
from chassis.errors import Unsent, leaked
from chassis.items import unpack_headers
from chassis.journal import Partition
from chassis.metrics import Registered
from contracts import catalogue

log = structlog.get_logger()

ACK_SECONDS = 10.0
"""How long acks may take before the attempt is given up; below the database's idle-in-transaction time-out."""
CLOSE_SECONDS = 2.0


class Publisher:
    """Sends what the outbox holds, through one idempotent producer."""

    def __init__(
        self, engine: AsyncEngine, make_producer: Callable[[], AIOKafkaProducer], metrics: Registered
    ) -> None:
        self._engine = engine
        self._make_producer = make_producer
        self._metrics = metrics
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._suspects: set[str] = set()

    async def start(self) -> None:
        """Connect to the broker."""
        await self._running()

    async def stop(self) -> None:
        """Flush and close, bounded."""
        if self._producer is not None:
            await self._discard(self._producer)

    async def ping(self) -> str | None:
        """None when the broker answers. Raises what the client raises."""
        producer = await self._running()
        await producer.client.fetch_all_metadata()
        return None

    async def topics(self) -> set[str]:
        """The names of all topics the broker has for us. Raises what the client raises."""
        producer = await self._running()
        return set((await producer.client.fetch_all_metadata()).topics())

    async def publish(self, aggregates: Collection[str], causes: Mapping[Partition, tuple[int, int]]) -> None:
        """Send all unsent rows of these aggregates and records, in order.

        Raises Unsent when the broker did not take them, or what the database raises.
        """
        sending = False
        try:
            async with transaction(self._engine) as db:
                rows = await outbox.take_out(db, aggregates, causes)
                if rows:
                    sending = True
                    await self._send(rows)
        except BaseException:
            if sending:
                self._suspects.update(aggregates)
            raise
        self._metrics.published.inc(len(rows))
        await self.rewrite_owed()

    async def rewrite_owed(self) -> None:
        """After an attempt of unknown outcome an old message may have reached the broker behind a newer one.

        On a compacted topic that would be the last word for ever, so the current message is written once more: with
        the next publication, or by the keeper, since who lost his partitions may publish nothing more. Several may be
        at it at once, so each takes what is owed out first. What has something unsent is owed until that is sent.
        """
        if not self._suspects:
            return
        suspects, self._suspects = self._suspects, set()
        aggregates = {aggregate.split("/", 1)[1]: aggregate for aggregate in suspects if "/" in aggregate}
        try:
            number, unsent = await self.rewrite_compacted(aggregates.keys())
        except BaseException:
            self._suspects |= suspects
            raise
        self._suspects |= {aggregates[subject] for subject in unsent}
        if number:
            self._metrics.rewritten.inc(number)
            log.warning("compacted messages written again", number=number)

    async def rewrite_compacted(self, subjects: Collection[str]) -> tuple[int, set[str]]:
        """Write the current compacted messages of these subjects again; no newer one is decided meanwhile.

        Not where something is unsent: the current message would overtake what was decided before it. Returns how many
        were written, and those subjects.
        """
        async with transaction(self._engine) as db:
            found = await outbox.lock_compacted(db, subjects)
            rows = [row for row in found if not row.unsent]
            if rows:
                await self._send(
                    [_Message(row.topic, row.subject.encode(), row.headers, row.value) for row in rows]
                )
        return len(rows), {row.subject for row in found if row.unsent}

    async def _send(self, rows: Sequence[Any]) -> None:
        """Pipelined, in order for each key. A failure condemns the producer: an idempotent one may be wedged."""
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(ACK_SECONDS):
                producer = await self._running()
                acks = [
                    await producer.send_batch(batch, topic, partition=partition)
                    for topic, partition, batch in _batches(producer, await _by_partition(producer, rows))
                ]
                await asyncio.gather(*acks)
        except BaseException as error:
            if producer is not None:
                await self._discard(producer)
            if isinstance(error, (KafkaError, OSError)) or leaked(error):
                raise Unsent(type(error).__name__) from error
            raise

    async def _running(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = self._make_producer()
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        """Close a producer, bounded, before another may send: two at once would lose the order.

        Of several senders that fail together only the first finds it to be the current one.
        """
        async with self._starting:
            is_current = self._producer is producer
            if not is_current:
                return
            self._producer = None
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)
            # a stop that was cut short leaves its sender alive, and that would still send
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                await asyncio.wait_for(_kill(producer), CLOSE_SECONDS)


async def _by_partition(producer: AIOKafkaProducer, rows: Sequence[Any]) -> dict[tuple[str, int], list[Any]]:
    """The rows of each topic and partition, in order. A key goes where the Java client would put it."""
    partitions: dict[str, int] = {}
    for topic in {row.topic for row in rows}:
        partitions[topic] = len(await producer.partitions_for(topic))
    found: dict[tuple[str, int], list[Any]] = {}
    for row in rows:
        number = partitions[row.topic]
        partition = _hashed(row.key) % number if row.key is not None else randrange(number)
        found.setdefault((row.topic, partition), []).append(row)
    return found


@lru_cache(maxsize=8_192)
def _hashed(key: bytes) -> int:
    """Kafka's own hash of a key, which aiokafka computes in Python; all messages of a job share one."""
    return int(murmur2(key)) & 0x7FFFFFFF


def _batches(
    producer: AIOKafkaProducer, rows: Mapping[tuple[str, int], Sequence[Any]]
) -> Iterator[tuple[str, int, Any]]:
    """Whole batches, one ack each; the first of every partition before the second of any, which waits for it."""
    for turn in zip_longest(*[_batches_of(producer, part) for part in rows.values()]):
        for (topic, partition), batch in zip(rows, turn, strict=True):
            if batch is not None:
                yield topic, partition, batch


def _batches_of(producer: AIOKafkaProducer, rows: Sequence[Any]) -> Iterator[Any]:
    batch = producer.create_batch()
    for row in rows:
        record = {
            "key": row.key,
            "value": row.value,
            "headers": unpack_headers(row.headers),
            "timestamp": None,
        }
        if batch.append(**record) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(**record)  # the first one always fits; its size was checked before the commit
    yield batch


async def _kill(producer: AIOKafkaProducer) -> None:
    await producer._sender.close()  # noqa: SLF001  # aiokafka has no way to stop without flushing
    await producer.client.close()


class _Message:
    """A compacted row in the shape of an outbox row."""

    __slots__ = ("headers", "key", "topic", "value")

    def __init__(self, topic: str, key: bytes, headers: str, value: bytes | None) -> None:
        self.topic = topic
        self.key = key
        self.headers = headers
        self.value = value


LARGEST_REQUEST = max(topic.max_message_bytes for topic in catalogue.TOPICS.values()) + 65536
"""What the producer must be allowed to send: the largest message of the catalogue with its framing."""
