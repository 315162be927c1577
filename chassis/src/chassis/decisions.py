"""What a decision may say. Pure values: a domain imports this module and nothing else of the chassis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

S = TypeVar("S")


class Rejected(Exception):
    """A command that is well-formed but not allowed. Becomes a reply; the aggregate stays as it was.

    `code` is stable and for programs, `message` is one sentence for a person, `field` names the input at fault.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(code, message, field)
        self.code = code
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Wake:
    """Another aggregate of this service that has to look at itself: a timer that is due at once, or at a time.

    due_at: the last word counts; who puts it off again and again never looks.
    """

    aggregate: str
    aggregate_id: str
    name: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """Work outside the database (an e-mail, a file): done by a task of its own, at least once, with a stable id."""

    kind: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Changed:
    """Another row the decision changes; it must have been given locked."""

    rows: str
    id: str
    value: object


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The new state and what is to be told.

    events: this service's own messages, in order; `outbound.py` knows where each goes.
    reply: fields for the reply to an accepted command.
    timers: this aggregate's timers by name: set to a time, or None to cancel.
    wakes: other aggregates that have to look again, at once.
    also: other rows that were given locked and are changed.
    """

    state: S
    events: Sequence[object] = ()
    reply: Mapping[str, object] = field(default_factory=dict)
    timers: Mapping[str, datetime | None] = field(default_factory=dict)
    wakes: Sequence[Wake] = ()
    also: Sequence[Changed] = ()
    errands: Sequence[Errand] = ()


@dataclass(frozen=True, slots=True)
class Waiting(Generic[S]):
    """Reference data is not here yet. The message is parked and looked at again.

    for_: what is missed, as `<rows>/<id>`: its arrival wakes the message.
    patience: how long to wait, counted from when the message was first seen.
    otherwise: the decision when patience ends: a refusal for commands, a named state for events.
    """

    for_: str
    patience: timedelta
    otherwise: Rejected | Decision[S]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that a decision wants to see; `lock` when it may be changed or must not change meanwhile."""

    rows: str
    id: str
    lock: bool = False


@dataclass(frozen=True, slots=True)
class More:
    """The decision has to see these rows before it can say anything; it is asked once more with them."""

    wants: Collection[Row]


@dataclass(frozen=True, slots=True)
class Numbered(Generic[S]):
    """A decision that needs the next number of each of these gapless ranges.

    Numbers are taken last in the transaction and in a fixed order, since the counter's row is what all writers share.
    `then` gets them in the order of `ranges`.
    """

    ranges: Sequence[str]
    then: Callable[[Sequence[int]], Decision[S]]


Outcome = Decision[S] | Waiting[S] | More | Numbered[S]
"""All that a decision can answer; a refusal is raised as `Rejected`."""
