"""What the tests of the contracts share: every class of message and the examples next to it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.messages import Message
from contracts.schemas import schema

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "contracts"
MESSAGES = [(topic, message) for topic in catalogue.TOPICS.values() for message in topic.messages]
EACH_MESSAGE = pytest.mark.parametrize(
    ("topic", "message"), MESSAGES, ids=[f"{topic.name}-{catalogue.message_name(m)}" for topic, m in MESSAGES]
)


def folder(topic: Topic, message: type[Message]) -> Path:
    return PACKAGE / "examples" / topic.name / catalogue.message_name(message)


def valid_bodies(topic: Topic, message: type[Message]) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder(topic, message).glob("valid-*.json"))]


def one_of_each() -> list[tuple[type[Message], dict[str, Any]]]:
    return [(message, json.loads(valid_bodies(topic, message)[0])) for topic, message in MESSAGES]


@cache
def validator(message: type[Message]) -> Draft202012Validator:
    return Draft202012Validator(schema(message))
