"""What stands on the topics is not as it should be, or comes again, or in another order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from contracts import catalogue, job_exchange_jobs_v1
from contracts.topics import Topic
from laboratory import conduct
from laboratory.laboratory import FaultMissed, Inject, Laboratory
from servicenetz.invariants.snapshot import Seen, read

REPLAYED = 100
JOBS_REPLAYED = 3
TIMEOUT_S = 30.0
UNREAD_S = 2.0
"""A service stays away for so long, so that something unread is there."""
SILENT = 0
TOO_SMALL_BYTES = 700
"""Less than any event about a job takes, envelope included."""

Headers = list[tuple[str, str | bytes | None]]
Record = tuple[str, int, bytes | None, bytes | None, Headers]
"""topic, partition, key, value, headers"""
POISON: Sequence[tuple[str, bytes | None, bytes | None, Headers]] = (
    ("nothing at all", None, None, []),
    ("no envelope", b"key", b"{}", []),
    ("bytes for JSON", b"\xff\xfe", b"\xff\xfe\x00", [("ce_type", b"\xff")]),
    ("a header that is not UTF-8", b"key", b"{}", [("ce_id", b"\xc3\x28"), ("\udcff", b"x")]),
    ("a header twice", b"key", b"{}", [("ce_id", b"1"), ("ce_id", b"2")]),
    ("a huge number", b"key", b"1" * 5000, [("ce_type", b"job-exchange.PostJob.v1")]),
    ("nested without end", b"key", b"[" * 100_000, [("ce_type", b"job-exchange.PostJob.v1")]),
    ("a reply address", b"key", b"{}", [("reply_to", b"job-exchange.commands.v1")]),
)
"""At the head of each topic; the whole list of classes is fired by the fuzzer of bad input."""


def _admin(lab: Laboratory) -> AdminClient:
    return AdminClient({"bootstrap.servers": lab.stack.kafka_bootstrap, "log_level": SILENT})


def _producer(lab: Laboratory) -> Producer:
    return Producer(
        {
            "bootstrap.servers": lab.stack.kafka_bootstrap,
            "log_level": SILENT,
            "linger.ms": 20,
            "compression.type": "lz4",
        }
    )


def _produce(lab: Laboratory, records: Sequence[Record]) -> None:
    """In this order; returns when the broker has them."""
    producer = _producer(lab)
    for topic, partition, key, value, headers in records:
        while True:
            try:
                producer.produce(topic, value, key, partition, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(TIMEOUT_S):
        raise FaultMissed("the broker did not take the records")


def _read_topics(lab: Laboratory) -> list[Topic]:
    """Every topic that services read, by what they say they have read."""
    names = {
        name
        for service in lab.stack.services
        for (name,) in lab.sql(service, "SELECT DISTINCT topic FROM progress")
    }
    return [catalogue.TOPICS[name] for name in sorted(names)]


def _count(lab: Laboratory, column: str) -> Counter[str]:
    """Sums of a progress column per topic, over all readers."""
    counted: Counter[str] = Counter()
    for service in lab.stack.services:
        for topic, number in lab.sql(service, f"SELECT topic, sum({column}) FROM progress GROUP BY topic"):  # noqa: S608
            counted[topic] += int(number)
    return counted


def _readers(lab: Laboratory) -> Counter[str]:
    """How many readers each topic has."""
    counted: Counter[str] = Counter()
    for service in lab.stack.services:
        counted.update(t for (t, _) in lab.sql(service, "SELECT DISTINCT topic, reader FROM progress"))
    return counted


async def poison(lab: Laboratory) -> None:
    """Records that nobody can read, at the head of every partition of every topic, while good ones come."""
    await lab.load.under_way(0.1)
    topics: list[Topic] = await lab.off_loop(_read_topics, lab)
    before, readers = await lab.off_loop(_count, lab, "dead"), await lab.off_loop(_readers, lab)
    records: list[Record] = []
    for topic in topics:
        for partition in range(topic.partitions):
            _, key, value, headers = lab.lots.choice(POISON)
            key = key or (b"key" if topic.compacted else None)  # the broker itself asks for one there
            records.append((topic.name, partition, key, value or b"{", _sendable(headers)))
    await lab.off_loop(_produce, lab, records)
    lab.hits = len(records)
    expected = Counter(topic for topic, *_ in records)

    def all_dead() -> bool:
        now = _count(lab, "dead")
        return all(now[name] - before[name] == expected[name] * readers[name] for name in expected)

    await lab.until(all_dead, "each poisonous record becomes one dead letter of each reader")


def _sendable(headers: Headers) -> Headers:
    """What librdkafka can write; names that are no UTF-8 are for the fuzzer."""
    return [(name.encode("utf-8", "replace").decode(), value) for name, value in headers]


def _of_some_jobs(lab: Laboratory, topics: Collection[str]) -> list[Seen]:
    """All records on these topics about some of the jobs of this load that have ended, in their order."""
    ended = [str(job.job_id) for job in lab.load.jobs if job.ended]
    chosen = set(lab.lots.sample(ended, min(JOBS_REPLAYED, len(ended))))
    snapshot = read(lab.stack.kafka_bootstrap)
    return [
        seen
        for name in sorted(topics)
        for seen in snapshot.records[name]
        if seen.envelope is not None and seen.envelope.subject in chosen
    ]


async def replayed(lab: Laboratory) -> None:
    """All commands and events of some jobs again, a hundred times over, in order; not one has an effect."""
    await lab.load.ended(0.4)
    names = [topic.name for topic in await lab.off_loop(_read_topics, lab) if not topic.compacted]
    found: list[Seen] = await lab.off_loop(_of_some_jobs, lab, names)
    readers = await lab.off_loop(_readers, lab)
    before = await lab.off_loop(_count, lab, "duplicate")
    records = [
        (seen.topic, seen.partition, seen.key, seen.value, [(n, v) for n, v in seen.headers])
        for seen in found
    ]
    await lab.off_loop(_produce, lab, records * REPLAYED)
    lab.hits = len(records) * REPLAYED
    expected = Counter(seen.topic for seen in found)

    def all_known() -> bool:
        now = _count(lab, "duplicate")
        return all(now[name] - before[name] >= expected[name] * REPLAYED * readers[name] for name in expected)

    await lab.until(all_known, "each record that comes again is counted as a duplicate", 240)


async def reordered(lab: Laboratory) -> None:
    """Events overtake each other on their way out of one replica of each service, by most of a second."""
    told = lab.stack.folder / "reordered.txt"
    instances = lab.one_of_each()
    for instance in instances:
        lab.orders(instance).give(conduct.REORDER, str(told))
    await lab.load.ended(0.7)
    for instance in instances:
        lab.orders(instance).withdraw(conduct.REORDER)
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    lab.hits = len(lines)
    lab.unordered |= {(topic, subject) for topic, subject in (line.split() for line in lines)}
    if not lines:
        raise FaultMissed("nothing was put out of order")


def offsets(change: Callable[[Laboratory, AdminClient, str], int]) -> Inject:
    """A service stops, something happens to its groups' offsets, it starts again; each service in turn.

    Not at once: what comes meanwhile is what could be passed over.
    """

    async def inject(lab: Laboratory) -> None:
        await lab.load.under_way(0.2)
        admin = _admin(lab)
        for name, service in lab.stack.services.items():
            await lab.off_loop(service.stop)
            await lab.lasting(UNREAD_S)
            readers = await lab.off_loop(lab.sql, name, "SELECT DISTINCT reader FROM progress")
            for (reader,) in readers:
                lab.hits += await lab.off_loop(change, lab, admin, f"{name}.{reader}")
            await lab.off_loop(service.start)

    return inject


def deleted(_lab: Laboratory, admin: AdminClient, group: str) -> int:
    """The group is forgotten."""
    admin.delete_consumer_groups([group])[group].result(TIMEOUT_S)
    return 1


def set_back(lab: Laboratory, admin: AdminClient, group: str) -> int:
    """To somewhere that was passed long ago."""
    return _move(admin, group, lambda partition: lab.lots.randint(0, max(0, partition.offset)))


def set_forward(lab: Laboratory, admin: AdminClient, group: str) -> int:
    """To the end of each partition: what is not read yet would be passed over."""
    consumer = Consumer(
        {"bootstrap.servers": lab.stack.kafka_bootstrap, "group.id": "laboratory", "log_level": SILENT}
    )
    try:
        return _move(admin, group, lambda partition: consumer.get_watermark_offsets(partition, TIMEOUT_S)[1])
    finally:
        consumer.close()


def _move(admin: AdminClient, group: str, to: Callable[[TopicPartition], int]) -> int:
    """Returns by how many records; a group that has never committed has nothing to move."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    partitions = asked[group].result(TIMEOUT_S).topic_partitions
    if not partitions:
        return 0
    moved = [TopicPartition(p.topic, p.partition, to(p)) for p in partitions]
    done = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, moved)])
    done[group].result(TIMEOUT_S)
    return sum(abs(new.offset - old.offset) for old, new in zip(partitions, moved, strict=True))


async def too_large_for_the_broker(lab: Laboratory) -> None:
    """The broker's limit for events about jobs falls below what they need, and is put right again."""
    await lab.load.under_way(0.1)
    topic = job_exchange_jobs_v1.TOPIC
    await lab.off_loop(_limit, lab, topic, TOO_SMALL_BYTES)
    unsent = lambda: bool(lab.sql("job-exchange", "SELECT 1 FROM outbox LIMIT 1"))  # noqa: E731
    await lab.until(unsent, "no message was too large")
    lab.hits += 1
    await lab.lasting(lab.lots.uniform(2, 6))
    await lab.off_loop(_limit, lab, topic, topic.max_message_bytes)


def _limit(lab: Laboratory, topic: Topic, most: int) -> None:
    admin = _admin(lab)
    entry = ConfigEntry("max.message.bytes", str(most), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
