"""The JSON Schema (2020-12) of each message: what may be written. A reader ignores what it does not know."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from contracts import catalogue
from contracts.catalogue import message_name
from contracts.messages import Message

DIALECT = GenerateJsonSchema.schema_dialect


class _Schema(GenerateJsonSchema):
    """Without a title on every field: it would only say the field's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def schema(message: type[Message]) -> dict[str, Any]:
    """The schema of one message, whole, with its ce_type and topic as `x-` words."""
    body = message.model_json_schema(schema_generator=_Schema)
    topic = catalogue.topic_of(message)
    return {
        "$schema": DIALECT,
        "$id": catalogue.schema_of(message),
        "title": message_name(message),
        "description": body.pop("description", ""),
        "x-type": message.TYPE,
        "x-topic": topic.name,
        "x-subject": message.SUBJECT,
        **{word: value for word, value in body.items() if word != "title"},
    }
