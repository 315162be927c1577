"""What a topic is. The topics themselves stand in their modules, all of them together in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from contracts.messages import LARGEST_BODY_BYTES, Message

Cleanup = Literal["delete", "compact"]
DataClass = Literal["blind", "personal", "sealed", "money", "operational"]
"""blind: nothing in it leads to an end customer. sealed: end customers as ciphertext. money: amounts.
personal: dealers' people or whatever came in. operational: ids and states."""
LARGEST_DEAD_LETTER_BYTES = 2 * LARGEST_BODY_BYTES + 65_536
"""Twice the largest input, and room for the reason."""
TOMBSTONES_KEPT = timedelta(days=7)
"""Longer than any reader of ours may be down and still learn that something was taken back."""


@dataclass(frozen=True)
class Topic:
    """A topic as it is created, checked and protected.

    key: what the key is, in words. retention: None for as long as the log lasts (compacted, or kept by law).
    tombstones: a null value is a message here. versioned: ce_subjectversion counts its messages per subject.
    """

    name: str
    owner: str
    readers: tuple[str, ...]
    key: str
    cleanup: Cleanup
    retention: timedelta | None
    data_class: DataClass
    messages: tuple[type[Message], ...]
    partitions: int = 12
    max_message_bytes: int = LARGEST_BODY_BYTES
    tombstones: bool = False
    versioned: bool = False

    @property
    def compacted(self) -> bool:
        """Only the newest message of each key is kept."""
        return self.cleanup == "compact"

    @property
    def takes_commands(self) -> bool:
        """Anybody with the right writes here, and is answered."""
        return any(message.KIND == "command" for message in self.messages)

    @property
    def raw(self) -> bool:
        """Records are kept as they came, without an envelope of ours: dead letters."""
        return not self.messages

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka. Where foreign clocks write, the broker's decides what is old."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.compacted:
            settings["delete.retention.ms"] = _ms(TOMBSTONES_KEPT)
        else:
            settings["retention.ms"] = "-1" if self.retention is None else _ms(self.retention)
        if self.takes_commands:
            settings["message.timestamp.type"] = "LogAppendTime"
        return settings


def _ms(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))
