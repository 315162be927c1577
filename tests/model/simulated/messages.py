"""What is sent in the simulation, and what the simulated service makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a command asks for, or is."""

    ADD = "add"
    REMIND = "remind"
    """Sets a timer."""
    WAIT = "wait"
    """Can be decided when its partner is known."""
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    POISON = "poison"
    """Our code fails on it until somebody mends it."""
    LEARN = "learn"
    """Reference data: a partner becomes known."""


class Outcome(Enum):
    """As chassis.items.Outcome."""

    DONE = "done"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DEAD = "dead"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Message:
    """A command or a piece of reference data, as a foreign client sends it: any partition, any number of times."""

    id: str
    kind: Kind
    subject: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message of ours: an event, the current state for a compacted topic, a reply, a dead letter.

    id: for ever the same for the same message. version: counts per topic and subject; 0 where nothing counts.
    """

    id: str
    subject: str
    version: int
    about: str


EVENTS, STATES, REPLIES, DEAD_LETTERS = "events", "states", "replies", "dead-letters"
COMPACTED = frozenset({STATES})
VERSIONED = frozenset({EVENTS, STATES})
