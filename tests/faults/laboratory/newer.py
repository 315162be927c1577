"""What a newer version of a service would write: a field more, and an event that nobody knows yet."""

from __future__ import annotations

import dataclasses
from typing import Any

from chassis.batch import Batch
from chassis.items import Item, pack_headers, unpack_headers
from chassis.outbox import OutboxRow
from chassis.outgoing import Outgoing
from contracts import catalogue
from contracts.ids import uuid7

PLAIN_EVENTS = frozenset(
    name for name, topic in catalogue.TOPICS.items() if topic.versioned and not topic.compacted
)
"""Topics on which each message counts, in order."""
UNKNOWN_TYPE = "SomethingThatComesLater.v1"


def with_unknown_field(row: OutboxRow) -> OutboxRow:
    """The same message with a field that its schema does not have."""
    if not row.value:
        return row
    return dataclasses.replace(row, value=row.value[:-1] + b',"known_only_later":{"to":["newer readers"]}}')


def say_something_unknown(batch: Batch, item: Item, outgoing: Outgoing) -> None:
    """After this message another one about the same subject, counted as all are, of a type that comes later."""
    key = ("", outgoing.topic.name, outgoing.subject)
    batch.versions[key] += 1
    headers: dict[str, Any] = dict(unpack_headers(batch.out[-1].headers))
    service = headers["ce_type"].partition(b".")[0].decode()
    headers |= {
        "ce_id": str(uuid7()).encode(),
        "ce_type": f"{service}.{UNKNOWN_TYPE}".encode(),
        "ce_subjectversion": str(batch.versions[key]).encode(),
    }
    # one decision may say several of them: with the same body it would look as if it had been decided twice
    body = b'{"later":%d}' % batch.versions[key]
    batch.out.append(dataclasses.replace(batch.out[-1], headers=pack_headers(headers.items()), value=body))
