"""What must be true: some things at each commit, the rest when everything is at rest.

The numbers are those of the design's list "What must always be true".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from simulated.batch import Progress
from simulated.broker import Partition
from simulated.database import Lock
from simulated.messages import COMPACTED, DEAD_LETTERS, VERSIONED, Kind, Message, Outcome, Said
from simulated.world import PARTITIONS, World


class Violation(Exception):
    """An invariant does not hold; the text says which."""


class Ledger:
    """Watches the commits from outside: what was ever decided, and what is promised by committed offsets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.decided: dict[tuple[str, str], Said] = {}
        self.broken: str | None = None
        """What was seen while things were moving; whoever was about to commit is not told."""
        self._timers_set: set[tuple[str, str]] = set()
        world.database.committed.append(self._look)
        self._commit_offsets = world.broker.group.commit
        world.broker.group.commit = self._offsets  # type: ignore[method-assign]  # the watcher stands in between

    def _look(self, written: Mapping[Lock, Any]) -> None:
        for (table, key), row in written.items():
            if table == "outbox" and row is not None:
                self.decided[(row.topic, row.said.id)] = row.said
            elif table == "timers" and row is not None:
                self._timers_set.add(key)
            elif table == "progress":
                self._adds_up(key, row)

    def _adds_up(self, partition: Partition, row: Progress) -> None:
        """8. At each commit, as the check constraints of the table hold it."""
        if row.next != sum(row.counts.values()) or any(number < 0 for number in row.counts.values()):
            self.broken = f"{partition}: {row} does not add up"

    def _offsets(self, member: Any, generation: int, positions: dict[Partition, int]) -> None:
        """8. A committed offset is a promise: what those records caused was acknowledged by the broker.

        Looked at here and not at rest, where the sweeper would have sent what was left.
        """
        self._commit_offsets(member, generation, positions)
        for row in self._world.database.tables["outbox"].values():
            topic, partition, offset = row.cause
            moved = self._world.broker.group.set_forward.get((topic, partition), 0)
            if row.at_once and moved <= offset < positions.get((topic, partition), 0):
                self.broken = f"offset {offset} of {topic}/{partition} is committed, its messages are unsent"

    def at_rest(self) -> None:
        """All that has to hold when nothing is left to do."""
        self._one_effect_each()
        self._in_order_of_the_log()
        self._topics()
        self._compacted()
        self._books()
        self._replies()

    def _one_effect_each(self) -> None:
        """2. One effect per message and per timer; and none is lost."""
        effects = Counter(
            word for words in self._world.database.tables["accounts"].values() for word in words
        )
        due = Counter({m.id: 1 for m in self._world.sent.messages.values() if _has_effect(m)})
        due += Counter({f"timer {name}": 1 for _, name in self._timers_set})
        if effects != due:
            raise Violation(f"effects lost: {due - effects}, doubled or invented: {effects - due}")

    def _in_order_of_the_log(self) -> None:
        """What one partition holds about one subject takes effect in that order, whatever is parked in between."""
        copies = Counter(
            record.message.id for place in PARTITIONS for record in self._world.broker.logs[place]
        )
        for subject, words in self._world.database.tables["accounts"].items():
            for place in PARTITIONS:
                sent = [
                    record.message.id
                    for record in self._world.broker.logs[place]
                    if copies[record.message.id] == 1
                ]
                told = [word for word in words if word in sent]
                if told != [word for word in sent if word in told]:
                    raise Violation(f"{subject} was told {told}, {place} has {sent}")

    def _topics(self) -> None:
        """1. Every version from 1 to n, in order; nothing unsent, nothing that was never decided."""
        logs = self._world.broker.logs
        for topic in {topic for topic, _ in self.decided} | {t for t, _ in logs if (t, 0) not in PARTITIONS}:
            seen: set[str] = set()
            newest: dict[str, int] = {}
            for record in logs[(topic, 0)]:
                said: Said = record.message
                if said.id in seen:
                    continue
                seen.add(said.id)
                if self.decided.get((topic, said.id)) != said:
                    raise Violation(f"{topic} has {said}, which was never decided")
                if topic in VERSIONED:
                    self._in_order(topic, said, newest)
            unsent = {message_id for name, message_id in self.decided if name == topic} - seen
            if unsent:
                raise Violation(f"decided and never sent on {topic}: {sorted(unsent)}")

    @staticmethod
    def _in_order(topic: str, said: Said, newest: dict[str, int]) -> None:
        before = newest.get(said.subject, 0)
        if (
            topic in COMPACTED
        ):  # what was written again may stand before what it overtook; older ones are dropped
            newest[said.subject] = max(before, said.version)
            return
        if said.version != before + 1:
            raise Violation(f"{topic}: version {said.version} of {said.subject} came after {before}")
        newest[said.subject] = said.version

    def _compacted(self) -> None:
        """7 of the rules: the last word on a compacted topic is the newest."""
        last: dict[tuple[str, str], Said] = {}
        for topic in COMPACTED:
            for record in self._world.broker.logs[(topic, 0)]:
                last[(topic, record.message.subject)] = record.message
        kept = self._world.database.tables["compacted"]
        if last != kept:
            raise Violation(f"last word {last}, newest {kept}")

    def _books(self) -> None:
        """8. Per partition: offsets passed = done + duplicate + rejected + dead + parked, each of them rightly."""
        counted: Counter[Outcome] = Counter()
        for partition in PARTITIONS:
            row: Progress = self._world.database.tables["progress"][partition]
            counted.update(row.counts)
        sent = self._world.sent
        expected = Counter(_outcome(message) for message in sent.messages.values())
        expected[Outcome.DUPLICATE] = sent.copies - len(sent.messages)
        if +counted != +expected:
            raise Violation(f"counted {dict(counted)}, sent {dict(expected)}")
        kept = {row.record.message.id for row in self._world.database.tables["parked"].values()}
        dead = {m.id for m in sent.messages.values() if m.kind is Kind.UNREADABLE}
        if kept != dead:
            raise Violation(f"parked {kept}, dead {dead}")

    def _replies(self) -> None:
        """A command is answered, and each time alike; what could not be read or failed is in the dead letters."""
        answers: dict[str, set[Said]] = {}
        for record in self._world.broker.logs[("replies", 0)]:
            answers.setdefault(record.message.subject, set()).add(record.message)
        wanted = {
            m.id for m in self._world.sent.messages.values() if m.kind not in (Kind.LEARN, Kind.UNREADABLE)
        }
        if answers.keys() != wanted or any(len(said) > 1 for said in answers.values()):
            raise Violation(f"answered {answers}, wanted {wanted}")
        letters = {record.message.subject for record in self._world.broker.logs[(DEAD_LETTERS, 0)]}
        unread = {m.id for m in self._world.sent.messages.values() if m.kind is Kind.UNREADABLE}
        if not unread <= letters:
            raise Violation(f"no dead letter for {unread - letters}")


def _has_effect(message: Message) -> bool:
    return message.kind in (Kind.ADD, Kind.REMIND, Kind.WAIT, Kind.POISON)


def _outcome(message: Message) -> Outcome:
    if message.kind is Kind.REFUSED:
        return Outcome.REJECTED
    return Outcome.DEAD if message.kind is Kind.UNREADABLE else Outcome.DONE
