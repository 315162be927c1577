"""FastStream's message with its records as they came, and no way to acknowledge them.

FastStream's own parser decodes headers, and fails the whole batch for one byte.
"""

from __future__ import annotations

from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faststream.kafka.message import KafkaMessage


async def parse(message: Any) -> KafkaMessage:
    """All of it left raw."""
    return KafkaMessage(raw_message=message, body=b"", message_id="batch", consumer=_NO_ACK)


async def records(message: KafkaMessage) -> tuple[ConsumerRecord, ...]:
    """What the handler gets: the raw records.

    Not the message with them: it keeps what it was decoded to, and would keep itself, until the collector comes.
    """
    raw: tuple[ConsumerRecord, ...] = message.raw_message
    return raw


class _NoAck:
    """FastStream's message wants a consumer for acknowledging; nothing may acknowledge but `Consumer._commit`."""

    async def commit(self) -> None:
        raise RuntimeError("offsets are committed by the consumer alone")

    def seek(self, _partition: TopicPartition, _offset: int) -> None:
        raise RuntimeError("positions are moved by the consumer alone")


_NO_ACK = _NoAck()
