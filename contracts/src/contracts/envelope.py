"""The envelope: CloudEvents 1.0 in Kafka's binary mode, as headers; the value is the JSON data alone.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.messages import Unreadable

CONTENT_TYPE = "application/json"
SPECVERSION = "1.0"
OURS = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_dataschema",
        "ce_subjectversion",
        "ce_causationid",
        "ce_correlationid",
        "ce_actor",
        "traceparent",
        "content-type",
    }
)
LONGEST = 200
"""Characters in a header of ours, except for the actor, who brings a signature."""
LONGEST_ACTOR = 4_000
_BETWEEN = b"\x1f"
_BETWEEN_TEXT = "\x1f"
_TRACEPARENT = 55
_EARLIEST_YEAR = 2000
_LATEST_YEAR = 2999
_HIGHEST_VERSION = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who says what about whom, and why.

    id: UUIDv7, lower case; (source, id) names the message for ever. subject: what the key repeats.
    subjectversion: counts the messages of one subject on one topic from 1. causationid: the id of the message
    that caused this one; correlationid: of the first of the chain. actor: who asks (contracts.actor).
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    subjectversion: int | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    actor: str | None = None

    def to_headers(self) -> list[tuple[str, bytes]]:
        """As headers of a Kafka record."""
        time = self.time.astimezone(UTC).isoformat()[:-6] + "Z"
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", time.encode()),
            ("ce_dataschema", self.dataschema.encode()),
            ("content-type", b"application/json"),
        ]
        if self.subjectversion is not None:
            headers.append(("ce_subjectversion", b"%d" % self.subjectversion))
        if self.causationid is not None:
            headers.append(("ce_causationid", self.causationid.encode()))
        if self.correlationid is not None:
            headers.append(("ce_correlationid", self.correlationid.encode()))
        if self.traceparent is not None:
            headers.append(("traceparent", self.traceparent.encode()))
        if self.actor is not None:
            headers.append(("ce_actor", self.actor.encode()))
        return headers

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
        """Read a record's headers; those that are not ours are not looked at, whatever bytes they hold.

        Raises Unreadable: header-null, header-not-utf8, header-not-text, header-too-long, header-twice,
        envelope-missing-<attribute>, specversion, content-type, id-not-uuid7, time, subjectversion.
        """
        record = tuple(headers)
        raw = dict(record)
        if len(raw) != len(record) or not raw.keys() <= OURS:
            record = tuple(header for header in record if header[0] in OURS or header[0].startswith("ce_"))
            raw = dict(record)
        # All values are decoded and looked at in one go; which one is wrong is only asked when one is.
        try:
            values = _BETWEEN.join(raw.values()).decode().split(_BETWEEN_TEXT)  # type: ignore[arg-type]  # null fails
        except (TypeError, UnicodeDecodeError):
            values = []
        if (
            len(values) != len(record)
            or len(max(values, key=len)) > LONGEST
            or not "".join(values).isprintable()
        ):
            _check_each(record)
        return _envelope(dict(zip(raw, values, strict=False)))


def _check_each(ours: Iterable[tuple[str, bytes | None]]) -> None:
    """Which header is wrong, and why; an actor may be longer than the others."""
    seen: set[str] = set()
    for name, raw in ours:
        known = name if name in OURS else "An extension header"
        if raw is None:
            raise Unreadable("header-null", f"{known} is null.")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise Unreadable("header-not-utf8", f"{known} is not UTF-8.") from None
        if len(text) > (LONGEST_ACTOR if name == "ce_actor" else LONGEST):
            raise Unreadable("header-too-long", f"{known} is longer than allowed.")
        if not text.isprintable():
            raise Unreadable("header-not-text", f"{known} has characters that cannot be printed.")
        if name in seen:
            raise Unreadable("header-twice", f"{known} stands twice.")
        seen.add(name)


def _envelope(found: dict[str, str]) -> Envelope:
    try:
        specversion, content_type = found["ce_specversion"], found["content-type"]
        envelope_id, time = found["ce_id"], found["ce_time"]
        source, kind, subject = found["ce_source"], found["ce_type"], found["ce_subject"]
        dataschema = found["ce_dataschema"]
    except KeyError as missing:
        name = str(missing.args[0])
        raise Unreadable(
            f"envelope-missing-{name.removeprefix('ce_')}", f"There is no header {name}."
        ) from None
    if not (source and kind and subject):
        empty = "type" if source else "source"
        empty = "subject" if source and kind else empty
        raise Unreadable(f"envelope-missing-{empty}", f"The header ce_{empty} is empty.")
    if specversion != SPECVERSION:
        raise Unreadable("specversion", "ce_specversion is not 1.0.")
    if content_type != CONTENT_TYPE and content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Unreadable("content-type", "content-type is not application/json.")
    if not is_uuid7(envelope_id):
        raise Unreadable("id-not-uuid7", "ce_id is not a UUIDv7 in lower case.")
    optional = found.get
    version = optional("ce_subjectversion")
    trace = optional("traceparent")
    return Envelope(
        envelope_id,
        source,
        kind,
        subject,
        _time(time),
        dataschema,
        None if version is None else _version(version),
        optional("ce_causationid"),
        optional("ce_correlationid"),
        # W3C Trace Context: what is not a traceparent is ignored
        trace if trace is not None and len(trace) == _TRACEPARENT else None,
        optional("ce_actor"),
    )


def is_uuid7(text: str) -> bool:
    """Whether this is a UUIDv7 in its usual form, lower case."""
    return (
        len(text) == 36
        and text[14] == "7"
        and text[19] in "89ab"
        and text[8] == text[13] == text[18] == text[23] == "-"
        and text.count("-") == 4
        and not text.strip("0123456789abcdef-")
    )


def _time(text: str) -> datetime:
    time: datetime | None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC) if time.tzinfo is not None else None
    except (ValueError, OverflowError):
        time = None
    # 20261123T2100Z and 2026-W48-1T21:00Z are ISO 8601, but not RFC 3339
    if time is None or len(text) < len("2026-11-23T21:00:00Z") or text[7] != "-" or text[10] not in "Tt":
        raise Unreadable("time", "ce_time is not a time with offset (RFC 3339).")
    if not _EARLIEST_YEAR <= time.year <= _LATEST_YEAR:
        raise Unreadable("time", "ce_time is not between the years 2000 and 2999.")
    return time


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _HIGHEST_VERSION:
        raise Unreadable("subjectversion", "ce_subjectversion is not a number from 1 to 2147483647.")
    return int(text)
