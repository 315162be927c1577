"""aiokafka's reading of fetched records, made to survive a header whose name is not UTF-8.

Kafka's protocol calls the name a string, but no broker checks it, and librdkafka writes any bytes. aiokafka 0.14
decodes it while it unpacks: the error comes out of `getmany`, the records unpacked before it are lost with it, and the
next fetch fails again. So the batch in question, and only that one, is unpacked once more here, with such bytes as
lone surrogates (PEP 383); `items.decode` makes the record a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint


class Fetched:
    """What one fetch brought of one partition. Keeps the bytes, so that they can be unpacked a second time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._records = MemoryRecords(data)

    def size_in_bytes(self) -> int:
        """The size of all batches."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is another batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch of records."""
        return self._records.next_batch()


class _Again:
    """The same bytes, each batch unpacked with tolerance."""

    def __init__(self, data: bytes) -> None:
        self._records = _MemoryRecordsPy(data)

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = _TolerantBatch(self._records._next_slice)  # noqa: SLF001  # its own way to a batch is not tolerant
        self._records._cache_next()  # noqa: SLF001
        return batch


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """The records of one partition in order; what aiokafka itself cannot unpack is unpacked with tolerance."""

    _records: Any

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            if not isinstance(self._records, Fetched):
                raise
            # `_unpack_records` passes over what was given out already: it is below `next_fetch_offset`
            self._records = _Again(self._records.data)
            self._records_iterator = self._unpack_records()
            return super().__next__()


class _TolerantBatch:
    """A batch of records (magic 2), unpacked in Python; slower, and only used where it must be."""

    def __init__(self, data: memoryview) -> None:
        self._batch = _DefaultRecordBatchPy(bytes(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        batch = self._batch
        batch._maybe_uncompress()  # noqa: SLF001  # there is no public way to the records' bytes
        buffer, position = batch._buffer, batch._pos  # noqa: SLF001
        for _ in range(batch._num_records):  # noqa: SLF001
            record, position = _read(batch, buffer, position)
            yield record


def _read(batch: Any, buffer: bytearray, position: int) -> tuple[Any, int]:
    """One record (KIP-98): length, attributes, timestamp, offset, key, value, headers."""
    _, position = decode_varint(buffer, position)
    _, position = decode_varint(buffer, position)
    since_first, position = decode_varint(buffer, position)
    beyond_base, position = decode_varint(buffer, position)
    key, position = _field(buffer, position)
    value, position = _field(buffer, position)
    number, position = decode_varint(buffer, position)
    headers = []
    for _ in range(number):
        name, position = _field(buffer, position)
        content, position = _field(buffer, position)
        headers.append(((name or b"").decode("utf-8", "surrogateescape"), content))
    at_broker = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if at_broker else batch.first_timestamp + since_first
    record = _DefaultRecordPy(
        batch.base_offset + beyond_base, timestamp, batch.timestamp_type, key, value, headers
    )
    return record, position


def _field(buffer: bytearray, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    return bytes(buffer[position : position + length]), position + length


def install() -> None:
    """From now on every consumer of this process reads so. Safe to repeat."""
    fetcher.MemoryRecords = Fetched
    fetcher.PartitionRecords = PartitionRecords
