"""The catalogue as an AsyncAPI 3 document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from contracts import catalogue, dead_letters_v1
from contracts.catalogue import Topic, message_name
from contracts.envelope import LONGEST, LONGEST_ACTOR
from contracts.ids import UUID7_PATTERN
from contracts.messages import Message

_BINDING = "0.5.0"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./-]*")
_NOT_PLAIN = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def document(version: str) -> dict[str, Any]:
    """The whole document. Payloads are references to schemas/, which stand next to it."""
    topics = list(catalogue.TOPICS.values())
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Servicenetz",
            "version": version,
            "description": (
                "Service jobs, dealer to dealer. CloudEvents 1.0 in Kafka's binary mode; the value is JSON. "
                "Writers keep to the schemas; readers ignore unknown fields, and unknown words."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "messages": {
                _message_key(topic, message): _message(topic, message)
                for topic in topics
                for message in topic.messages
            },
            "schemas": {
                "EventHeaders": _headers(command=False),
                "CommandHeaders": _headers(command=True),
                "DeadLetterHeaders": _dead_letter_headers(),
            },
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    messages: dict[str, Any] = {
        message_name(message): {"$ref": f"#/components/messages/{_message_key(topic, message)}"}
        for message in topic.messages
    }
    if topic.raw:
        messages["DeadLetter"] = {
            "summary": "A record that could not be processed, as it came, with the reason in headers.",
            "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
            "contentType": "application/octet-stream",
        }
    settings = topic.config()
    configuration: dict[str, Any] = {
        "cleanup.policy": [topic.cleanup],
        "max.message.bytes": topic.max_message_bytes,
    }
    for name in ("retention.ms", "delete.retention.ms"):
        if name in settings:
            configuration[name] = int(settings[name])
    described = f"Key: {topic.key}. Owner: {topic.owner}. Data: {topic.data_class}."
    if topic.tombstones:
        described += " A null value takes back what was said of the key."
    return {
        "address": topic.name,
        "description": described,
        "messages": messages,
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
        "x-owner": topic.owner,
        "x-readers": list(topic.readers),
        "x-data-class": topic.data_class,
        "x-versioned": topic.versioned,
    }


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """The owner sends, or takes commands and answers; every reader receives."""
    reference = {"$ref": f"#/channels/{topic.name}"}
    if not topic.takes_commands:
        yield (
            f"{topic.owner}-sends-{topic.name}",
            {
                "action": "send",
                "channel": reference,
                "summary": f"{topic.owner} writes it.",
                "x-service": topic.owner,
            },
        )
    for reader in topic.readers:
        operation: dict[str, Any] = {
            "action": "receive",
            "channel": reference,
            "summary": f"{reader} reads it.",
            "x-service": reader,
        }
        if topic.takes_commands:
            operation["reply"] = {"channel": {"$ref": f"#/channels/{catalogue.replies_of(topic.owner).name}"}}
        yield f"{reader}-receives-{topic.name}", operation


def _message_key(topic: Topic, message: type[Message]) -> str:
    return f"{topic.name}.{message_name(message)}"


def _message(topic: Topic, message: type[Message]) -> dict[str, Any]:
    name = message_name(message)
    headers = "CommandHeaders" if message.KIND == "command" else "EventHeaders"
    return {
        "name": message.TYPE,
        "title": name,
        "summary": " ".join((message.__doc__ or "").split()),
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"$ref": f"./schemas/{topic.name}/{name}.json"},
        "bindings": {"kafka": {"key": _key(topic, message), "bindingVersion": _BINDING}},
        "x-subject": message.SUBJECT,
    }


def _key(topic: Topic, message: type[Message]) -> dict[str, Any]:
    described = {"type": "string", "description": f"The {topic.key}: the field {message.SUBJECT}."}
    return described | ({} if message.SUBJECT == "customer_number" else {"pattern": UUID7_PATTERN})


def _headers(*, command: bool) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    properties: dict[str, Any] = {
        "ce_specversion": {"type": "string", "enum": ["1.0"]},
        "ce_id": {
            "type": "string",
            "pattern": UUID7_PATTERN,
            "description": "With ce_source it is unique for ever.",
        },
        "ce_source": text
        | {"description": "A URI reference of the sender; ours are /servicenetz/<service>."},
        "ce_type": text,
        "ce_subject": text | {"description": "The same as the record's key."},
        "ce_time": text | {"format": "date-time", "description": "RFC 3339 with offset."},
        "ce_dataschema": text | {"description": "The `$id` of the payload's schema."},
        "ce_subjectversion": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,9}$",
            "description": "Counts the messages of one subject on one topic, from 1.",
        },
        "ce_causationid": text | {"description": "The ce_id of the message that caused this one."},
        "ce_correlationid": text | {"description": "The ce_id of the first message of the chain."},
        "traceparent": text | {"description": "W3C Trace Context."},
        "content-type": {"type": "string", "enum": ["application/json"]},
    }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_dataschema"]
    required.append("content-type")
    if command:
        properties["ce_actor"] = {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_ACTOR,
            "description": "Who asks: an assertion bound to ce_id and body (in development a plain name).",
        }
        required.append("ce_actor")
    return {"type": "object", "required": required, "properties": properties}


def _dead_letter_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Besides the record's own headers, untouched.",
        "required": list(dead_letters_v1.HEADERS),
        "properties": {name: {"type": "string"} for name in dead_letters_v1.HEADERS},
    }


def as_yaml(value: Any) -> str:
    """A document of dicts, lists, texts, numbers and flags as YAML; a dependency less for a page of code."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _entry(f"{indent}{_scalar(name)}:", part, indent + "  ")
    else:
        for part in value:
            yield from _entry(f"{indent}-", part, indent + "  ")


def _entry(head: str, part: Any, indent: str) -> Iterator[str]:
    if isinstance(part, dict | list) and part:
        yield head
        yield from _lines(part, indent)
    else:
        yield f"{head} {_scalar(part)}"


def _scalar(value: Any) -> str:
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and not value.endswith(" ")
        and value not in _NOT_PLAIN
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
