"""The catalogue is what creates topics, names classes and checks keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.contracts.contract_files import EACH_MESSAGE

from contracts import catalogue, job_exchange_commands_v1, job_exchange_jobs_v1, job_exchange_work_orders_v1
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable

SERVICES = ("partner-registry", "job-exchange", "matching", "billing")
JOBS = job_exchange_jobs_v1.TOPIC
SUBJECT = "019a4c1e-8f00-7a11-8c3d-52f0e61b9d01"
ENVELOPE = Envelope("i", "/s", "t", SUBJECT, datetime(2026, 11, 23, tzinfo=UTC), "d")


def test_every_topic_of_the_design_is_there_once() -> None:
    assert len(catalogue.TOPICS) == 17 + 2 * len(SERVICES)
    assert {topic.owner for topic in catalogue.TOPICS.values()} == {"crm", *SERVICES}
    for service in SERVICES:
        owned = [topic for topic in catalogue.TOPICS.values() if topic.owner == service]
        assert catalogue.replies_of(service) in owned
        assert catalogue.dead_letters_of(service) in owned


@EACH_MESSAGE
def test_a_type_is_decoded_on_its_own_topic_only(topic: Topic, message: type[Message]) -> None:
    assert catalogue.decode_type(topic.name, message.TYPE) is message
    assert catalogue.topic_of(message) is topic
    for other in catalogue.TOPICS.values():
        if other is not topic:
            with pytest.raises(Unreadable) as refused:
                catalogue.decode_type(other.name, message.TYPE)
            assert refused.value.code == "unknown-type"


@pytest.mark.parametrize(
    ("ce_type", "code"),
    [
        ("job-exchange.JobPosted.v2", "unsupported-version"),
        ("job-exchange.JobPosted.v10", "unsupported-version"),
        ("job-exchange.JobPosted.vNext", "unknown-type"),
        ("job-exchange.JobPosted", "unknown-type"),
        ("job-exchange.JobBurnt.v1", "unknown-type"),
        ("v1", "unknown-type"),
        ("x" * 120, "unknown-type"),
    ],
)
def test_another_type_is_refused(ce_type: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        catalogue.decode_type(JOBS.name, ce_type)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "key-missing"), (b"", "key-missing"), (b"\xff", "key-not-subject"), (b"x", "key-not-subject")],
)
def test_a_key_that_is_not_the_subject_is_refused(key: bytes | None, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        catalogue.check_key(JOBS, key, ENVELOPE)
    assert refused.value.code == code


def test_a_key_that_is_the_subject_is_taken() -> None:
    catalogue.check_key(JOBS, SUBJECT.encode(), ENVELOPE)


def test_dead_letters_take_twice_any_input_and_any_key() -> None:
    largest = max(topic.max_message_bytes for topic in catalogue.TOPICS.values() if not topic.raw)
    for service in SERVICES:
        topic = catalogue.dead_letters_of(service)
        assert topic.max_message_bytes >= 2 * largest
        assert topic.readers == ()
        catalogue.check_key(topic, None, ENVELOPE)


def test_settings_are_what_kafka_takes() -> None:
    assert job_exchange_commands_v1.TOPIC.config() == {
        "cleanup.policy": "delete",
        "max.message.bytes": "1048576",
        "retention.ms": str(7 * 24 * 3600 * 1000),
        "message.timestamp.type": "LogAppendTime",
    }
    assert job_exchange_work_orders_v1.TOPIC.config()["cleanup.policy"] == "compact"
    for topic in catalogue.TOPICS.values():
        assert topic.compacted or topic.config()["retention.ms"] == str(
            -1 if topic.retention is None else topic.retention // timedelta(milliseconds=1)
        )


def test_tombstones_are_for_compacted_topics_and_have_a_type_of_their_own() -> None:
    for topic in catalogue.TOPICS.values():
        if topic.tombstones:
            assert topic.compacted
            with pytest.raises(Unreadable):
                catalogue.decode_type(topic.name, catalogue.tombstone_type(topic))
            assert catalogue.tombstone_schema(topic).endswith("Tombstone")


def test_commands_outlive_no_inbox_and_each_is_answered() -> None:
    for topic in catalogue.TOPICS.values():
        if topic.takes_commands:
            assert topic.retention == timedelta(days=7)
            assert topic.readers == (topic.owner,)
            assert catalogue.replies_of(topic.owner).messages
