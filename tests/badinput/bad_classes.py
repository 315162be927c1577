"""Every class of record that must not be processed, for any topic, and what must become of it.

`CLASSES` is the list: each makes its record from a good one by one change. `applies` says on which topics it is one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from contracts.catalogue import Topic
from contracts.ids import uuid7
from contracts.messages import Command, Message

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Raw:
    """A record as it is sent."""

    key: bytes | None
    headers: Headers
    value: bytes | None

    def header(self, name: str, value: bytes | None) -> Raw:
        """With another value for this header."""
        return replace(self, headers=[(key, value if key == name else old) for key, old in self.headers])

    def without(self, name: str) -> Raw:
        """Without this header."""
        return replace(self, headers=[(key, old) for key, old in self.headers if key != name])


@dataclass(frozen=True)
class Good:
    """A good message, from which bad ones are made."""

    topic: Topic
    kind: type[Message]
    subject: str
    fields: Mapping[str, Any]
    raw: Raw

    @property
    def subject_field(self) -> str:
        """The field of the body that repeats the subject."""
        return next(name for name, value in self.fields.items() if value == self.subject)

    def body(self, **changes: Any) -> bytes:
        """The body with other fields; `...` leaves one out."""
        changed = {name: value for name, value in (dict(self.fields) | changes).items() if value is not ...}
        return json.dumps(changed).encode()


Where = Literal["envelope", "body", "command", "event"]
"""Who sees it: every reader of the topic; the readers of this message; the reader of this command; as envelope."""
Outcome = Literal["dead", "rejected", "duplicate", "parked"]


@dataclass(frozen=True)
class BadClass:
    """One class. `reason`: what dead letter or refusal says, as a pattern. The last record made is the bad one."""

    name: str
    where: Where
    outcome: Outcome
    reason: str
    make: Callable[[Good], list[Raw]]
    applies: Callable[[Good], bool] = lambda _: True


# -- how they are made ------------------------------------------------------------------------------------------------


def _value(name: str, reason: str, change: Callable[[bytes], bytes]) -> BadClass:
    def make(good: Good) -> list[Raw]:
        return [replace(good.raw, value=change(good.raw.value or b""))]

    return BadClass(name, "body", "dead", reason, make)


def _fields(name: str, reason: str, change: Callable[[Good], Mapping[str, Any]]) -> BadClass:
    def make(good: Good) -> list[Raw]:
        return [replace(good.raw, value=good.body(**change(good)))]

    return BadClass(name, "body", "dead", reason, make)


def _subject(name: str, reason: str, value: Callable[[Good], Any]) -> BadClass:
    return _fields(name, reason, lambda good: {good.subject_field: value(good)})


def _header(name: str, reason: str, header: str, value: bytes | None) -> BadClass:
    return BadClass(name, "envelope", "dead", reason, lambda good: [good.raw.header(header, value)])


def _missing(header: str) -> BadClass:
    reason = f"envelope-missing-{header.removeprefix('ce_')}"
    return BadClass(f"{header} missing", "envelope", "dead", reason, lambda good: [good.raw.without(header)])


def _key(name: str, reason: str, key: bytes | None) -> BadClass:
    return BadClass(name, "envelope", "dead", reason, lambda good: [replace(good.raw, key=key)])


def _version(name: str, value: bytes) -> BadClass:
    def make(good: Good) -> list[Raw]:
        headers = [*good.raw.without("ce_subjectversion").headers, ("ce_subjectversion", value)]
        return [replace(good.raw, headers=headers)]

    return BadClass(name, "envelope", "dead", "subjectversion", make)


def _refused(name: str, code: str, change: Callable[[Good], Raw]) -> BadClass:
    return BadClass(name, "command", "rejected", code, lambda good: [change(good)], _is_command)


def _is_command(good: Good) -> bool:
    return issubclass(good.kind, Command)


def _is_versioned(good: Good) -> bool:
    return good.topic.versioned


def _has_no_tombstones(good: Good) -> bool:
    return not good.topic.tombstones


def _has_uuid(good: Good) -> bool:
    return len(good.subject) == len(str(UUID(int=0))) and good.subject.count("-") == 4


def _id_with_time(good: Good, hours: int) -> bytes:
    """The good message's id, moved in time: the first 48 bits of a UUIDv7 are milliseconds."""
    made = UUID(bytes_of(good.raw, "ce_id").decode())
    moved = made.int + (hours * 3_600_000 << 80)
    return str(UUID(int=moved)).encode()


def bytes_of(raw: Raw, header: str) -> bytes:
    """A header that is there."""
    return next(value for name, value in raw.headers if name == header and value is not None)


def _another_id(raw: Raw) -> Raw:
    return raw.header("ce_id", str(uuid7()).encode())


def _deep(good: Good) -> bytes:
    return good.body()[:-1] + b',"extra":' + b"[" * 50_000 + b"]" * 50_000 + b"}"


CLASSES: tuple[BadClass, ...] = (
    # bodies: not JSON, not an object, not readable
    BadClass("empty", "envelope", "dead", "empty", lambda good: [replace(good.raw, value=b"")]),
    BadClass("tombstone on a topic without", "envelope", "dead", "tombstone",
             lambda good: [replace(good.raw, value=None)], _has_no_tombstones),
    _value("only white space", "not-json|empty|invalid", lambda _: b" \n\t"),
    _value("truncated", "not-json", lambda body: body[: len(body) // 2]),
    _value("two documents", "not-json", lambda body: body + body),
    _value("text behind the document", "not-json", lambda body: body + b" -- "),
    _value("not UTF-8", "not-utf8|not-json|invalid", lambda body: body.replace(b'"', b'"\xff\xfe', 1)),
    _value("UTF-16", "not-utf8|not-json|invalid", lambda body: body.decode().encode("utf-16")),
    _value("byte order mark", "not-json", lambda body: b"\xef\xbb\xbf" + body),
    _value("compressed", "not-utf8|not-json|invalid", gzip.compress),
    _value("XML", "not-json", lambda _: b"<?xml version='1.0'?><job/>"),
    _value("Avro's magic byte", "not-json", lambda body: b"\x00\x00\x00\x00\x07" + body),
    _value("single quotes", "not-json", lambda body: body.replace(b'"', b"'")),
    _value("a comment inside", "not-json", lambda body: b"{/* */" + body[1:]),
    _value("a comma at the end", "not-json", lambda body: body[:-1] + b",}"),
    _value("an array", "invalid", lambda _: b"[]"),
    _value("an empty object", "invalid", lambda _: b"{}"),
    _value("text", "invalid|not-json", lambda _: b'"done"'),
    _value("a number", "invalid", lambda _: b"7"),
    _value("null", "invalid", lambda _: b"null"),
    _value("true", "invalid", lambda _: b"true"),
    _value("NaN", "not-json", lambda body: body[:-1] + b',"extra":NaN}'),
    _value("Infinity", "not-json", lambda body: body[:-1] + b',"extra":-Infinity}'),
    _value("nested 100,000 deep", "not-json|invalid", lambda _: b"[" * 100_000 + b"]" * 100_000),
    BadClass("nested in a field nobody knows", "body", "dead", "not-json|invalid",
             lambda good: [replace(good.raw, value=_deep(good))]),
    # schema
    _subject("the subject's field missing", "invalid", lambda _: ...),
    _subject("the subject's field null", "invalid", lambda _: None),
    _subject("a number where text stands", "invalid", lambda _: 4711),
    _subject("an object where text stands", "invalid", lambda good: {"id": good.subject}),
    _subject("a list where text stands", "invalid", lambda good: [good.subject]),
    _subject("empty text where an id stands", "invalid", lambda _: ""),
    _subject("U+0000 in a text", "invalid", lambda good: f"{good.subject}\x00"),
    _subject("half a surrogate pair in a text", "invalid|not-json|not-utf8", lambda good: f"{good.subject}\ud800"),
    _subject("a text without end", "invalid", lambda _: "x" * 50_000),
    # the key of the envelope
    _key("null key", "key-missing", None),
    _key("empty key", "key-missing|key-not-subject", b""),
    _key("key is another subject", "key-not-subject", str(uuid7()).encode()),
    _key("key not UTF-8", "key-not-subject", b"\xff\xfe"),
    # the headers of the envelope
    BadClass("no header at all", "envelope", "dead", "envelope-missing-.*",
             lambda good: [replace(good.raw, headers=[])]),
    *[_missing(header) for header in (
        "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_specversion", "ce_dataschema", "content-type",
    )],
    BadClass("a header twice", "envelope", "dead", "header-twice",
             lambda good: [replace(good.raw, headers=[*good.raw.headers, ("ce_source", b"/other")])]),
    _header("null header", "header-null", "ce_source", None),
    _header("header not UTF-8", "header-not-utf8", "ce_source", b"\xff\xfe"),
    _header("control character in a header", "header-not-text", "ce_source", b"/tests\x00"),
    _header("header too long", "header-too-long", "ce_source", b"/" * 5_000),
    _header("empty source", "envelope-missing-source", "ce_source", b""),
    _header("empty subject", "envelope-missing-subject", "ce_subject", b""),
    _header("unknown type", "unknown-type", "ce_type", b"job-exchange.EatCake.v1"),
    _header("a type of another topic", "unknown-type", "ce_type", b"nobody.CommandAccepted.v1"),
    BadClass("a future major version", "envelope", "dead", "unsupported-version",
             lambda good: [good.raw.header("ce_type", good.kind.TYPE.rpartition(".")[0].encode() + b".v7")]),
    _header("id is no UUID", "id-not-uuid7", "ce_id", b"4711"),
    _header("id is a random UUID", "id-not-uuid7", "ce_id", b"f47ac10b-58cc-4372-a567-0e02b2c3d479"),
    BadClass("id in capitals", "envelope", "dead", "id-not-uuid7",
             lambda good: [good.raw.header("ce_id", b"019A4C1E-8F00-7A11-8C3D-52F0E61B9D01")]),
    _header("no time", "time", "ce_time", b"yesterday"),
    _header("a time without offset", "time", "ce_time", b"2026-11-24T12:00:00"),
    _header("a time before there were computers", "time", "ce_time", b"1826-11-24T12:00:00Z"),
    _header("specversion", "specversion", "ce_specversion", b"0.3"),
    _header("content type", "content-type", "content-type", b"application/xml"),
    _version("version zero", b"0"),
    _version("version below zero", b"-1"),
    _version("version is no number", b"latest"),
    _version("version beyond the largest", b"99999999999999999999"),
    # semantics
    BadClass("the body is about another subject", "body", "dead", "subject-mismatch|invalid",
             lambda good: [replace(good.raw, value=good.body(**{good.subject_field: str(uuid7())}))], _has_uuid),
    BadClass("the same id with another body", "body", "dead", "id-reused",
             lambda good: [good.raw, replace(good.raw, value=good.body(extra=1))]),
    BadClass("the same message again", "event", "duplicate", "", lambda good: [good.raw, good.raw]),
    BadClass("a version that was there", "event", "duplicate", "",
             lambda good: [good.raw, _another_id(good.raw)], _is_versioned),
    BadClass("a version that comes too early", "event", "parked", "gap",
             lambda good: [good.raw, _another_id(good.raw).header("ce_subjectversion", b"3")],
             lambda good: good.topic.versioned and not good.topic.compacted),
    _refused("nobody says who asks", "actor-missing", lambda good: good.raw.without("ce_actor")),
    _refused("an actor of no kind", "actor-not-proved", lambda good: good.raw.header("ce_actor", b"king:ludwig")),
    _refused("a partner without an id", "actor-not-proved", lambda good: good.raw.header("ce_actor", b"partner:me")),
    _refused("an assertion that is none", "actor-not-proved", lambda good: good.raw.header("ce_actor", b"a.b.c")),
    _refused("on behalf of somebody else", "not-allowed",
             lambda good: good.raw.header("ce_actor", f"partner:{uuid7()}".encode())),
    _refused("an id from last month", "id-too-old",
             lambda good: good.raw.header("ce_id", _id_with_time(good, -30 * 24))),
    _refused("an id from tomorrow", "id-in-future", lambda good: good.raw.header("ce_id", _id_with_time(good, 24))),
)  # fmt: skip
