"""All records of all topics, as anybody with the right to read sees them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from contracts import catalogue
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable
from contracts.topics import Topic

TIMEOUT_S = 15.0
AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Seen:
    """A record; `envelope` is None where it cannot be read, `message` for tombstones and what cannot be read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    envelope: Envelope | None
    message: Message | None


@dataclass
class Snapshot:
    """Topics as they stood when they were read. `ends`: one past the last offset of each partition."""

    records: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    begins: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)

    def moved(self, bootstrap: str) -> str | None:
        """What was written since it was taken, if anything was."""
        consumer = _consumer(bootstrap)
        try:
            for (topic, number), end in self.ends.items():
                _, now = consumer.get_watermark_offsets(TopicPartition(topic, number), TIMEOUT_S)
                if now > end:
                    return f"{now - end} records more on {topic}/{number} than a moment ago"
        finally:
            consumer.close()
        return None

    def of(self, kind: type[Message]) -> Iterator[Seen]:
        """The records of one kind of message, repeats (the same source and id) left out."""
        met: set[tuple[str, str]] = set()
        for seen in self.records[catalogue.topic_of(kind).name]:
            if isinstance(seen.message, kind) and seen.envelope is not None:
                key = (seen.envelope.source, seen.envelope.id)
                if key not in met:
                    met.add(key)
                    yield seen


def read(bootstrap: str) -> Snapshot:
    """Read every topic of the catalogue from its beginning to its present end. Raises TimeoutError."""
    snapshot = Snapshot()
    consumer = _consumer(bootstrap)
    try:
        for topic in catalogue.TOPICS.values():
            for number in range(topic.partitions):
                partition = TopicPartition(topic.name, number)
                begin, end = consumer.get_watermark_offsets(partition, TIMEOUT_S)
                snapshot.begins[(topic.name, number)], snapshot.ends[(topic.name, number)] = begin, end
        _consume(consumer, snapshot)
    finally:
        consumer.close()
    return snapshot


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "servicenetz-check",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
            "log_level": 0,  # a broker that comes and goes is what we look at
            "fetch.message.max.bytes": 4_194_304,
        }
    )


def _consume(consumer: Consumer, snapshot: Snapshot) -> None:
    missing = {where for where, end in snapshot.ends.items() if end > snapshot.begins[where]}
    consumer.assign(
        [TopicPartition(topic, number, snapshot.begins[(topic, number)]) for topic, number in missing]
    )
    while missing:
        records = consumer.consume(AT_ONCE, TIMEOUT_S)
        if not records:
            raise TimeoutError(f"the broker gave no more records; {len(missing)} partitions are unread")
        for record in records:
            if record.error() is not None:
                raise OSError(str(record.error()))
            topic, partition, offset = str(record.topic()), record.partition() or 0, record.offset() or 0
            if offset >= snapshot.ends[(topic, partition)] - 1:
                missing.discard((topic, partition))
            if offset < snapshot.ends[(topic, partition)]:
                headers = tuple((str(header[0]), _bytes(header[1])) for header in record.headers() or ())
                seen = _look(
                    catalogue.TOPICS[topic], partition, offset, record.key(), record.value(), headers
                )
                snapshot.records[topic].append(seen)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _look(
    topic: Topic,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...],
) -> Seen:
    envelope: Envelope | None = None
    message: Message | None = None
    if not topic.raw:
        try:
            envelope = Envelope.from_headers(headers)
            if value is not None:
                message = catalogue.decode_type(topic.name, envelope.type).read(value)
        except Unreadable:
            pass  # anybody may have written anything; the services count it, and `8` checks their count
    return Seen(topic.name, partition, offset, key, value, headers, envelope, message)
