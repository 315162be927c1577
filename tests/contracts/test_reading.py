"""What comes from outside is read, or refused with a code; nothing crashes, nothing is quoted."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.contracts.contract_files import EACH_MESSAGE, valid_bodies

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.job_exchange_commands_v1 import CancelJob, CancelReason, PostJob, SubmitStatement
from contracts.messages import LARGEST_BODY_BYTES, Message, Unreadable
from contracts.replies_v1 import JobExchangeAccepted
from contracts.values import KindOfWork, Money, Window, eur

JOB = "019a4c1e-8f00-7a11-8c3d-52f0e61b9d01"
CLIENT = "019a4c10-1b00-7a31-9c41-5f0e8a7d1c01"
CANCEL = {"job_id": JOB, "client_id": CLIENT, "reason": "done_otherwise"}
CANCEL_BODY = json.dumps(CANCEL).encode()


def post_job() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(valid_bodies(catalogue.topic_of(PostJob), PostJob)[0])
    return body


def code_of(message: type[Message], body: bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        message.read(body)
    return refused.value.code


UNREADABLE = {
    "empty": (b"", "empty"),
    "only space": (b" \n", "empty"),
    "truncated": (CANCEL_BODY[:-5], "not-json"),
    "two documents": (CANCEL_BODY * 2, "not-json"),
    "not UTF-8": (CANCEL_BODY.replace(b"done_otherwise", b"\xff\xfe"), "not-utf8"),
    "UTF-16": (json.dumps(CANCEL).encode("utf-16"), "not-utf8"),
    "a list": (b"[]", "invalid"),
    "null": (b"null", "invalid"),
    "text": (b'"CancelJob"', "invalid"),
    "200,000 lists": (b"[" * 200_000, "not-json"),
    "200,000 lists, closed": (b"[" * 200_000 + b"]" * 200_000, "not-json"),
    "200,000 objects": (b'{"":' * 200_000 + b"1" + b"}" * 200_000, "not-json"),
    "200,000 lists in a field": (
        CANCEL_BODY[:-1] + b',"more":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "not-json",
    ),
    "NaN": (CANCEL_BODY.replace(b'"done_otherwise"', b"NaN"), "invalid"),
    "NaN in an unknown field": (CANCEL_BODY[:-1] + b',"more": NaN}', "not-json"),
    "Infinity in an unknown field": (CANCEL_BODY[:-1] + b',"more": [-Infinity]}', "not-json"),
    "lone surrogate": (CANCEL_BODY[:-1] + b',"more": "\\ud800"}', "not-json"),
    "over a mebibyte": (CANCEL_BODY + b" " * LARGEST_BODY_BYTES, "too-large"),
    "a number of a million digits": (CANCEL_BODY[:-1] + b',"more": ' + b"9" * 1_000_000 + b"}", "not-json"),
}


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_with_a_code_and_quickly(body: bytes, code: str) -> None:
    start = time.perf_counter()
    assert code_of(CancelJob, body) == code
    assert time.perf_counter() - start < 2


def test_the_words_nan_and_infinity_may_stand_in_a_text() -> None:
    assert CancelJob.read(CANCEL_BODY[:-1] + b',"more": "NaN, Infinity"}').subject == JOB


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(Unreadable):
        CancelJob.read(body)


@given(st.integers(0, len(CANCEL_BODY)), st.binary(max_size=8))
def test_any_damage_is_read_or_refused(place: int, damage: bytes) -> None:
    with suppress(Unreadable):
        CancelJob.read(CANCEL_BODY[:place] + damage + CANCEL_BODY[place + len(damage) :])


@EACH_MESSAGE
def test_unknown_fields_are_ignored_when_read_and_refused_when_written(
    topic: Topic, message: type[Message]
) -> None:
    for body in valid_bodies(topic, message):
        newer = json.loads(body) | {"added_in_a_newer_minor": {"deep": [1, 2.5, None]}}
        for value in newer.values():
            if isinstance(value, dict):
                value["added_within"] = "x"
        document = json.dumps(newer).encode()
        assert message.read(document) == message.read(body)
        with pytest.raises(Unreadable):
            message.check(document)
        with pytest.raises(ValidationError):
            message.model_validate(newer)


def test_an_unknown_word_becomes_unknown_when_read_and_is_refused_when_written() -> None:
    body = CANCEL_BODY.replace(b"done_otherwise", b"moved_to_mars")
    assert CancelJob.read(body).reason is CancelReason.unknown
    with pytest.raises(Unreadable):
        CancelJob.check(body)
    with pytest.raises(ValidationError):
        CancelJob.model_validate(CANCEL | {"reason": "moved_to_mars"})


def test_an_unknown_word_deep_inside_becomes_unknown() -> None:
    document = post_job() | {"kind_of_work": "laying_of_cables"}
    assert PostJob.read(json.dumps(document).encode()).kind_of_work is KindOfWork.unknown


def test_a_word_of_the_wrong_type_stays_wrong() -> None:
    assert code_of(CancelJob, json.dumps(CANCEL | {"reason": 3}).encode()) == "invalid"


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert (
        CancelJob.read(CANCEL_BODY[:-1] + b',"reason": "customer_withdrew"}').reason
        is CancelReason.customer_withdrew
    )


def test_a_refusal_tells_the_place_and_never_the_value() -> None:
    marker = "Hafenkontor-4711"
    document = post_job() | {
        "end_customer": marker,
        "summary": marker + "@",
        "postcode": marker,
        "estimated_hours": marker,
        marker: marker,
        "kind_of_work": [marker],
        "own_reference": {"order_number": marker + " "},
        marker * 2: 1,
    }
    for body in (json.dumps(document).encode(), json.dumps(marker).encode(), marker.encode()):
        for read in (PostJob.read, PostJob.check):
            with pytest.raises(Unreadable) as refused:
                read(body)
            assert marker not in str(refused.value)
            assert refused.value.__cause__ is None
            assert refused.value.__suppress_context__


def test_u0000_is_refused_wherever_it_stands() -> None:
    for field in ("summary", "postcode", "end_customer"):
        assert code_of(PostJob, json.dumps(post_job() | {field: "a\x00b"}).encode()) == "invalid"


@pytest.mark.parametrize(
    "amount", [85, 85.0, "85", "85.000", "85,00", "-85.00", "+85.00", "1e2", "NaN", "", "085.00"]
)
def test_an_amount_in_another_form_is_refused_when_read(amount: object) -> None:
    with pytest.raises(Unreadable):
        Money.check(json.dumps({"amount": amount, "currency": "EUR"}).encode())


@pytest.mark.parametrize("amount", ["85.001", "-0.01", "NaN", "Infinity", "1E+30"])
def test_an_amount_that_is_none_cannot_be_made(amount: str) -> None:
    with pytest.raises(ValidationError):
        eur(Decimal(amount))


def test_a_float_is_refused_even_in_python() -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": 85.5, "currency": "EUR"})


@given(st.integers(0, 999_999_999_999))
def test_amounts_are_written_as_text_with_two_digits_and_read_the_same(cents: int) -> None:
    money = eur(Decimal(cents) / 100)
    text = json.loads(money.model_dump_json())["amount"]
    assert text == f"{cents // 100}.{cents % 100:02}"
    assert Money.check(money.model_dump_json().encode()) == money


@given(st.integers(1, 1600))
def test_hours_come_in_quarters_up_to_400(quarters: int) -> None:
    hours = Decimal(quarters) / 4
    statement = json.loads(valid_bodies(catalogue.topic_of(SubmitStatement), SubmitStatement)[0])
    assert SubmitStatement.check(json.dumps(statement | {"hours": str(hours)}).encode()).hours == hours
    assert (
        code_of(SubmitStatement, json.dumps(statement | {"hours": str(hours + Decimal("0.1"))}).encode())
        == "invalid"
    )


WINDOWS = {
    "end before start": ("2026-11-24T08:00:00Z", "2026-11-24T07:59:59Z"),
    "no length": ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
    "no length, other offset": ("2026-11-24T08:00:00Z", "2026-11-24T09:00:00+01:00"),
    "over fourteen days": ("2026-11-24T08:00:00Z", "2026-12-08T08:00:01Z"),
}


@pytest.mark.parametrize(("starts_at", "ends_at"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_that_cannot_be_is_refused(starts_at: str, ends_at: str) -> None:
    with pytest.raises(Unreadable):
        Window.check(json.dumps({"starts_at": starts_at, "ends_at": ends_at}).encode())


def test_times_of_any_offset_are_written_in_utc() -> None:
    body = b'{"starts_at": "2026-11-24T08:00:00+01:00", "ends_at": "2026-11-24T23:30:00-08:00"}'
    assert json.loads(Window.check(body).model_dump_json()) == {
        "starts_at": "2026-11-24T07:00:00Z",
        "ends_at": "2026-11-25T07:30:00Z",
    }


@pytest.mark.parametrize(
    "moment", ["2000-01-01T00:00:00+23:59", "2999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z"]
)
def test_a_time_outside_the_bounds_is_refused_without_a_crash(moment: str) -> None:
    with pytest.raises(Unreadable):
        Window.check(json.dumps({"starts_at": moment, "ends_at": moment}).encode())


def test_a_reply_is_about_the_command_and_names_what_the_command_was_about() -> None:
    command_id = UUID("019a4c1e-8f01-7a12-8c3d-52f0e61b9d0a")
    reply = JobExchangeAccepted(command_id=command_id, subject=JOB)
    assert reply.subject == str(command_id)
    assert reply.about == JOB
    assert json.loads(reply.write())["subject"] == JOB
