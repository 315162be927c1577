"""One reader on Kafka: FastStream polls, the path works, offsets are committed only behind it.

FastStream's own acknowledgement is switched off: each of its policies commits, skips or loops where this path must
wait. What it does not do by itself is done here: a parser that no header can break (`unread.py`), a poll without a
second sleep, waiting for the batch before partitions go, going back after a failed poll, and a handler that never
raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
import time
from collections.abc import Iterable, Sequence
from types import MethodType
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from opentelemetry.trace import SpanKind

from chassis import looks, tolerant, unread
from chassis.errors import Alike, Ill, Kind, Leaked, Unsent, classify, leaked, said
from chassis.metrics import Metrics
from chassis.pace import Pace
from chassis.path import Path
from chassis.settings import ServiceSettings
from chassis.telemetry import link_to, tracer
from chassis.trouble import TOLD_AFTER_SECONDS, Trouble

log = structlog.get_logger()

REVOKED_WAITS_SECONDS = 8.0
"""How long a running batch may end when partitions are revoked; the rebalance time-out is 10 s."""
TRY_AGAIN_SECONDS = 0.5
COMMIT_SECONDS = 0.5
"""Offsets are committed no more often than this: progress in the database is what counts."""
BACKOFF_FIRST, BACKOFF_MOST = 0.1, 10.0
ILL_WAITS_SECONDS = 15.0
ALONE_AFTER = 3
"""A batch that failed so often transiently is done one message at a time, to find the one that fails alone."""
TRIES_ALONE = 10
OTHERS_TRIED = 3
"""So many records of other aggregates are tried before one is called the culprit."""
LAG_ANSWER_SECONDS = 10.0
COMMIT_ANSWER_SECONDS = 2.0
GIVE_BACK_SECONDS = 1.0
"""How long a batch that was cancelled may take to roll back, and then the last commit to be answered."""


class Movement:
    """When a consumer was last seen to move, or to have nothing to do (monotonic)."""

    def __init__(self) -> None:
        self.touched = time.monotonic()


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Feeds one path with batches. `ill` says why it has stopped, `touched` when it last showed life
    (monotonic)."""

    def __init__(self, path: Path, settings: ServiceSettings, metrics: Metrics) -> None:
        self._path = path
        self._settings = settings
        self._metrics = metrics
        self._running: asyncio.Task[None] | None = None
        self._context = contextvars.copy_context()
        self._positions: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self._alike = Alike()
        self._trouble = Trouble()
        self._handed: dict[TopicPartition, int] = {}
        self._kafka: AIOKafkaConsumer | None = None
        self._stopping = asyncio.Event()
        self.ill: str | None = None
        self.touched = time.monotonic()
        self.movement = Movement()
        self.has_joined = asyncio.Event()
        self.busy_since: float | None = None
        self._last_positions: dict[TopicPartition, int] = {}
        self._newly_assigned = False
        self._room = looks.Room(settings.batch_max_records, settings.batch_max_records_of_partition)
        self._pace = Pace()
        self._more = False

    @property
    def joined(self) -> bool:
        """Whether the group has given this consumer its part at least once."""
        return self.has_joined.is_set()

    @property
    def name(self) -> str:
        return self._path.reader.name

    def trouble(self) -> str | None:
        """Why it does not get on, in a sentence; None when it does."""
        if self.ill or not self.joined:
            return self.ill or "not in its group yet"
        still = time.monotonic() - min(self.touched, self.movement.touched)
        if still > TOLD_AFTER_SECONDS:
            return self._trouble.told() or f"has not moved for {still:.0f} s, with records to read"
        return self._trouble.told()

    @property
    def assigned(self) -> set[TopicPartition]:
        """The partitions that are ours now."""
        return set(self._kafka.assignment()) if self._kafka is not None else set()

    def attach(self, broker: KafkaBroker, group: str) -> None:
        """Register with FastStream."""
        tolerant.install()
        subscriber = broker.subscriber(
            *[topic.name for topic in self._path.reader.topics],
            group_id=group,
            batch=True,
            max_records=self._settings.batch_max_records,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            partition_assignment_strategy=(RangePartitionAssignor,),
            fetch_max_bytes=self._settings.fetch_bytes,
            max_partition_fetch_bytes=self._settings.partition_fetch_bytes,
            fetch_max_wait_ms=int(self._settings.poll_seconds * 1000),
            session_timeout_ms=self._settings.session_timeout_ms,
            heartbeat_interval_ms=self._settings.session_timeout_ms // 4,
            rebalance_timeout_ms=10_000,
            listener=self,
            parser=unread.parse,
            decoder=unread.records,
        )
        subscriber(self._handle)
        # aiokafka returns as soon as there is something; FastStream's own get_msg sleeps once more after an empty poll
        subscriber.get_msg = MethodType(self._poll, subscriber)  # type: ignore[method-assign]

    # -- polling ------------------------------------------------------------------------------------------------------

    async def _poll(self, _: Any, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """The next batch: whatever is there, at once; with more load batches grow, see `Pace`."""
        if self._kafka is not consumer:
            self._kafka = consumer
            looks.fetch_for_all_or_none(consumer)
        self.touched = time.monotonic()
        try:
            if self._newly_assigned:
                await self._stay_behind_progress(consumer)
            await asyncio.sleep(self._pace.rest(time.monotonic()))
            seen = await looks.there(consumer, self._room)
            if not seen.found:
                await self._commit_now_and_then()
                seen = await looks.look(consumer, self._room, int(self._settings.poll_seconds * 1000))
            if seen.found and self._newly_assigned:
                # partitions moved while we looked: what was found before comes again to whoever has them now, and
                # where the new ones begin is not written down yet
                await self._go_back(consumer)
                return ()
        except ConsumerStoppedError:
            raise
        except Exception as error:  # noqa: BLE001  # FastStream would end the loop, or go on behind what was lost
            await self._back_after(error, consumer)
            await asyncio.sleep(TRY_AGAIN_SECONDS)
            return ()
        if not seen.found:
            self._trouble.over()
        for partition, records in seen.found.items():
            self._handed[partition] = records[-1].offset + 1
        self._more = bool(seen.more)
        if seen.failure is not None:
            await self._back_after(seen.failure, consumer)
        return tuple(record for records in seen.found.values() for record in records)

    async def _back_after(self, error: Exception, consumer: AIOKafkaConsumer) -> None:
        """What a failed look had collected of other partitions is lost with it, and its positions have moved on."""
        log.warning("poll failed; going back", reader=self.name, error=said(error), exc_info=error)
        self._trouble.failed(error)
        self._newly_assigned = True
        await self._go_back(consumer)

    async def _stay_behind_progress(self, consumer: AIOKafkaConsumer) -> None:
        """Start no further on than what is done: offsets that somebody has set forward would pass records over.

        Where a partition begins for this reader is written down before its first record, so that this can be known.
        """
        self._newly_assigned = False
        async with asyncio.timeout(LAG_ANSWER_SECONDS):
            passed = await self._path.passed()
            begins: dict[tuple[str, int], int] = {}
            for partition in consumer.assignment():
                position = await consumer.position(partition)
                done = passed.get((partition.topic, partition.partition))
                if done is None:
                    begins[(partition.topic, partition.partition)] = position
                elif done < position:
                    log.warning(
                        "offset lies ahead of what is done; going back",
                        reader=self.name, topic=partition.topic, partition=partition.partition, by=position - done,
                    )  # fmt: skip
                    consumer.seek(partition, done)
            if begins:
                await self._path.begin(begins)

    async def _go_back(self, consumer: AIOKafkaConsumer) -> None:
        """Put each partition's position behind what was handed on; what was not comes again. Insists on it."""
        while not self._stopping.is_set():
            self.touched = time.monotonic()
            try:
                for partition in consumer.assignment():
                    position = self._handed.get(partition)
                    if position is None:
                        position = await consumer.committed(partition)
                    if position is None:
                        await consumer.seek_to_beginning(partition)
                    else:
                        consumer.seek(partition, position)
            except (KafkaError, OSError) as error:
                log.warning("cannot go back yet", reader=self.name, error=said(error))
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                return

    async def _handle(self, records: Sequence[ConsumerRecord]) -> None:
        """FastStream's handler. Never raises: an exception here would pass the batch over silently."""
        if self._stopping.is_set():
            return
        # FastStream keeps the message in its context, and whatever is begun within keeps that: the timer that asyncpg
        # sets for each statement it prepares would hold these records for five minutes
        self._running = asyncio.create_task(self._settle(records), context=self._context.copy())
        self.busy_since = time.monotonic()
        try:
            await asyncio.wait({self._running})
            if self._running.cancelled():
                log.info("batch given back", reader=self.name, records=len(records))
                self._seek_back(records)
            elif (error := self._running.exception()) is not None:
                log.error(
                    "batch failed outside its own handling; going back to it",
                    reader=self.name,
                    exc_info=error,
                )
                self._trouble.failed(error)
                self._seek_back(records)
        finally:
            self.busy_since = None

    async def _settle(self, records: Sequence[ConsumerRecord]) -> None:
        """Work until these records are through, however long it takes, then note their offsets for the commit."""
        began = time.monotonic()
        links = [link for record in records[:1] if (link := link_to(_traceparent(record))) is not None]
        with tracer.start_as_current_span(f"{self.name} batch", kind=SpanKind.CONSUMER, links=links):
            await self._insist(records)
        ended = time.monotonic()
        self._metrics.took(ended - began)
        self._pace.worked(began, ended, more=self._more)
        for record in records:
            self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        await self._commit_now_and_then()

    async def _insist(self, records: Sequence[ConsumerRecord]) -> None:
        tries = 0
        while True:
            self.touched = time.monotonic()
            try:
                if tries < ALONE_AFTER:
                    await self._take(records)
                    self._alike.clear()
                else:
                    await self._one_by_one(records)
            except Exception as error:  # noqa: BLE001  # each kind has its own answer, none may end the consumer
                tries = await self._after(error, tries, len(records))
            else:
                self.ill = None
                self._trouble.over()
                return

    async def _take(
        self, records: Sequence[ConsumerRecord], *, failure: str | None = None, keep: bool = True
    ) -> None:
        """The path, with a cancellation that nobody asked for made an error: it would end the consumer for good."""
        try:
            await self._path.take(records, failure=failure, keep=keep)
        except asyncio.CancelledError as error:
            if leaked(error):
                raise Leaked from error
            raise

    async def _after(self, error: Exception, tries: int, records: int) -> int:
        """What to do about a failed attempt: wait, stop being ready, or go on one by one."""
        kind = self._note(error)
        if kind is Kind.DETERMINISTIC:
            log.warning(
                "batch failed; doing it one by one", reader=self.name, records=records, error=said(error)
            )
            return ALONE_AFTER
        if kind is Kind.ILL:
            self.ill = said(error)
            log.error(
                "this service is ill; nothing is taken or dead-lettered", reader=self.name, error=self.ill
            )
            await self._rest(ILL_WAITS_SECONDS)
            return tries
        delay = min(BACKOFF_FIRST * 2.0**tries, BACKOFF_MOST) * random.uniform(0.5, 1.5)
        log.warning("waiting to try again", reader=self.name, seconds=round(delay, 1), error=said(error))
        await self._rest(delay)
        # what is decided and not sent is no message's fault, however often it fails
        return min(tries + 1, ALONE_AFTER - 1) if isinstance(error, Unsent) else tries + 1

    def _note(self, error: Exception) -> Kind:
        """Count it, and remember since when it goes on."""
        kind = classify(error)
        self._metrics.failed(kind.value)
        self._trouble.failed(error)
        return kind

    async def _rest(self, seconds: float) -> None:
        """Wait, in steps, so that the watchdog sees us alive."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.touched = time.monotonic()
            await asyncio.sleep(min(left, 1.0))

    # -- one by one ---------------------------------------------------------------------------------------------------

    async def _one_by_one(self, records: Sequence[ConsumerRecord]) -> None:
        """Find the record that fails alone. Raises Ill when several different ones fail alike."""
        for number, record in enumerate(records):
            for attempt in range(1, TRIES_ALONE + 1):
                self.touched = time.monotonic()
                try:
                    await self._take([record])
                    self._alike.clear()
                    self.ill = None
                    self._trouble.over()
                    break
                except Exception as error:
                    rest, last = records[number + 1 :], attempt == TRIES_ALONE
                    kind = classify(error)
                    if kind is Kind.ILL or isinstance(error, Unsent):
                        raise
                    if kind is Kind.TRANSIENT and last and not await self._others_work(rest):
                        raise
                    self._note(error)
                    if kind is Kind.DETERMINISTIC or last:
                        await self._condemn(record, error, rest if kind is Kind.DETERMINISTIC else ())
                        break
                    await self._rest(min(BACKOFF_FIRST * 2.0**attempt, BACKOFF_MOST))

    async def _condemn(
        self, record: ConsumerRecord, error: Exception, rest: Sequence[ConsumerRecord]
    ) -> None:
        """Make it a dead letter, unless others fail alike: then it is us."""
        alike = self._alike.add(error, _about(record))
        for other in _of_other_aggregates(rest, alike, OTHERS_TRIED):
            if self._alike.too_many(error):
                break
            try:
                await self._take([other], keep=False)
            except Exception as again:  # noqa: BLE001  # a trial: its failure is the answer
                self._alike.add(again, _about(other))
            else:
                self._alike.clear()
                break
        if self._alike.too_many(error):
            raise Ill("several different aggregates fail alike") from error
        log.error("dead letter", reader=self.name, topic=record.topic, partition=record.partition,
                  offset=record.offset, error=said(error))  # fmt: skip
        await self._take([record], failure=said(error))

    async def _others_work(self, rest: Sequence[ConsumerRecord]) -> bool:
        """Whether the database answers and another record could be done: then the one at hand is at fault."""
        try:
            for other in rest[:1]:
                await self._take([other], keep=False)
            await self._path.probe()
        except Exception as error:  # noqa: BLE001  # a trial: its failure is the answer
            log.info("others fail too", reader=self.name, error=said(error))
            return False
        return True

    # -- offsets and partitions ---------------------------------------------------------------------------------------

    async def _commit_now_and_then(self) -> None:
        if time.monotonic() - self._committed_at > COMMIT_SECONDS:
            await self._commit()

    async def _commit(self) -> None:
        """Commit what is through, of the partitions that are still ours. A failure costs a redelivery, no more."""
        if self._kafka is None or not self._positions:
            return
        ours = self._kafka.assignment()
        positions = {partition: offset for partition, offset in self._positions.items() if partition in ours}
        self._positions.clear()
        self._committed_at = time.monotonic()
        if not positions:
            return
        try:
            # aiokafka would try for as long as there is no coordinator, and nothing else would go on meanwhile
            async with asyncio.timeout(COMMIT_ANSWER_SECONDS):
                await self._kafka.commit(positions)
        except (KafkaError, OSError) as error:
            self._positions = positions | self._positions
            log.info("offsets not committed yet", reader=self.name, error=said(error))

    def _seek_back(self, records: Sequence[ConsumerRecord]) -> None:
        """Go back to these records, of the partitions that are still ours."""
        if self._kafka is None:
            return
        first: dict[TopicPartition, int] = {}
        for record in records:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        for partition in self._kafka.assignment() & first.keys():
            self._kafka.seek(partition, first[partition])
            self._handed[partition] = first[partition]

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Let the running batch end, or cancel it: its transaction rolls back and the next owner gets the records.

        What a poll is about to hand on meanwhile is theirs as well.
        """
        self._newly_assigned = True
        await self.finish(REVOKED_WAITS_SECONDS)

    async def on_partitions_assigned(self, _assigned: Iterable[TopicPartition]) -> None:
        """Positions of before mean nothing now: others may have worked on these partitions."""
        self._positions.clear()
        self._handed.clear()
        self._newly_assigned = True
        self.has_joined.set()

    async def finish(self, seconds: float) -> None:
        """End the running batch within `seconds` or give it back; commit what is through. At most 2 s more in all."""
        running = self._running
        if running is not None and not running.done():
            _, pending = await asyncio.wait({running}, timeout=seconds)
            if pending:
                running.cancel()
                await asyncio.wait({running}, timeout=GIVE_BACK_SECONDS)
        with contextlib.suppress(TimeoutError):  # costs a redelivery, no more
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._commit()

    async def stop(self, seconds: float) -> None:
        """Take no more batches, then finish."""
        self._stopping.set()
        await self.finish(seconds)

    async def look_at_lag(self) -> None:
        """Measure how far behind we are. Behind without moving or working: the watchdog will hear nothing of us.

        A consumer was seen to poll for ever without a record after a broker restart, its group membership intact.
        """
        if self._kafka is None:
            return
        partitions = sorted(self._kafka.assignment())
        try:
            async with asyncio.timeout(LAG_ANSWER_SECONDS):
                ends = await self._kafka.end_offsets(partitions) if partitions else {}
                positions = {partition: await self._kafka.position(partition) for partition in partitions}
        except (KafkaError, OSError):
            # the broker is away or partitions move: waiting is not being stuck
            self.movement.touched = time.monotonic()
            return
        lag = sum(max(0, ends[partition] - positions[partition]) for partition in partitions)
        self._metrics.lag(lag)
        if lag == 0 or positions != self._last_positions or self.busy_since is not None:
            self.movement.touched = time.monotonic()
        self._last_positions = positions


def _traceparent(record: ConsumerRecord) -> str | None:
    for name, value in record.headers:
        if name == "traceparent" and value is not None:
            return str(value, "ascii", "replace")
    return None


def _about(record: ConsumerRecord) -> str:
    """What a record is about, as far as its key says."""
    return f"{record.topic}/{(record.key or b'').hex() or record.offset}"


def _of_other_aggregates(rest: Sequence[ConsumerRecord], known: set[str], most: int) -> list[ConsumerRecord]:
    others: dict[str, ConsumerRecord] = {}
    for record in rest:
        if _about(record) not in known:
            others.setdefault(_about(record), record)
    return list(others.values())[:most]
