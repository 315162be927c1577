"""Every class of record that cannot be read, and the reason it must be a dead letter for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from contracts import job_exchange_commands_v1 as commands
from contracts.catalogue import Topic
from contracts.ids import uuid7
from contracts.messages import LARGEST_BODY_BYTES

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Bad:
    """A record as it is sent. `reason` is what the dead letter says, as a pattern."""

    name: str
    reason: str
    key: bytes | None
    headers: Headers
    value: bytes | None


def classes(good: Callable[[], tuple[UUID, Headers, bytes]]) -> Iterator[Bad]:
    """Bad records, each made from a good one (subject, headers, body) by one change."""

    def bad(name: str, reason: str, **changes: Any) -> Bad:
        subject, headers, value = good()
        return replace(Bad(name, reason, str(subject).encode(), headers, value), **changes)

    def with_body(name: str, reason: str, change: Callable[[bytes], bytes | None]) -> Bad:
        made = bad(name, reason)
        return replace(made, value=change(made.value or b""))

    def with_header(name: str, reason: str, header: str, value: bytes | None) -> Bad:
        made = bad(name, reason)
        changed = [(key, value if key == header else old) for key, old in made.headers]
        return replace(made, headers=changed)

    yield with_body("empty", "empty", lambda _: b"")
    yield with_body("only white space", "empty", lambda _: b" \n")
    yield with_body("tombstone on a topic without", "tombstone", lambda _: None)
    yield with_body("truncated", "not-json", lambda body: body[: len(body) // 2])
    yield with_body("not UTF-8", "not-utf8|not-json|invalid", lambda body: body.replace(b"done", b"\xff\xfe"))
    yield with_body("an array", "invalid", lambda _: b"[]")
    yield with_body(
        "a number where text stands", "invalid", lambda body: body.replace(b'"done_otherwise"', b"7")
    )
    yield with_body("a missing field", "invalid", lambda body: body.replace(b"reason", b"season"))
    yield with_body("another subject inside", "subject-mismatch", _other_job)
    yield with_body("nested 200,000 deep", "not-json|invalid", lambda _: b"[" * 200_000 + b"]" * 200_000)
    yield with_body("nested in a field nobody knows", "not-json|invalid", _nested_extra)
    yield with_body("NaN", "not-json", lambda body: body[:-1] + b',"extra":NaN}')
    yield with_body("U+0000", "invalid", lambda body: body.replace(b"done_otherwise", b'","job_id":"\\u0000'))
    yield with_body("as large as the broker takes", "too-large|invalid|not-json", _huge)
    yield with_header("unknown type", "unknown-type", "ce_type", b"job-exchange.EatCake.v1")
    yield with_header("a type of another topic", "unknown-type", "ce_type", b"billing.Settle.v1")
    yield with_header("future major", "unsupported-version", "ce_type", b"job-exchange.CancelJob.v2")
    yield bad("null key", "key-missing", key=None)
    yield bad("empty key", "key-missing", key=b"")
    yield bad("key not subject", "key-not-subject", key=str(uuid7()).encode())
    yield bad("key not UTF-8", "key-not-subject", key=b"\xff\xfe")
    yield with_header("null header", "header-null", "ce_source", None)
    yield with_header("header value not UTF-8", "header-not-utf8", "ce_source", b"\xff\xfe")
    yield with_header("control character in a header", "header-not-text", "ce_source", b"/tests\x00")
    yield with_header("header too long", "header-too-long", "ce_source", b"/" * 5_000)
    yield with_header("id is no UUID", "id-not-uuid7", "ce_id", b"4711")
    yield with_header("id is an older UUID", "id-not-uuid7", "ce_id", b"f47ac10b-58cc-4372-a567-0e02b2c3d479")
    yield with_header("no time", "time", "ce_time", b"yesterday")
    yield with_header("specversion", "specversion", "ce_specversion", b"0.3")
    yield with_header("content type", "content-type", "content-type", b"application/xml")
    for header in ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_specversion"):
        made = bad(f"{header} missing", f"envelope-missing-{header[3:]}")
        yield replace(made, headers=[(name, value) for name, value in made.headers if name != header])
    made = bad("a header twice", "header-twice")
    yield replace(made, headers=[*made.headers, ("ce_source", b"/other")])
    yield bad("no header at all", "envelope-missing-.*", headers=[])


def _other_job(body: bytes) -> bytes:
    return re.sub(rb'"job_id":"[^"]+"', b'"job_id":"%s"' % str(uuid7()).encode(), body)


def _nested_extra(body: bytes) -> bytes:
    return body[:-1] + b',"extra":' + b"[" * 200_000 + b"]" * 200_000 + b"}"


def _huge(body: bytes) -> bytes:
    filling = commands.TOPIC.max_message_bytes - len(body) - 2_000
    return body[:-1] + b',"client_id":"' + b"x" * min(filling, LARGEST_BODY_BYTES) + b'"}'


class _NotUtf8(str):
    """A header's name as librdkafka would write it: whatever bytes it was given."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"x-\xff\xfe"


async def send_with_wild_header_name(
    producer: AIOKafkaProducer, topic: Topic, partition: int, bad: Bad
) -> int:
    """Send a record with one more header, whose name is not UTF-8; returns its offset."""
    batch = producer.create_batch()
    batch._builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0,
        batch_size=100_000,
    )  # fmt: skip
    headers = [*bad.headers, (_NotUtf8("wild"), b"1")]
    batch.append(key=bad.key, value=bad.value, timestamp=None, headers=headers)
    sent = await (await producer.send_batch(batch, topic.name, partition=partition))
    return int(sent.offset)
