"""Offsets of the toy's groups, set as an operator would who types `--to-latest`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.testing.network import until
from contracts.catalogue import Topic
from toy_service.service import READERS
from toy_service.world import World


async def set_to_the_end(bootstrap: str, group: str, topics: Iterable[Topic]) -> bool:
    """Nothing is left to read for this group; False while it still has a member, dead or alive."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    except KafkaError:
        return False
    finally:
        await consumer.stop()
    return True


async def leave_nothing(world: World) -> None:
    """For tests that end without having read what they have sent: the next one counts its own messages."""
    for reader in READERS:
        move = partial(set_to_the_end, world.outside.bootstrap, f"job-exchange.{reader.name}", reader.topics)
        await until(move, seconds=30)
