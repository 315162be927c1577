"""What a message is: closed when it is written, tolerant when it is read, and never a float in it.

Written: a message refuses unknown fields and unknown enum values: nothing leaves that its schema forbids.
Read: unknown fields are ignored and unknown enum values become `unknown`, so that a newer minor does no harm.
Of a key that stands twice in one JSON object the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

LARGEST_BODY_BYTES = 1_048_576
"""More than any message of ours needs; the same as the limit of the topics that take input."""
_READING = {"reading": True}
_ERRORS_TOLD = 3


class Unreadable(Exception):
    """A record that cannot be understood, whoever looks at it: it belongs into the dead letters.

    code: a short fixed word; detail: where and why, without any value of the message (personal data).
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class OpenEnum(StrEnum):
    """A set of words that may grow. Each has a member `unknown`: what a reader sees of a newer word."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: type[Any], _handler: GetCoreSchemaHandler) -> CoreSchema:
        members = list(cls.__members__.values())
        known = core_schema.enum_schema(cls, members, sub_type="str")
        newer = core_schema.with_info_plain_validator_function(_newer_word(cls))
        return core_schema.union_schema(
            [known, newer],
            mode="left_to_right",
            custom_error_type="word",
            custom_error_message="Input should be one of the words of the schema",
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "title": cls.__name__,
            "description": (cls.__doc__ or "").strip(),
            "type": "string",
            "enum": [member.value for member in cls],
        }


def _newer_word(words: type[OpenEnum]) -> Callable[[Any, core_schema.ValidationInfo], OpenEnum]:
    unknown = words("unknown")

    def newer(value: Any, info: core_schema.ValidationInfo) -> OpenEnum:
        if info.context is _READING and isinstance(value, str):
            return unknown
        raise PydanticCustomError("word", "Input should be one of the words of the schema")

    return newer


class Value(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        str_max_length=20_000,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        validate_default=False,
        hide_input_in_errors=True,
        defer_build=True,
    )

    @classmethod
    def check(cls, data: bytes) -> Self:
        """Judge a body as its JSON Schema does, before it is sent. Raises Unreadable as `read`."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            _explain(data, error)


class Message(Value):
    """The body of a record. `TYPE` is its ce_type, `SUBJECT` the field that ce_subject and the key repeat."""

    TYPE: ClassVar[str]
    SUBJECT: ClassVar[str]
    KIND: ClassVar[str] = "event"

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a body, tolerantly. Raises Unreadable: empty, too-large, not-utf8, not-json, invalid."""
        if len(data) > LARGEST_BODY_BYTES:
            raise Unreadable(
                "too-large", f"The body has {len(data)} bytes, {LARGEST_BODY_BYTES} are allowed."
            )
        try:
            message = cls.__pydantic_validator__.validate_json(data, extra="ignore", context=_READING)
        except ValidationError as error:
            _explain(data, error)
        if b"NaN" in data or b"Infinity" in data:
            _refuse_constants(data)
        return message  # type: ignore[no-any-return]  # the validator of cls makes a cls

    def write(self) -> bytes:
        """The body as JSON in UTF-8: every field, also the empty ones."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True)

    @property
    def subject(self) -> str:
        """What the message is about: its ce_subject and its key."""
        return str(getattr(self, self.SUBJECT))


class Event(Message):
    """Something that happened, or the state of something as its owner publishes it."""


class Command(Message):
    """A request: one service decides it and answers on its replies topic."""

    KIND: ClassVar[str] = "command"


def _explain(data: bytes, error: ValidationError) -> NoReturn:
    """Say what is wrong by place and kind only. Names of unknown fields are input too, and are left out."""
    if not data.strip():
        raise Unreadable("empty", "There is no body.") from None
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        raise Unreadable("not-utf8", f"The body is not UTF-8 (byte {wrong.start}).") from None
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        raise Unreadable("not-json", problems[0]["msg"]) from None
    told = [
        f"{_place(problem['loc'], problem['type'])}: {problem['msg']}" for problem in problems[:_ERRORS_TOLD]
    ]
    if len(problems) > _ERRORS_TOLD:
        told.append(f"and {len(problems) - _ERRORS_TOLD} more")
    raise Unreadable("invalid", "; ".join(told)) from None


def _place(location: tuple[int | str, ...], kind: str) -> str:
    known = location[:-1] if kind == "extra_forbidden" else location
    return ".".join(map(str, known)) or "the body"


def _refuse_constants(data: bytes) -> None:
    """The parser takes NaN and Infinity inside fields that are ignored; JSON has no such words."""

    def refuse(constant: str) -> NoReturn:
        raise Unreadable("not-json", f"{constant} is not JSON.")

    json.loads(data, parse_constant=refuse)
