"""Headers: what we write we read again; what others write is read or refused with a code."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.envelope import LONGEST_ACTOR, Envelope
from contracts.ids import job_number, uuid7, uuid7_time
from contracts.messages import Unreadable
from contracts.values import JobNumber

NOW = datetime(2026, 11, 23, 21, 12, 9, 482913, tzinfo=UTC)
GOOD: dict[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_id": b"019a4c1e-8f01-7a12-8c3d-52f0e61b9d0a",
    "ce_source": b"/isarfon/erp",
    "ce_type": b"job-exchange.PostJob.v1",
    "ce_subject": b"019a4c1e-8f00-7a11-8c3d-52f0e61b9d01",
    "ce_time": b"2026-11-23T21:12:09Z",
    "ce_dataschema": b"urn:servicenetz:schema:x",
    "content-type": b"application/json",
}
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=50)
TIMES = st.datetimes(datetime(2000, 1, 2), datetime(2999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # zone given
ENVELOPES = st.builds(
    Envelope,
    id=st.datetimes(datetime(2020, 1, 1), timezones=st.just(UTC)).map(lambda now: str(uuid7(now))),  # noqa: DTZ001
    source=TEXT,
    type=TEXT,
    subject=TEXT,
    time=TIMES,
    dataschema=TEXT,
    subjectversion=st.none() | st.integers(1, 2_147_483_647),
    causationid=st.none() | TEXT,
    correlationid=st.none() | TEXT,
    traceparent=st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
    actor=st.none() | TEXT,
)


def refused(changes: dict[str, bytes | None], *more: tuple[str, bytes | None]) -> str:
    with pytest.raises(Unreadable) as error:
        Envelope.from_headers([*(GOOD | changes).items(), *more])
    return error.value.code


@given(ENVELOPES)
def test_every_envelope_survives_the_trip(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.to_headers()) == envelope


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*GOOD, "ce_actor", "ce_extra", "foreign"]), st.none() | st.binary(max_size=50)
        )
    )
)
def test_any_headers_are_read_or_refused(headers: list[tuple[str, bytes | None]]) -> None:
    for tried in (headers, [*GOOD.items(), *headers], [*headers, *GOOD.items()]):
        with suppress(Unreadable):
            Envelope.from_headers(tried)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_header_is_named(name: str) -> None:
    with pytest.raises(Unreadable) as error:
        Envelope.from_headers([header for header in GOOD.items() if header[0] != name])
    assert error.value.code == f"envelope-missing-{name.removeprefix('ce_')}"


@pytest.mark.parametrize("name", [*sorted(GOOD), "ce_actor", "ce_anything", "traceparent"])
def test_null_and_bytes_that_are_no_text_are_refused_in_headers_of_ours(name: str) -> None:
    assert refused({name: None}) == "header-null"
    assert refused({name: b"\xff\xfe"}) == "header-not-utf8"
    assert refused({name: b"a\x00b"}) == "header-not-text"
    assert refused({name: b"a\x1fb"}) == "header-not-text"
    assert refused({name: b"x" * 5_000}) == "header-too-long"


def test_a_header_that_stands_twice_is_refused() -> None:
    assert refused({}, ("ce_subject", GOOD["ce_subject"])) == "header-twice"
    assert refused({}, ("ce_id", None)) == "header-null"


def test_foreign_headers_may_hold_anything() -> None:
    foreign = [
        ("x", None),
        ("x", b"\xff"),
        ("spring_json_header_types", b"{}"),
        ("reply_to", b"\x00" * 10_000),
    ]
    assert Envelope.from_headers([*foreign, *GOOD.items(), *foreign]) == Envelope.from_headers(GOOD.items())


WRONG = {
    "specversion": ({"ce_specversion": b"0.3"}, "specversion"),
    "structured mode": ({"content-type": b"application/cloudevents+json"}, "content-type"),
    "id of version 4": ({"ce_id": b"7f9c24e8-3b12-4fef-91e0-5a2d8c6b4a10"}, "id-not-uuid7"),
    "id in capitals": ({"ce_id": b"019A4C1E-8F01-7A12-8C3D-52F0E61B9D0A"}, "id-not-uuid7"),
    "id without hyphens": ({"ce_id": b"019a4c1e8f017a128c3d52f0e61b9d0a"}, "id-not-uuid7"),
    "id with a hyphen too many": ({"ce_id": b"019a4c1e-8f01-7a12-8c3d-52f0-61b9d0a"}, "id-not-uuid7"),
    "id empty": ({"ce_id": b""}, "id-not-uuid7"),
    "subject empty": ({"ce_subject": b""}, "envelope-missing-subject"),
    "source empty": ({"ce_source": b""}, "envelope-missing-source"),
    "type empty": ({"ce_type": b""}, "envelope-missing-type"),
    "time without offset": ({"ce_time": b"2026-11-23T21:12:09"}, "time"),
    "a day": ({"ce_time": b"2026-11-23"}, "time"),
    "a week": ({"ce_time": b"2026-W48-1T00:00:00+00:00"}, "time"),
    "year 1": ({"ce_time": b"0001-01-01T00:00:00+14:00"}, "time"),
    "year 9999": ({"ce_time": b"9999-12-31T23:59:59-14:00"}, "time"),
    "version zero": ({"ce_subjectversion": b"0"}, "subjectversion"),
    "version negative": ({"ce_subjectversion": b"-1"}, "subjectversion"),
    "version in other digits": ({"ce_subjectversion": "٣".encode()}, "subjectversion"),
    "version too high": ({"ce_subjectversion": b"2147483648"}, "subjectversion"),
    "version endless": ({"ce_subjectversion": b"9" * 200}, "subjectversion"),
}


@pytest.mark.parametrize(("changes", "code"), WRONG.values(), ids=WRONG)
def test_a_wrong_attribute_is_refused(changes: dict[str, bytes | None], code: str) -> None:
    assert refused(changes) == code


def test_no_header_at_all() -> None:
    with pytest.raises(Unreadable) as error:
        Envelope.from_headers(())
    assert error.value.code == "envelope-missing-specversion"


def test_a_charset_is_no_other_content_type() -> None:
    headers = GOOD | {"content-type": b"application/json; charset=utf-8"}
    assert Envelope.from_headers(headers.items()) == Envelope.from_headers(GOOD.items())


def test_a_traceparent_that_is_none_is_ignored() -> None:
    assert Envelope.from_headers((GOOD | {"traceparent": b"whatever"}).items()).traceparent is None


def test_an_actor_brings_a_signature_and_may_be_long() -> None:
    assert (
        Envelope.from_headers((GOOD | {"ce_actor": b"x" * LONGEST_ACTOR}).items()).actor
        == "x" * LONGEST_ACTOR
    )


def test_times_of_any_offset_are_read_as_utc() -> None:
    envelope = Envelope.from_headers((GOOD | {"ce_time": b"2026-11-23T22:12:09+01:00"}).items())
    assert envelope.time == datetime(2026, 11, 23, 21, 12, 9, tzinfo=UTC)
    assert envelope.time.tzinfo is UTC
    elsewhere = Envelope("i", "s", "t", "s", NOW.astimezone(timezone(timedelta(hours=5))), "d")
    assert ("ce_time", b"2026-11-23T21:12:09.482913Z") in elsewhere.to_headers()


def test_ids_ascend_and_tell_their_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    ids = [uuid7() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert all(one.version == 7 for one in ids)
    assert (
        before <= uuid7_time(ids[0]) <= uuid7_time(ids[-1]) <= datetime.now(UTC) + timedelta(milliseconds=20)
    )


def test_ids_of_an_injected_clock_carry_its_time_also_in_the_past() -> None:
    uuid7()
    for year in (2027, 2024, 2030):
        now = datetime(year, 1, 1, tzinfo=UTC)
        first, second = uuid7(now), uuid7(now)
        assert first < second
        assert uuid7_time(first) == now


def test_the_time_of_an_id_from_nowhere_is_no_crash() -> None:
    from uuid import UUID

    assert uuid7_time(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")).year == 9999


@given(st.uuids())
def test_a_job_number_has_its_form(job_id: object) -> None:
    from uuid import UUID

    assert isinstance(job_id, UUID)
    TypeAdapter(JobNumber).validate_python(job_number(job_id))
