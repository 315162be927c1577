"""An index in memory, kept in a file between two starts: its content, and the offsets up to which it had read.

A snapshot that cannot be read, is of another cluster or too old is as good as none: the whole topic is read then.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

import structlog

log = structlog.get_logger()

LASTS_SECONDS = 12 * 3600
"""Half of delete.retention.ms as Kafka has it by default: a tombstone written since is still in the topic."""
_CHUNK_BYTES = 1 << 20
_FIELD_BYTES = 8


@runtime_checkable
class Keepable(Protocol):
    """What can be kept. `load` raises ValueError, EOFError or KeyError for what `save` did not write."""

    def save(self, file: BinaryIO) -> None: ...

    def load(self, file: BinaryIO) -> None: ...


class Snapshot:
    """One index and its file: a check sum, a header with the offsets by partition, then what the index writes."""

    def __init__(self, path: Path, cluster: str, index: Keepable) -> None:
        self._path = path
        self._cluster = cluster
        self._index = index

    def save(self, offsets: Mapping[int, int]) -> None:
        """Replace the file as a whole. That it cannot be written is told and hurts nobody."""
        header = {"cluster": self._cluster, "at": time.time(), "offsets": dict(offsets)}
        text = json.dumps(header).encode()
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with new.open("w+b") as file:
                file.write(bytes(_FIELD_BYTES) + len(text).to_bytes(_FIELD_BYTES, "big") + text)
                self._index.save(file)
                check = _check(file)
                file.seek(0)
                file.write(check)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            log.warning("snapshot not written", file=self._path.name, error=str(error))

    def load(self) -> dict[int, int]:
        """Fill the index, and say where to read on; empty: there is nothing to go by."""
        try:
            with self._path.open("rb") as file:
                return self._fill(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, EOFError, KeyError) as error:
            log.warning("snapshot not used", file=self._path.name, error=str(error))
            return {}

    def _fill(self, file: BinaryIO) -> dict[int, int]:
        if file.read(_FIELD_BYTES) != _check(file):
            raise ValueError("damaged")
        file.seek(_FIELD_BYTES)
        header = json.loads(file.read(int.from_bytes(file.read(_FIELD_BYTES), "big")))
        if header["cluster"] != self._cluster or not 0 <= time.time() - header["at"] <= LASTS_SECONDS:
            raise ValueError("of another cluster, or too old")
        self._index.load(file)
        return {int(partition): offset for partition, offset in header["offsets"].items()}


def _check(file: BinaryIO) -> bytes:
    """Of all that follows the check sum itself."""
    file.seek(_FIELD_BYTES)
    check = 0
    while chunk := file.read(_CHUNK_BYTES):
        check = zlib.crc32(chunk, check)
    return check.to_bytes(_FIELD_BYTES, "big")
