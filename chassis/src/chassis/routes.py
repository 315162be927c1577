"""The words of an inbound.py: which message concerns which rows, what the decision has to see, and who decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from chassis.decisions import Outcome, Row
from chassis.rows import Rows
from contracts import catalogue
from contracts.actor import Actor
from contracts.catalogue import Topic
from contracts.ids import uuid7
from contracts.messages import Command, Message

T = TypeVar("T")

Permission = Callable[[Actor, Any], bool]


@dataclass(slots=True)
class Given:
    """What a decision is given beside its aggregate and the message.

    now: the time of the decision, the database's (or the injected clock's), with zone.
    actor: who asks; None for events and timers.
    version: the message's ce_subjectversion; 0 where it has none.
    """

    now: datetime
    actor: Actor | None
    version: int
    rows: Mapping[str, Mapping[str, Any]]

    def one(self, rows: Rows[T], row_id: object) -> T | None:
        """The row that was asked for in `needs` or by `More`, or None when there is none.

        Raises KeyError when it was never asked for: that is an error in the service.
        """
        found: T | None = self.rows[rows.name][str(row_id)]
        return found

    def has(self, rows: Rows[Any], row_id: object) -> bool:
        """Whether this row was asked for already."""
        return str(row_id) in self.rows.get(rows.name, {})

    def new_id(self) -> UUID:
        """A new UUIDv7 with the time of the decision."""
        return uuid7(self.now)


Decide = Callable[[Any, Any, Given], Outcome[Any]]
Needs = Callable[[Any], Iterable[Row]]


def nothing(_: Any) -> Iterable[Row]:
    """Needs no row but the aggregate's."""
    return ()


@dataclass(frozen=True, slots=True)
class Route:
    """One line of an inbound.py: this message, about that aggregate, decided so."""

    topic: Topic
    message: type[Message] | None
    rows: Rows[Any]
    decide: Decide
    needs: Needs = nothing
    by: Permission | None = None


@dataclass(frozen=True, slots=True)
class TimerRoute:
    """A timer of an aggregate, by name."""

    name: str
    rows: Rows[Any]
    decide: Decide
    needs: Callable[[str], Iterable[Row]] = nothing


def on(
    message: type[Message],
    rows: Rows[Any],
    decide: Decide,
    *,
    needs: Needs = nothing,
    by: Permission | None = None,
) -> Route:
    """A message's line. Commands name who may send them (`by`)."""
    if issubclass(message, Command) != (by is not None):
        raise ValueError(f"{message.TYPE}: a command names who may send it, and nothing else does")
    return Route(catalogue.topic_of(message), message, rows, decide, needs, by)


def on_tombstone(topic: Topic, rows: Rows[Any], decide: Decide) -> Route:
    """A compacted topic's tombstone: the subject is gone. `decide` gets the subject in place of the message."""
    if not topic.tombstones:
        raise ValueError(f"{topic.name} has no tombstones")
    return Route(topic, None, rows, decide)


def on_timer(
    name: str, rows: Rows[Any], decide: Decide, *, needs: Callable[[str], Iterable[Row]] = nothing
) -> TimerRoute:
    """A timer's line. `decide` gets the timer's name in place of the message, `needs` the aggregate's id."""
    return TimerRoute(name, rows, decide, needs)


def anyone(_: Actor, __: Any) -> bool:
    """Whoever can prove who he is."""
    return True


def acting_for(field_name: str) -> Permission:
    """The partner named in this field himself, or the distributor on his behalf."""

    def permitted(actor: Actor, message: Any) -> bool:
        return actor.may_act_for(getattr(message, field_name))

    return permitted


def distributor(actor: Actor, _: Any) -> bool:
    """The distributor's own people: dispatchers and clerks."""
    return actor.kind == "distributor"


def service(actor: Actor, _: Any) -> bool:
    """Another service of this system."""
    return actor.kind == "service"


@dataclass(frozen=True)
class Reader:
    """One consumer group: the topics that concern one or more kinds of aggregate, decided in one transaction per batch.

    name: the group is called `<service>.<name>`.
    wakes: whether messages may wait for the rows that this reader writes.
    tables: all rows its decisions may see, in the one order in which they are loaded, locked and saved.
    """

    name: str
    tables: Sequence[Rows[Any]]
    routes: Sequence[Route]
    timers: Sequence[TimerRoute] = field(default=())
    wakes: bool = False

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        return tuple({route.topic.name: route.topic for route in self.routes}.values())

    @cached_property
    def by_message(self) -> Mapping[tuple[str, type[Message] | None], Route]:
        return {(route.topic.name, route.message): route for route in self.routes}

    @cached_property
    def by_timer(self) -> Mapping[tuple[str, str], TimerRoute]:
        return {(route.rows.name, route.name): route for route in self.timers}
