"""All topics: who owns and reads them, what they carry, how they are set up. No topic name stands elsewhere.

It creates topics, names the class of a body, and checks keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from contracts import (
    billing_commands_v1,
    billing_payables_v1,
    billing_rate_cards_v1,
    billing_receivables_v1,
    billing_settlements_v1,
    crm_partners_v1,
    dead_letters_v1,
    job_exchange_commands_v1,
    job_exchange_jobs_v1,
    job_exchange_work_orders_v1,
    matching_assignments_v1,
    matching_commands_v1,
    matching_coverage_v1,
    matching_standings_v1,
    partner_registry_commands_v1,
    partner_registry_events_v1,
    partner_registry_notifications_v1,
    partner_registry_partners_v1,
    replies_v1,
)
from contracts.envelope import Envelope
from contracts.messages import Message, Unreadable
from contracts.topics import Topic

__all__ = [
    "TOPICS",
    "Topic",
    "check_key",
    "dead_letters_of",
    "decode_type",
    "message_name",
    "replies_of",
    "schema_of",
    "tombstone_schema",
    "tombstone_type",
    "topic_of",
]

_ALL = (
    crm_partners_v1.TOPIC,
    partner_registry_commands_v1.TOPIC,
    partner_registry_partners_v1.TOPIC,
    partner_registry_events_v1.TOPIC,
    partner_registry_notifications_v1.TOPIC,
    job_exchange_commands_v1.TOPIC,
    job_exchange_jobs_v1.TOPIC,
    job_exchange_work_orders_v1.TOPIC,
    matching_commands_v1.TOPIC,
    matching_assignments_v1.TOPIC,
    matching_coverage_v1.TOPIC,
    matching_standings_v1.TOPIC,
    billing_commands_v1.TOPIC,
    billing_rate_cards_v1.TOPIC,
    billing_settlements_v1.TOPIC,
    billing_receivables_v1.TOPIC,
    billing_payables_v1.TOPIC,
    *replies_v1.TOPICS,
    *dead_letters_v1.TOPICS,
)

TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _ALL})
_DEAD_LETTERS = {topic.owner: topic for topic in dead_letters_v1.TOPICS}
_REPLIES = {topic.owner: topic for topic in replies_v1.TOPICS}
_TOPIC_OF = {message: topic for topic in _ALL for message in topic.messages}
_TYPES = {topic.name: {message.TYPE: message for message in topic.messages} for topic in _ALL}
_SCHEMA_OF = {
    message: f"urn:servicenetz:schema:{topic.name}:{message.TYPE.split('.')[-2]}"
    for message, topic in _TOPIC_OF.items()
}


def topic_of(message: type[Message]) -> Topic:
    """Where this class of message is written. Raises KeyError for a class that is on no topic."""
    return _TOPIC_OF[message]


def replies_of(service: str) -> Topic:
    """Where a service answers. Raises KeyError."""
    return _REPLIES[service]


def dead_letters_of(service: str) -> Topic:
    """Where a service puts what it cannot process. Raises KeyError."""
    return _DEAD_LETTERS[service]


def decode_type(topic_name: str, ce_type: str) -> type[Message]:
    """The class of a body. Raises Unreadable: unknown-type, unsupported-version; KeyError: no such topic."""
    types = _TYPES[topic_name]
    message = types.get(ce_type)
    if message is not None:
        return message
    name, _, version = ce_type.rpartition(".")
    if (
        version[:1] == "v"
        and version[1:].isdecimal()
        and any(known.rpartition(".")[0] == name for known in types)
    ):
        raise Unreadable("unsupported-version", "This major version of the message is not known here.")
    raise Unreadable("unknown-type", "No message of this type belongs on this topic.")


def check_key(topic: Topic, key: bytes | None, envelope: Envelope) -> None:
    """The key repeats the subject. Raises Unreadable: key-missing, key-not-subject."""
    if topic.raw:
        return
    if not key:
        raise Unreadable("key-missing", f"The record has no key; it should be the {topic.key}.")
    if key != envelope.subject.encode():
        raise Unreadable("key-not-subject", "The record's key is not its ce_subject.")


def message_name(message: type[Message]) -> str:
    """The message's name within its topic: JobPosted of job-exchange.JobPosted.v1."""
    return message.TYPE.split(".")[-2]


def schema_of(message: Message | type[Message]) -> str:
    """The ce_dataschema, the JSON Schema's `$id`. Raises KeyError for a class that is on no topic."""
    return _SCHEMA_OF[message if isinstance(message, type) else type(message)]


def tombstone_type(topic: Topic) -> str:
    """The ce_type of a tombstone on this topic: the type of what is taken back, as `…Tombstone`."""
    owner, name, version = topic.messages[0].TYPE.rsplit(".", 2)
    return f"{owner}.{name}Tombstone.{version}"


def tombstone_schema(topic: Topic) -> str:
    """The ce_dataschema of a tombstone, which has no body."""
    return f"urn:servicenetz:schema:{topic.name}:{message_name(topic.messages[0])}Tombstone"
