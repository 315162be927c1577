"""One batch, one transaction: what it has seen and decided so far, and the deciding itself. No I/O here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.decisions import Decision, Errand, More, Numbered, Rejected, Row, Waiting
from chassis.errors import DecisionFailed
from chassis.items import Item, Outcome, aggregate_key, known_now
from chassis.journal import Count, Partition, VersionKey
from chassis.outbox import OutboxRow
from chassis.outgoing import Outbound, Outgoing, Sender
from chassis.parked import DueTimer, Parking, TimerKey
from chassis.routes import Decide, Given, Reader
from contracts import catalogue, replies_v1
from contracts.envelope import Envelope
from contracts.messages import Unreadable

LOOK_AGAIN_FIRST = timedelta(seconds=1)
LOOK_AGAIN_MOST = timedelta(minutes=1)
GAP_PATIENCE = timedelta(minutes=15)
"""How long a missing version is waited for before the record behind the gap is a dead letter."""
MOST_ASKED = 50
"""A decision that asks for more rows this often does not come to an end: an error in the service."""


@dataclass(frozen=True, slots=True)
class Replies:
    """The service's own reply messages."""

    accepted: type[replies_v1.Accepted]
    rejected: type[replies_v1.Rejected]


@dataclass(frozen=True, slots=True)
class Desk:
    """What deciding needs of the service."""

    reader: Reader
    outbound: Outbound
    sender: Sender
    replies: Replies


@dataclass(slots=True)
class Batch:
    """The state of one transaction, in memory.

    now: the decision's time, by the clock of the service; written_at: the database's own, for what is sent.
    counters: the last number given out of each gapless range, its row locked.
    stopped: aggregates whose earlier message stays parked; what is parked behind it stays untouched.
    """

    desk: Desk
    items: list[Item]
    now: datetime
    written_at: datetime
    counts: dict[Partition, Count] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: set[tuple[str, str]] = field(default_factory=set)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions_before: dict[VersionKey, int] = field(default_factory=dict)
    versions: dict[VersionKey, int] = field(default_factory=dict)
    parked: dict[str, bool] = field(default_factory=dict)
    parkings: list[tuple[Item, Parking]] = field(default_factory=list)
    stopped: set[tuple[str, str] | None] = field(default_factory=set)
    gap_filled: set[str] = field(default_factory=set)
    out: list[OutboxRow] = field(default_factory=list)
    compacted: dict[tuple[str, str], tuple[str, bytes | None]] = field(default_factory=dict)
    timers: dict[TimerKey, datetime | None] = field(default_factory=dict)
    errands: list[tuple[UUID, Errand]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    born: dict[str, set[str]] = field(default_factory=dict)

    # -- which rows are wanted ------------------------------------------------------------------------------------

    def wants(self, items: Iterable[Item]) -> set[Row]:
        """The rows these items' decisions start from."""
        wanted: set[Row] = set()
        for item in items:
            if item.aggregate is None or not _asks(item):
                continue
            if item.route is not None:
                wanted.add(Row(*item.aggregate, lock=True))
                if item.message is not None:
                    wanted.update(item.route.needs(item.message))
            elif item.timer is not None:
                wanted.add(Row(*item.aggregate, lock=True))
                wanted.update(item.timer.needs(item.aggregate[1]))
        return wanted

    def keep(self, name: str, ids: Iterable[str], found: Mapping[str, Any], *, lock: bool) -> None:
        """Remember loaded rows; what was not found is known to be missing."""
        known = self.rows.setdefault(name, {})
        for row_id in ids:
            known[row_id] = found.get(row_id)
            if lock:
                self.locked.add((name, row_id))

    # -- deciding -------------------------------------------------------------------------------------------------

    def decide(self, pending: list[Item]) -> tuple[list[Item], set[Row], set[str]]:
        """Decide what can be decided now, in record order.

        Returns the items for the next round, the rows they asked for, and the gapless ranges whose counters they need
        locked. An item that is not through holds back all later ones of its aggregate, so that each sees the one
        before; it is asked anew when its turn comes, so that it also sees what others changed meanwhile.
        """
        later: list[Item] = []
        wanted: set[Row] = set()
        ranges: set[str] = set()
        held: set[tuple[str, str]] = set()
        for item in pending:
            if item.outcome is not None or (item.parked_id is not None and item.aggregate in self.stopped):
                continue
            if item.aggregate in held:
                later.append(item)
                continue
            try:
                lacks = self._decide_one(item)
            except DecisionFailed:
                raise
            except Exception as error:
                raise DecisionFailed(_where(item)) from error
            if lacks is not None and item.aggregate is not None:
                held.add(item.aggregate)
                later.append(item)
                wanted.update(lacks[0])
                ranges.update(lacks[1])
        return later, wanted, ranges

    def _decide_one(self, item: Item) -> tuple[set[Row], set[str]] | None:
        """None when it is settled; else the rows and the ranges it lacks."""
        outcome = self._ask(item)
        if isinstance(outcome, Numbered):
            lacking = set(outcome.ranges) - self.counters.keys()
            if lacking:
                return set(), lacking
            outcome = outcome.then([self._next_number(name) for name in outcome.ranges])
        if isinstance(outcome, More):
            return self._lacking(item, outcome), set()
        if outcome is not None:
            self.apply(item, outcome)
        return None

    def _lacking(self, item: Item, more: More) -> set[Row]:
        item.asked += 1
        rows = {row for row in more.wants if not self._has(row)}
        if not rows or item.asked > MOST_ASKED:
            raise RuntimeError("the decision asks for rows that it was given, or without end")
        return rows

    def _has(self, row: Row) -> bool:
        known = row.id in self.rows.get(row.rows, {})
        return known and (not row.lock or (row.rows, row.id) in self.locked)

    def _next_number(self, name: str) -> int:
        self.counters[name] += 1
        return self.counters[name]

    def _ask(self, item: Item) -> Decision[Any] | More | Numbered[Any] | None:
        """Put the question to the service, after the path's own checks. None: the item is settled already."""
        if item.fault is not None:
            self._settle_fault(item, item.fault)
            return None
        if item.failure is not None:
            self._die(item, "failed", "failed", item.failure)
            return None
        if item.first is not None:
            item.outcome = Outcome.DUPLICATE
            if item.first.reply is not None:
                self._reply(item, item.first.reply)
            return None
        if not self._in_turn(item):
            return None
        if item.route is None and item.timer is None:
            self._count_version(item)
            item.outcome = Outcome.DONE
            return None
        return self._question(item)

    def _question(self, item: Item) -> Decision[Any] | More | Numbered[Any] | None:
        decide = _decision_of(item)
        version = item.envelope.subjectversion or 0 if item.envelope else 0
        name, row_id = _aggregate(item)
        given = Given(self.now, item.actor, version, self.rows)
        try:
            outcome = decide(self.rows[name][row_id], known_now(item), given)
            if isinstance(outcome, Waiting):
                return self._wait(item, outcome)
        except Rejected as refusal:
            if not item.is_command:
                raise DecisionFailed(_where(item)) from refusal
            self._refuse(item, refusal)
            return None
        return outcome

    def _wait(self, item: Item, waiting: Waiting[Any]) -> Decision[Any] | None:
        """Park it, or, when patience has ended, decide as the service said for that case."""
        if item.timer is not None:
            raise RuntimeError("a timer's decision cannot wait; it sets its timer again")
        if self.now - (item.parked_since or self.now) < waiting.patience:
            again = min(LOOK_AGAIN_FIRST * 2 ** min(item.parked_attempts, 6), LOOK_AGAIN_MOST)
            self._park(
                item, "waiting", "waiting", f"waits for {waiting.for_}", self.now + again, waiting.for_
            )
            return None
        if isinstance(waiting.otherwise, Rejected):
            raise waiting.otherwise
        return waiting.otherwise

    def _in_turn(self, item: Item) -> bool:
        """Whether this item may be decided now, by its version and by what is parked before it."""
        key = item.aggregate_key
        version = item.envelope.subjectversion if item.envelope else None
        behind = key in self.parked and item.parked_id is None
        if version is None or item.envelope is None:
            if behind and item.timer is None:
                self._park(item, "behind", "behind", "a parked predecessor comes first", None)
                return False
            return True
        seen = self.versions.get((self.desk.reader.name, item.record.topic, item.envelope.subject))
        if seen is not None and version <= seen:
            item.outcome = Outcome.DUPLICATE
            return False
        gap = seen is not None and version > seen + 1 and not item.redriven
        if gap and not catalogue.TOPICS[item.record.topic].compacted:
            self._gap(item, f"version {version} came after {seen}")
            return False
        if behind:
            if not self.parked[key]:
                self._park(item, "behind", "behind", "a parked predecessor comes first", None)
                return False
            self.gap_filled.add(key)
        return True

    def _gap(self, item: Item, detail: str) -> None:
        if item.parked_since is not None and self.now - item.parked_since >= GAP_PATIENCE:
            self._die(item, "failed", "gap", detail)
        elif item.aggregate_key in self.parked and item.parked_id is None:
            self._park(item, "behind", "behind", "a parked predecessor comes first", None)
        else:
            again = min(LOOK_AGAIN_FIRST * 2 ** min(item.parked_attempts, 6), LOOK_AGAIN_MOST)
            self._park(item, "gap", "gap", detail, self.now + again)

    # -- what becomes of an item ----------------------------------------------------------------------------------

    def apply(self, item: Item, decision: Decision[Any]) -> None:
        """Take a decision over: the new state, what is to be told, timers, errands."""
        name, row_id = _aggregate(item)
        if decision.state is not self.rows[name][row_id]:
            self._change(name, row_id, decision.state)
        for change in decision.also:
            self._change(change.rows, change.id, change.value)
        for event in decision.events:
            for outgoing in self.desk.outbound(event):
                self._emit(item, outgoing)
        for timer, due_at in decision.timers.items():
            self.timers[(name, row_id, timer)] = due_at
        for wake in decision.wakes:
            self.timers[(wake.aggregate, wake.aggregate_id, wake.name)] = wake.due_at or self.now
        given = Given(self.now, None, 0, self.rows)
        self.errands.extend((given.new_id(), errand) for errand in decision.errands)
        self._count_version(item)
        item.outcome = Outcome.DONE
        if self._replies_to(item):
            envelope = _envelope(item)
            accepted = self.desk.replies.accepted(
                command_id=UUID(envelope.id), subject=envelope.subject, **decision.reply
            )
            self._reply(item, accepted)

    def _change(self, name: str, row_id: str, value: object) -> None:
        if (name, row_id) not in self.locked:
            raise RuntimeError(f"{name}/{row_id} was changed without having been locked")
        if self.rows[name][row_id] is None:
            self.born.setdefault(name, set()).add(row_id)
        self.rows[name][row_id] = value
        self.changed.setdefault(name, {})[row_id] = value

    def _settle_fault(self, item: Item, fault: Unreadable | Rejected) -> None:
        if isinstance(fault, Rejected):
            self._refuse(item, fault)
            return
        self._count_unread(item)
        item.aggregate = None
        self._die(item, "unreadable", fault.code, fault.detail)

    def _count_unread(self, item: Item) -> None:
        """The version of an unreadable message counts when it is the next one: its successors need not wait for it."""
        if item.envelope is None or item.envelope.subjectversion is None or item.aggregate is None:
            return
        seen = self.versions.get((self.desk.reader.name, item.record.topic, item.envelope.subject))
        if seen is None or item.envelope.subjectversion == seen + 1:
            self._count_version(item)

    def _refuse(self, item: Item, refusal: Rejected) -> None:
        item.outcome = Outcome.REJECTED
        if self._replies_to(item):
            envelope = _envelope(item)
            rejected = self.desk.replies.rejected(
                command_id=UUID(envelope.id),
                subject=envelope.subject,
                code=refusal.code,
                message=refusal.message,
                field=refusal.field,
            )
            self._reply(item, rejected)

    @staticmethod
    def _replies_to(item: Item) -> bool:
        """A command that a service of ours sent wants no reply: nobody would read it."""
        return item.is_command and (item.actor is None or item.actor.kind != "service")

    def _reply(self, item: Item, reply: replies_v1.Reply) -> None:
        item.reply = reply
        topic = catalogue.topic_of(type(reply))
        row = self.desk.sender.write(
            Outgoing(topic, reply.subject, reply), None, item, item.aggregate_key, self.now
        )
        self.out.append(row)

    def _die(self, item: Item, reason: str, code: str, detail: str) -> None:
        """Keep it as it came, tell the dead-letter topic; an aggregate whose message failed waits for redrive."""
        item.outcome = Outcome.DEAD
        self.parkings.append((item, Parking(reason, code, detail, attempts=item.parked_attempts + 1)))
        if reason == "failed" and item.aggregate is not None:
            self.stopped.add(item.aggregate)
            self.parked.setdefault(item.aggregate_key, False)
        self.out.append(self.desk.sender.dead_letter(self.desk.reader.name, item, code, detail, self.now))

    def _park(
        self,
        item: Item,
        reason: str,
        code: str,
        detail: str,
        look_at: datetime | None,
        for_: str | None = None,
    ) -> None:
        item.outcome = Outcome.PARKED
        self.stopped.add(item.aggregate)
        self.parked.setdefault(item.aggregate_key, reason == "gap")
        self.parkings.append((item, Parking(reason, code, detail, for_, look_at, item.parked_attempts + 1)))

    def _count_version(self, item: Item) -> None:
        if item.envelope is None or item.envelope.subjectversion is None:
            return
        key = (self.desk.reader.name, item.record.topic, item.envelope.subject)
        self.versions[key] = max(item.envelope.subjectversion, self.versions.get(key, 0))

    def _emit(self, item: Item, outgoing: Outgoing) -> None:
        name, row_id = _aggregate(item)
        version = None
        if outgoing.topic.versioned:
            if outgoing.subject != row_id:
                raise RuntimeError(f"{outgoing.topic.name}: {name} speaks for another subject")
            key = ("", outgoing.topic.name, outgoing.subject)
            version = self.versions.get(key, 0) + 1
            self.versions[key] = version
        row = self.desk.sender.write(outgoing, version, item, item.aggregate_key, self.now)
        self.out.append(row)
        if outgoing.topic.compacted:
            self.compacted[(outgoing.topic.name, outgoing.subject)] = (row.headers, row.value)

    # -- counting -------------------------------------------------------------------------------------------------

    def count(self) -> None:
        """Enter each item's outcome into its partition's count. Timers are not records and count nowhere."""
        for item in self.items:
            if item.timer is not None or item.outcome is None:
                continue
            count = self.counts[(item.record.topic, item.record.partition)]
            if item.parked_id is None:
                count.holes += max(0, item.record.offset - count.next_offset)
                count.next_offset = max(count.next_offset, item.record.offset + 1)
                _add(count, item.outcome, 1)
            else:
                _add(count, item.parked_as, -1)
                _add(count, item.outcome, 1)

    @property
    def subjects(self) -> set[str]:
        return {item.aggregate[1] for item in self.items if item.aggregate is not None}

    @property
    def aggregates(self) -> set[str]:
        return {aggregate_key(item.aggregate) for item in self.items if item.aggregate is not None}

    @property
    def timers_due(self) -> list[DueTimer]:
        """The timers this batch has set that this reader can fire, and at once."""
        return [
            DueTimer(*key, due_at)
            for key, due_at in self.timers.items()
            if due_at is not None and due_at <= self.now and (key[0], key[2]) in self.desk.reader.by_timer
        ]

    @property
    def errand_rows(self) -> list[tuple[str, str, str]]:
        return [(str(errand_id), errand.kind, _json(errand.payload)) for errand_id, errand in self.errands]


def _decision_of(item: Item) -> Decide:
    route = item.route or item.timer
    if route is None:
        raise RuntimeError("nobody decides about this")
    return route.decide


def _aggregate(item: Item) -> tuple[str, str]:
    if item.aggregate is None:
        raise RuntimeError("only what concerns an aggregate is decided")
    return item.aggregate


def _envelope(item: Item) -> Envelope:
    if item.envelope is None:
        raise RuntimeError("only a message with an envelope is answered")
    return item.envelope


def _asks(item: Item) -> bool:
    """Whether a decision will be asked about it."""
    return item.fault is None and item.failure is None and item.first is None and item.outcome is None


def _where(item: Item) -> str:
    if item.timer is not None:
        return f"timer {item.timer.name}"
    return f"{item.record.topic}/{item.record.partition}@{item.record.offset}"


def _add(count: Count, outcome: Outcome, number: int) -> None:
    name = outcome.name.lower()
    setattr(count, name, getattr(count, name) + number)


def _json(payload: Mapping[str, object]) -> str:
    return json.dumps(payload, default=str)
