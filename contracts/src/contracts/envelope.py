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
LONGEST = {
    "ce_specversion": 10,
    "ce_id": 36,
    "ce_source": 200,
    "ce_type": 120,
    "ce_subject": 200,
    "ce_time": 40,
    "ce_dataschema": 300,
    "ce_subjectversion": 10,
    "ce_causationid": 200,
    "ce_correlationid": 200,
    "ce_actor": 4_000,
    "traceparent": 200,
    "content-type": 100,
}
"""The headers that are ours and how many bytes each may have."""
_TRACEPARENT = 55
_EARLIEST_YEAR = 2000
_LATEST_YEAR = 2999
_HIGHEST_VERSION = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who says what about whom, and why.

    id: UUIDv7, lower case; (source, id) names the message for ever. subject: what the key repeats.
    subjectversion: counts the messages of one subject on one topic from 1. causationid: the id of the message that
    caused this one; correlationid: of the first of the chain. actor: who asks, on commands (contracts.actor).
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
        found: dict[str, str] = {}
        for name, raw in headers:
            longest = LONGEST.get(name)
            if longest is None:
                if not name.startswith("ce_"):
                    continue
                longest = 1_000
            if raw is None:
                raise Unreadable("header-null", f"{_known(name)} is null.")
            if len(raw) > longest:
                raise Unreadable("header-too-long", f"{_known(name)} has over {longest} bytes.")
            if name in found:
                raise Unreadable("header-twice", f"{_known(name)} stands twice.")
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                raise Unreadable("header-not-utf8", f"{_known(name)} is not UTF-8.") from None
            if not text.isprintable():
                raise Unreadable("header-not-text", f"{_known(name)} has characters that cannot be printed.")
            found[name] = text
        return _envelope(found)


def _envelope(found: dict[str, str]) -> Envelope:
    try:
        specversion = found["ce_specversion"]
        content_type = found["content-type"]
        envelope_id = found["ce_id"]
        time = found["ce_time"]
        source, kind, subject = found["ce_source"], found["ce_type"], found["ce_subject"]
        dataschema = found["ce_dataschema"]
    except KeyError as missing:
        name = str(missing.args[0])
        raise Unreadable(
            f"envelope-missing-{name.removeprefix('ce_')}", f"There is no header {name}."
        ) from None
    if not (source and kind and subject):
        empty = "source" if not source else "type" if not kind else "subject"
        raise Unreadable(f"envelope-missing-{empty}", f"The header ce_{empty} is empty.")
    if specversion != SPECVERSION:
        raise Unreadable("specversion", "ce_specversion is not 1.0.")
    if content_type != CONTENT_TYPE and content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Unreadable("content-type", "content-type is not application/json.")
    if not is_uuid7(envelope_id):
        raise Unreadable("id-not-uuid7", "ce_id is not a UUIDv7 in lower case.")
    version = found.get("ce_subjectversion")
    trace = found.get("traceparent")
    return Envelope(
        envelope_id,
        source,
        kind,
        subject,
        _time(time),
        dataschema,
        None if version is None else _version(version),
        found.get("ce_causationid"),
        found.get("ce_correlationid"),
        # W3C Trace Context: what is not a traceparent is ignored
        trace if trace is not None and len(trace) == _TRACEPARENT else None,
        found.get("ce_actor"),
    )


def is_uuid7(text: str) -> bool:
    """Whether this is a UUIDv7 in its usual form, lower case."""
    if len(text) != 36 or text[14] != "7" or text[19] not in "89ab":
        return False
    if not text[8] == text[13] == text[18] == text[23] == "-":
        return False
    try:
        digits = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return False
    return len(digits) == 16 and digits.hex() == text.replace("-", "")


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        # a form such as 20261123T21 is ISO 8601, but not RFC 3339
        if time.tzinfo is None or len(text) < 20 or text[10] not in "Tt":
            raise ValueError
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("time", "ce_time is not a time with offset (RFC 3339).") from None
    if not _EARLIEST_YEAR <= time.year <= _LATEST_YEAR:
        raise Unreadable("time", "ce_time is not between the years 2000 and 2999.")
    return time


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _HIGHEST_VERSION:
        raise Unreadable("subjectversion", "ce_subjectversion is not a number from 1 to 2147483647.")
    return int(text)


def _known(name: str) -> str:
    """A header's name, if it is one of ours; a foreign one may hold anything."""
    return name if name in LONGEST else "An extension header"
