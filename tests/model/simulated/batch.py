"""Mirrors chassis/src/chassis/batch.py and the rows it reads and writes: the state of one transaction, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulated.broker import Partition, Record
from simulated.messages import Message, Outcome, Said


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """As chassis.outbox.OutboxRow. `at_once`: decided with the record itself, not later from where it was parked."""

    aggregate: str
    cause: tuple[str, int, int]
    topic: str
    said: Said
    created_at: int
    at_once: bool


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An id that was taken in, and the reply to it."""

    body: Message
    reply: Said | None = None


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A record that waits, or a dead letter as it came."""

    aggregate: str | None
    record: Record
    reason: str
    look_at: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A partition's row: all offsets below `next` are accounted for."""

    next: int = 0
    counts: Mapping[Outcome, int] = field(default_factory=dict)

    def moved(self, next_offset: int, change: Mapping[Outcome, int]) -> Progress:
        """As journal.move_progress."""
        summed = {o: self.counts.get(o, 0) + change.get(o, 0) for o in self.counts.keys() | change.keys()}
        return Progress(max(self.next, next_offset), summed)


@dataclass(slots=True)
class Item:
    """As chassis.items.Item."""

    record: Record
    aggregate: str | None
    timer: str | None = None
    failure: bool = False
    first: InboxRow | None = None
    parked_id: int | None = None
    parked_as: Outcome = Outcome.PARKED
    outcome: Outcome | None = None
    reply: Said | None = None

    @property
    def message(self) -> Message:
        message: Message = self.record.message
        return message


@dataclass(slots=True)
class Batch:
    """As chassis.batch.Batch: the state of one transaction, in memory."""

    items: list[Item]
    now: int
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    partners: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    learnt: set[str] = field(default_factory=set)
    born: set[str] = field(default_factory=set)
    versions_before: dict[tuple[str, str], int] = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    parkings: list[tuple[Item, ParkedRow]] = field(default_factory=list)
    timers: dict[tuple[str, str], int] = field(default_factory=dict)
    out: list[OutboxRow] = field(default_factory=list)
    compacted: dict[tuple[str, str], Said] = field(default_factory=dict)

    @property
    def aggregates(self) -> set[str]:
        return {item.aggregate for item in self.items if item.aggregate is not None}
