"""What a look brings of each partition, and what it gives back, by a real consumer on a topic of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chassis import looks
from chassis.looks import Room, Seen
from chassis.testing.infrastructure import Infrastructure
from chassis.testing.network import until
from contracts.ids import uuid7

PARTITIONS = 6


class Topic:
    """`known`: what was written, by partition, in order."""

    def __init__(self, name: str, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self.name = name
        self.consumer = consumer
        self.known: dict[int, list[bytes]] = defaultdict(list)
        self.read: dict[int, list[bytes]] = defaultdict(list)
        self._producer = producer
        self._numbers = count()

    def partition(self, number: int) -> TopicPartition:
        return TopicPartition(self.name, number)

    async def write(self, partition: int, records: int) -> None:
        values = [b"%d" % next(self._numbers) for _ in range(records)]
        sent = [await self._producer.send(self.name, value, partition=partition) for value in values]
        await asyncio.gather(*sent)
        self.known[partition] += values

    async def begin(self, *partitions: int) -> None:
        """Read these partitions from here on, with something fetched ahead."""
        self.consumer.assign([self.partition(number) for number in partitions])
        for number in partitions:
            self.consumer.seek(self.partition(number), 0)
        looks.fetch_for_all_or_none(self.consumer)
        await self.fetched()

    async def fetched(self) -> None:
        await until(lambda: bool(self.consumer._fetcher._records))

    async def there(self, room: Room) -> dict[int, int]:
        """How many records of each partition a pair of looks has brought."""
        return self.take(await looks.there(self.consumer, room))

    def take(self, seen: Seen) -> dict[int, int]:
        for partition, records in seen.found.items():
            self.read[partition.partition] += [record.value for record in records]
        return {partition.partition: len(records) for partition, records in seen.found.items()}

    async def rest(self, room: Room) -> list[dict[int, int]]:
        """All that is still to come."""
        batches = []
        while self.read != self.known:
            if batch := self.take(await looks.look(self.consumer, room, 5_000)):
                batches.append(batch)
            else:
                raise AssertionError(f"{self.read} is not {self.known}")
        return batches


@pytest.fixture
async def topic(infrastructure: Infrastructure) -> AsyncIterator[Topic]:
    """A topic, its writer and a reader that has not begun."""
    name = f"looks-{uuid7()}"
    servers = infrastructure.kafka_bootstrap
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    async with (
        AIOKafkaProducer(bootstrap_servers=servers) as producer,
        AIOKafkaConsumer(
            bootstrap_servers=servers, enable_auto_commit=False, fetch_max_wait_ms=50
        ) as consumer,
    ):
        yield Topic(name, producer, consumer)
    await admin.delete_topics([name])
    await admin.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker has other work as well."""
    monkeypatch.setattr(looks, "LATER_ONES_MS", 2_000)


def test_each_partition_has_its_share_of_a_batch() -> None:
    room = Room(all=500, of_one=64)
    assert [room.share(partitions) for partitions in (0, 1, 7, 10, 12, 1000)] == [64, 64, 64, 50, 41, 1]


async def test_a_flood_brings_its_share_and_others_come_beside_it(topic: Topic) -> None:
    room = Room(all=40, of_one=8)
    await topic.write(0, 60)
    await topic.begin(0, 1)
    await topic.write(1, 3)
    # the second look finds them: nothing of the flood is kept that would keep aiokafka from fetching
    assert await topic.there(room) == {0: 8, 1: 3}
    await topic.fetched()
    await topic.write(1, 2)
    assert await topic.there(room) == {0: 8, 1: 2}
    assert await topic.rest(room) == [{0: 8}] * 5 + [{0: 4}]


async def test_of_one_partition_alone_no_second_look_brings_more(topic: Topic) -> None:
    await topic.write(0, 20)
    await topic.begin(0)
    assert await topic.there(Room(all=40, of_one=8)) == {0: 8}
    await topic.rest(Room(all=40, of_one=8))


async def test_with_more_partitions_than_room_each_has_its_turn(topic: Topic) -> None:
    room = Room(all=4, of_one=8)
    for number in range(PARTITIONS):
        await topic.write(number, 3)
    await topic.begin(*range(PARTITIONS))
    batches = [await topic.there(room), *await topic.rest(room)]
    assert all(sum(batch.values()) <= 4 for batch in batches)


async def test_a_second_look_that_fails_leaves_the_first_and_the_place_of_the_rest(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    await topic.write(0, 20)
    await topic.begin(0, 1)
    getmany = topic.consumer.getmany

    async def failing(
        *partitions: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        if timeout_ms == looks.LATER_ONES_MS:
            raise OSError("another partition's")
        found: dict[TopicPartition, list[ConsumerRecord]] = await getmany(*partitions, timeout_ms=timeout_ms)
        return found

    room = Room(all=40, of_one=8)
    monkeypatch.setattr(topic.consumer, "getmany", failing)
    seen = await looks.there(topic.consumer, room)
    assert (topic.take(seen), seen.more) == ({0: 8}, {topic.partition(0)})
    assert isinstance(seen.failure, OSError)
    monkeypatch.undo()
    await topic.rest(room)
