"""<service>.dead-letters.v1: what could not be processed, as it came.

Key, value and headers are those of the record, untouched; added are the headers below, in UTF-8. There is no
envelope of ours and no schema: what lies here may be anything.
"""

from __future__ import annotations

from datetime import timedelta

from contracts.topics import LARGEST_DEAD_LETTER_BYTES, Topic

REASON = "deadletter-reason"
"""A fixed word: the code of Unreadable, or of the failure."""
DETAIL = "deadletter-detail"
"""Where and why, without values of the message."""
FROM_TOPIC = "deadletter-topic"
FROM_PARTITION = "deadletter-partition"
FROM_OFFSET = "deadletter-offset"
GROUP = "deadletter-group"
"""The consumer group that could not process it."""
AT = "deadletter-at"
"""When, as RFC 3339."""
HEADERS = (REASON, DETAIL, FROM_TOPIC, FROM_PARTITION, FROM_OFFSET, GROUP, AT)


def _dead_letters(name: str, owner: str) -> Topic:
    return Topic(
        name=name,
        owner=owner,
        readers=(),
        key="original key, may be null",
        cleanup="delete",
        retention=timedelta(days=30),
        data_class="personal",
        messages=(),
        max_message_bytes=LARGEST_DEAD_LETTER_BYTES,
    )


TOPICS = (
    _dead_letters("partner-registry.dead-letters.v1", "partner-registry"),
    _dead_letters("job-exchange.dead-letters.v1", "job-exchange"),
    _dead_letters("matching.dead-letters.v1", "matching"),
    _dead_letters("billing.dead-letters.v1", "billing"),
)
