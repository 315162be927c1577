"""Bad records of every class on every topic that a service reads, good ones between: all four services, for real."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from bad_classes import CLASSES, BadClass, Good, Raw, bytes_of
from bad_fuzz import corpus
from bad_network import KINDS, Books, good, heard_topics, listeners

from chassis.items import Outcome
from chassis.testing.network import Outside, Seen, until
from contracts import catalogue
from contracts.messages import Command
from servicenetz.service import SERVICES, program
from servicenetz.stack import Stack

pytestmark = pytest.mark.stack

AT_LEAST = 45
WITHIN_SECONDS = 60.0
PER_TOPIC = 40
"""Records of the fuzzer for each kind of message."""


@dataclass(frozen=True)
class Sent:
    """A record where it stands; `bad` is None for a good one, and for what the fuzzer made."""

    good: Good
    bad: BadClass | None
    raw: Raw
    partition: int
    offset: int


class Field:
    """The network under fire."""

    def __init__(self, stack: Stack, outside: Outside) -> None:
        self.books = Books(stack)
        self.outside = outside
        self._bootstrap = stack.kafka_bootstrap

    async def fire(self, records: list[tuple[Good, BadClass | None, Raw]]) -> list[Sent]:
        """Send these in order; returns where they came to stand.

        Without a key a compacted topic takes nothing: the broker itself refuses it, with its whole batch.
        """
        records = [each for each in records if each[2].key is not None or not each[0].topic.compacted]
        acks = [
            await self.outside._producer.send(about.topic.name, raw.value, raw.key, headers=raw.headers)
            for about, _, raw in records
        ]
        places = await asyncio.gather(*acks)
        return [
            Sent(about, bad, raw, at.partition, at.offset)
            for (about, bad, raw), at in zip(records, places, strict=True)
        ]

    async def at_rest(self) -> None:
        """Wait until every reader has passed the end of each of its partitions, and nothing is left to be sent."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=None)
        await consumer.start()
        try:
            partitions = [
                TopicPartition(name, n)
                for name in heard_topics()
                for n in range(catalogue.TOPICS[name].partitions)
            ]

            async def so() -> bool:
                ends = {p: end for p, end in (await consumer.end_offsets(partitions)).items() if end}
                passed = {
                    (s, r["reader"], r["topic"], r["partition"]): r["next_offset"]
                    for s, r in self.books.progress()
                }
                return self.books.unsent() == 0 and all(
                    passed.get((who.service, who.reader.name, place.topic, place.partition)) == end
                    for place, end in ends.items()
                    for who in listeners(catalogue.TOPICS[place.topic])
                )

            await until(so, seconds=WITHIN_SECONDS)
        finally:
            await consumer.stop()

    def the_books_add_up(self) -> None:
        """Per reader, topic and partition: consumed = done + duplicate + rejected + dead + parked."""
        for service, row in self.books.progress():
            counted = sum(row[name] for name in ("done", "duplicate", "rejected", "dead", "parked"))
            assert row["next_offset"] - row["first_offset"] == counted, (service, row)
            assert row["holes"] == 0

    def nobody_failed(self) -> None:
        """Bad input is no reason for our own code to fail."""
        for service in SERVICES:
            assert self.books.ask(service, "SELECT topic, detail FROM parked WHERE reason = 'failed'") == []

    async def letters(self, number: int) -> dict[tuple[str, str, int, int], Seen]:
        """All dead letters by group, topic, partition and offset; there must be so many."""
        topics = [catalogue.dead_letters_of(service).name for service in SERVICES]
        await self.outside.until(lambda: sum(len(self.outside.seen[name]) for name in topics) >= number)
        found = {}
        for seen in (seen for name in topics for seen in self.outside.seen[name]):
            group, topic, partition, offset = (
                (seen.headers[f"deadletter-{part}"] or b"").decode()
                for part in ("group", "topic", "partition", "offset")
            )
            found[(group, topic, int(partition), int(offset))] = seen
        return found


@pytest.fixture(scope="module")
def bad_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of each service, nobody else there."""
    folder: Path = tmp_path_factory.mktemp("badinput")
    with Stack(folder) as stack:
        yield stack


@pytest.fixture(scope="module")
async def field(bad_stack: Stack) -> AsyncIterator[Field]:
    async with Outside(bad_stack.kafka_bootstrap) as outside:
        await outside.watch(*catalogue.TOPICS.values())
        yield Field(bad_stack, outside)


def test_the_list_is_long_enough_and_covers_every_topic_that_is_read() -> None:
    assert len(CLASSES) >= AT_LEAST
    assert len({bad.name for bad in CLASSES}) == len(CLASSES)
    assert {catalogue.topic_of(kind).name for kind in KINDS} == heard_topics()
    for topic in {catalogue.topic_of(kind) for kind in KINDS}:
        acted_on = {who.group for kind in KINDS for who in listeners(topic) if who.acts_on(good(kind))}
        assert acted_on == {who.group for who in listeners(topic)}


def _salvo() -> list[tuple[Good, BadClass | None, Raw]]:
    """Every class on every topic, each between two good messages."""
    records: list[tuple[Good, BadClass | None, Raw]] = []
    for bad in CLASSES:
        for kind in KINDS:
            about = good(kind)
            if bad.applies(about):
                *before, last = bad.make(about)
                records += [(about, None, raw) for raw in before]
                records.append((about, bad, last))
            between = good(kind)
            records.append((between, None, between.raw))
    return records


async def test_each_bad_record_has_its_answer_and_every_good_one_is_served(field: Field) -> None:
    sent = await field.fire(_salvo())
    await field.at_rest()
    field.the_books_add_up()
    field.nobody_failed()
    expected: Counter[tuple[str, str, str, int, str]] = Counter()
    for record in sent:
        for service, reader, outcome in _outcomes(record):
            expected[(service, reader, record.good.topic.name, record.partition, outcome)] += 1
    _counts_are_right(field, expected)
    await _dead_letters_are_right(field, sent)
    await _refusals_are_right(
        field, [record for record in sent if record.bad and record.bad.outcome == "rejected"]
    )
    _gaps_are_parked(field, [record for record in sent if record.bad and record.bad.outcome == "parked"])
    await _good_ones_are_served(field, [record for record in sent if record.bad is None])


async def test_the_operator_finds_the_dead_letters_of_all_four_services(
    bad_stack: Stack, field: Field
) -> None:
    def order(*words: str) -> str:
        command = [str(program("servicenetz")), "dead-letters", "--folder", str(bad_stack.folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False)
        assert done.returncode == 0, done
        return done.stdout

    listed = await asyncio.to_thread(order, "list")
    for service in SERVICES:
        dead = field.books.ask(
            service, "SELECT id FROM parked WHERE reason = 'unreadable' ORDER BY since, id"
        )
        assert service in listed
        assert f"\n{dead[0]['id']} " in listed
    (letter, *_) = field.books.ask("billing", "SELECT id FROM parked WHERE code = 'key-not-subject'")
    words = ("drop", str(letter["id"]), "--yes", "--because", "a test's", "--who", "Ada")
    assert "dropped" in await asyncio.to_thread(order, "--service", "billing", *words)
    assert "Ada  drop" in await asyncio.to_thread(order, "--service", "billing", "acts")


async def test_whatever_the_fuzzer_sends_the_books_add_up_and_good_ones_are_served(field: Field) -> None:
    records: list[tuple[Good, BadClass | None, Raw]] = []
    wild = []
    for kind in KINDS:
        for about, raw in corpus(kind, PER_TOPIC):
            wild.append((about, None, raw))
            between = good(kind)
            records += [wild[-1], (between, None, between.raw)]
    sent = await field.fire(records)
    await field.at_rest()
    field.the_books_add_up()
    field.nobody_failed()
    await _good_ones_are_served(field, [record for record in sent if record.raw is record.good.raw])


def _outcomes(record: Sent) -> Iterator[tuple[str, str, str]]:
    """What each reader must have counted this record as, where it is not simply done."""
    if record.bad is None:
        return
    for who in listeners(record.good.topic):
        if record.bad.where in ("envelope", "event") or who.acts_on(record.good):
            yield who.service, who.reader.name, record.bad.outcome
        elif record.bad.name == "the same id with another body" and record.good.topic.versioned:
            yield (
                who.service,
                who.reader.name,
                "duplicate",
            )  # to who does nothing with it, a version that was there


def _counts_are_right(field: Field, expected: Counter[tuple[str, str, str, int, str]]) -> None:
    counted: Counter[tuple[str, str, str, int, str]] = Counter()
    for service, row in field.books.progress():
        for outcome in ("dead", "duplicate"):
            counted[(service, row["reader"], row["topic"], row["partition"], outcome)] = row[outcome]
    assert +counted == Counter({key: n for key, n in expected.items() if key[-1] in ("dead", "duplicate")})


async def _dead_letters_are_right(field: Field, sent: list[Sent]) -> None:
    due = [
        (record, f"{service}.{reader}")
        for record in sent
        for service, reader, outcome in _outcomes(record)
        if outcome == "dead"
    ]
    letters = await field.letters(len(due))
    assert len(letters) == len(due)
    for record, group in due:
        assert record.bad is not None
        letter = letters[(group, record.good.topic.name, record.partition, record.offset)]
        about = (record.bad.name, record.good.kind.TYPE, letter.headers["deadletter-reason"])
        assert re.fullmatch(record.bad.reason, (letter.headers["deadletter-reason"] or b"").decode()), about
        assert (letter.record.key, letter.record.value) == (record.raw.key, record.raw.value), about


async def _refusals_are_right(field: Field, refused: list[Sent]) -> None:
    for record in refused:
        assert record.bad is not None
        reply = await _reply(field, record)
        assert reply.TYPE.endswith("CommandRejected.v1"), record.bad.name
        assert re.fullmatch(record.bad.reason, reply.code), (
            record.bad.name,
            record.good.kind.TYPE,
            reply.code,
        )


def _gaps_are_parked(field: Field, early: list[Sent]) -> None:
    parked = {
        (service, row["reader"], row["topic"], row["partition"], row["offset"])
        for service in SERVICES
        for row in field.books.ask(service, "SELECT * FROM parked WHERE reason = 'gap'")
    }
    assert parked == {
        (who.service, who.reader.name, record.good.topic.name, record.partition, record.offset)
        for record in early
        for who in listeners(record.good.topic)
    }


async def _good_ones_are_served(field: Field, served: list[Sent]) -> None:
    taken: dict[str, dict[str, int]] = {}
    for service in SERVICES:
        for row in field.books.ask(service, "SELECT reader, message_id, outcome FROM inbox"):
            taken.setdefault(f"{service}.{row['reader']}", {})[row["message_id"]] = row["outcome"]
    for record in served:
        for who in listeners(record.good.topic):
            if who.acts_on(record.good):
                outcome = taken[who.group].get(bytes_of(record.raw, "ce_id").decode())
                assert outcome in (Outcome.DONE, Outcome.REJECTED), (
                    who.group,
                    record.good.kind.TYPE,
                    outcome,
                )
        if issubclass(record.good.kind, Command):
            await _reply(field, record)


async def _reply(field: Field, record: Sent) -> Any:
    topic = catalogue.replies_of(record.good.topic.owner).name
    command = bytes_of(record.raw, "ce_id").decode()

    def found() -> object:
        messages = (seen.message for seen in field.outside.seen[topic])
        return next(
            (message for message in messages if message is not None and message.subject == command), None
        )

    return await field.outside.until(found)
