"""Invariants of the message path: 1, 2, 8 and 9."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from confluent_kafka import Consumer, TopicPartition

from contracts import catalogue
from servicenetz.invariants.snapshot import Seen

if TYPE_CHECKING:
    from servicenetz.invariants.check import View

TIMEOUT_S = 10.0
OVERDUE = "SELECT count(*) AS number FROM timers WHERE due_at < now() - interval '2 seconds'"
STILL_WAITING = (
    "SELECT count(*) AS number FROM parked "
    "WHERE reason IN ('waiting', 'gap', 'behind') AND since > now() - interval '30 seconds'"
)


def versions_are_whole(view: "View") -> tuple[list[str], str]:
    """1. Versions 1..n stand on each topic, in order; of a compacted one the newest, and it has the last word."""
    wrong, subjects = [], 0
    for service in view.databases:
        recorded: dict[str, dict[str, int]] = defaultdict(dict)
        for row in view.rows(
            service, "SELECT topic, subject, version FROM subject_versions WHERE reader = ''"
        ):
            recorded[row["topic"]][row["subject"]] = row["version"]
        for topic_name, versions in recorded.items():
            found: dict[str, list[int]] = defaultdict(list)
            for seen in view.topics.records[topic_name]:
                if seen.envelope is not None and seen.envelope.subjectversion is not None:
                    found[seen.envelope.subject].append(seen.envelope.subjectversion)
            compacted = catalogue.TOPICS[topic_name].compacted
            subjects += len(versions)
            for subject, newest in versions.items():
                needed = {newest} if compacted else set(range(1, newest + 1))
                on_topic = found[subject]
                if not needed <= set(on_topic) or max(on_topic) > newest:
                    wrong.append(
                        f"{topic_name} {subject}: recorded up to {newest}, on the topic {sorted(on_topic)}"
                    )
                elif compacted and on_topic[-1] != newest:
                    wrong.append(f"{topic_name} {subject}: version {on_topic[-1]} stands behind {newest}")
                elif (topic_name, subject) not in view.unordered and _overtaken(on_topic):
                    wrong.append(f"{topic_name} {subject}: versions came as {on_topic}")
            wrong.extend(
                f"{topic_name} {subject}: on the topic, not recorded"
                for subject in found.keys() - versions.keys()
            )
    return wrong, f"{subjects} subjects"


def _overtaken(versions: Sequence[int]) -> bool:
    """Whether a version came for the first time behind a later one. Repeats may come at any time."""
    first_seen = list(dict.fromkeys(versions))
    return first_seen != sorted(first_seen)


def one_effect_per_message(view: "View") -> tuple[list[str], str]:
    """2. What one message caused was decided once, and nothing of it stands there twice under different ids.

    All that one decision says carries its time; a decision made twice shows by a second time, or, within one batch,
    by the same body under two ids. A repeated command is answered again, and always in the same words.
    """
    wrong: list[str] = []
    effects = 0
    replies = {catalogue.replies_of(service).name for service in view.databases}
    for topic_name, records in view.topics.records.items():
        if topic_name in replies:
            wrong.extend(_contradictions(records))
            continue
        said: dict[tuple[str, str, str, str], dict[str, Seen]] = defaultdict(dict)
        for seen in records:
            if seen.envelope is not None and seen.envelope.causationid is not None:
                e = seen.envelope
                said[(e.source, e.causationid or "", e.type, e.subject)][e.id] = seen
        effects += len(said)
        for (_, _, kind, subject), by_id in said.items():
            times = {seen.envelope.time for seen in by_id.values() if seen.envelope is not None}
            bodies = {seen.value for seen in by_id.values()}
            if len(times) > 1 or len(bodies) < len(by_id):
                wrong.append(f"{kind} about {subject}: decided {max(len(times), 2)} times from one cause")
    return wrong, f"{effects} effects"


def _contradictions(replies: Sequence[Seen]) -> Iterator[str]:
    """Commands that were answered in two ways."""
    answers: dict[tuple[str, str], set[tuple[str, bytes | None]]] = defaultdict(set)
    for seen in replies:
        if seen.envelope is not None:
            answers[(seen.topic, seen.envelope.subject)].add((seen.envelope.type, seen.value))
    for (topic, command), different in answers.items():
        if len(different) > 1:
            yield f"{topic}: command {command} was answered in {len(different)} ways"


def counts_add_up(view: "View") -> tuple[list[str], str]:
    """8. What each reader has passed is what it has counted, and is all that the partition holds."""
    wrong, passed = [], 0
    for service in view.databases:
        for row in view.rows(service, "SELECT * FROM progress ORDER BY reader, topic, partition"):
            name = f"{service}.{row['reader']} {row['topic']}/{row['partition']}"
            counted = sum(row[part] for part in ("done", "duplicate", "rejected", "dead", "parked"))
            moved = row["next_offset"] - row["first_offset"]
            passed += moved
            if moved != counted + row["holes"]:
                wrong.append(f"{name}: {moved} passed, {counted} counted")
            held = [
                seen
                for seen in view.topics.records[row["topic"]]
                if seen.partition == row["partition"]
                and row["first_offset"] <= seen.offset < row["next_offset"]
            ]
            if not catalogue.TOPICS[row["topic"]].compacted and len(held) != counted:
                wrong.append(f"{name}: {counted} counted, {len(held)} on the topic")
        kept = view.rows(service, "SELECT reason, count(*) AS number FROM parked GROUP BY reason")
        by_reason = {row["reason"]: row["number"] for row in kept}
        dead = by_reason.get("failed", 0) + by_reason.get("unreadable", 0)
        totals = view.rows(
            service, "SELECT coalesce(sum(dead), 0) AS dead, coalesce(sum(parked), 0) AS parked FROM progress"
        )
        if totals[0]["dead"] != dead or totals[0]["parked"] != sum(by_reason.values()) - dead:
            wrong.append(f"{service}: parked rows {by_reason} do not fit the counts {totals[0]}")
    return wrong, f"{passed} records passed"


def what_is_parked(view: "View") -> tuple[list[str], str]:
    """9. Nothing moves, or we would not be here; what is parked is listed."""
    parked: list[str] = []
    for service in view.databases:
        kept = view.rows(
            service, "SELECT reason, code, count(*) AS number FROM parked GROUP BY 1, 2 ORDER BY 1, 2"
        )
        parked.extend(f"{service}: {row['number']} {row['reason']} ({row['code']})" for row in kept)
    return [], "; ".join(parked) or "nothing is parked"


def restless(bootstrap: str, databases: Mapping[str, psycopg.Connection[dict[str, Any]]]) -> str | None:
    """What still moves: unsent messages, records not taken in, records that wait and are due."""
    for service, database in databases.items():
        unsent = database.execute("SELECT count(*) AS number FROM outbox").fetchone()
        if unsent is not None and unsent["number"]:
            return f"{service}: {unsent['number']} messages unsent"
        waiting = database.execute(STILL_WAITING).fetchone()
        if waiting is not None and waiting["number"]:
            return f"{service}: {waiting['number']} records have just been parked"
        overdue = database.execute(OVERDUE).fetchone()
        if overdue is not None and overdue["number"]:
            return f"{service}: {overdue['number']} timers are due"
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "servicenetz-check", "log_level": 0})
    try:
        for service, database in databases.items():
            for row in database.execute(
                "SELECT reader, topic, partition, next_offset FROM progress"
            ).fetchall():
                _, end = consumer.get_watermark_offsets(
                    TopicPartition(row["topic"], row["partition"]), TIMEOUT_S
                )
                if end > row["next_offset"]:
                    lag = end - row["next_offset"]
                    return f"{service}.{row['reader']} is {lag} behind on {row['topic']}/{row['partition']}"
    finally:
        consumer.close()
    return None
