"""Identifiers: UUIDv7 (RFC 9562), their clock, and the number of a job that people read."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic_core import core_schema

from contracts.wire import TextForm

UUID7_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


def _uuid7_of(what: str) -> TextForm:
    version_7 = core_schema.uuid_schema(version=7)
    return TextForm(
        UUID7_PATTERN,
        36,
        from_text=version_7,
        from_python=version_7,
        to_text=core_schema.simple_ser_schema("uuid"),
        format="uuid",
        description=f"The id of {what}, a UUIDv7 in lower case.",
    )


PartnerId = Annotated[UUID, _uuid7_of("a partner")]
JobId = Annotated[UUID, _uuid7_of("a job")]
OfferId = Annotated[UUID, _uuid7_of("an offer")]
StatementId = Annotated[UUID, _uuid7_of("a statement")]
RateCardId = Annotated[UUID, _uuid7_of("a rate card")]
NotificationId = Annotated[UUID, _uuid7_of("a notification")]
MessageId = Annotated[UUID, _uuid7_of("a message, its ce_id")]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = (1 << 62) - 1
_COUNTER_END = 1 << 12
_STEP_BACK_MS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_LATEST_MS = int((_LATEST - _EPOCH) / timedelta(milliseconds=1))

_turn = threading.Lock()
_last_ms = 0
_counter = 0


def uuid7(now: datetime | None = None) -> UUID:
    """A new id. Ids of one process ascend as long as its clock does not step back by more than a second.

    now: an injected clock's time; the id carries it. Without, the wall clock's.
    """
    global _last_ms, _counter  # noqa: PLW0603  # one sequence per process is the point
    ms = time.time_ns() // 1_000_000 if now is None else int(now.timestamp() * 1000)
    with _turn:
        if 0 <= _last_ms - ms <= _STEP_BACK_MS:
            _counter += 1
            if _counter == _COUNTER_END:
                _last_ms += 1
                _counter = 0
        else:
            _last_ms = ms
            _counter = 0
        stamp = (_last_ms << 80) | (_counter << 64)
    return UUID(int=stamp | _VERSION_AND_VARIANT | (int.from_bytes(os.urandom(8)) & _RANDOM_BITS))


def uuid7_time(identifier: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond, in UTC; a time after the year 9999 is told as its end."""
    ms = identifier.int >> 80
    return _LATEST if ms >= _LATEST_MS else _EPOCH + timedelta(milliseconds=ms)


def job_number(job_id: UUID) -> str:
    """The number of a job that people read: "A" and the id's last 40 random bits in Crockford's base 32.

    Not a gapless counter, and not unique by itself; the id is what identifies a job.
    """
    bits = job_id.int & ((1 << 40) - 1)
    return "A" + "".join(_CROCKFORD[(bits >> shift) & 31] for shift in range(35, -1, -5))
