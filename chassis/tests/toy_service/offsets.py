"""Offsets of the toy's groups, set as an operator would who types `--to-latest`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.testing.network import until
from contracts.catalogue import Topic
from toy_service.service import READERS


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


async def leave_nothing(bootstrap: str) -> None:
    """Whatever stands on their topics, the toy's groups have it behind them."""
    moves = [partial(set_to_the_end, bootstrap, f"job-exchange.{each.name}", each.topics) for each in READERS]
    await asyncio.gather(*[until(move, seconds=30) for move in moves])
