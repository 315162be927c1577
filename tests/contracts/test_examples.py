"""Schema, class and example say the same of every message; generated files are never stale."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.contracts.contract_files import (
    EACH_MESSAGE,
    MESSAGES,
    PACKAGE,
    folder,
    one_of_each,
    valid_bodies,
    validator,
)

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.generate import generated, stale, write
from contracts.messages import Message, Unreadable

REPLACEMENTS: tuple[Any, ...] = (
    *(None, 0, 7, -1, 1.5, True, [], {}, "", " 1", "x", "x" * 30_000, "a\x00b", "unknown"),
    *("1", "01", "85.00", "1e3", "NaN", "2026-02-28", "24939", "2026-11-24T09:00:00.25+01:00"),
)
"""Set for each field in turn. Only what a schema can tell: not that two fields fit, nor that a day exists."""


TWO_FIELDS_THAT_FIT = {"starts_at", "ends_at", "y"}
"""A window has an order and a length; a key on P-256 has y, one on X25519 has not."""


def accepted(message: type[Message], body: bytes) -> bool:
    try:
        message.check(body)
    except Unreadable:
        return False
    return True


def places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    parts = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for name, part in parts:
        yield (*here, name)
        yield from places(part, (*here, name))


def with_value(document: dict[str, Any], place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    part: Any = changed
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return changed


def test_generated_files_are_up_to_date() -> None:
    assert stale(PACKAGE) == [], "run `python -m contracts generate`"


def test_a_stale_missing_or_left_over_file_is_found_and_put_right(tmp_path: Path) -> None:
    assert set(write(tmp_path)) == set(generated())
    changed, gone, *_ = sorted(path for path in generated() if path.suffix == ".json")
    (tmp_path / changed).write_text("{}")
    (tmp_path / gone).unlink()
    left_over = changed.with_name("Forgotten.json")
    (tmp_path / left_over).write_text("{}")
    assert set(stale(tmp_path)) == {changed, gone, left_over}
    write(tmp_path)
    assert stale(tmp_path) == []


@EACH_MESSAGE
def test_every_example_is_judged_rightly_by_schema_and_class(topic: Topic, message: type[Message]) -> None:
    paths = sorted(folder(topic, message).iterdir())
    for path in paths:
        assert re.fullmatch(r"(in)?valid-[a-z0-9-]+\.json", path.name)
        right = path.name.startswith("valid-")
        body = path.read_bytes()
        assert validator(message).is_valid(json.loads(body)) is right, path.name
        assert accepted(message, body) is right, path.name
    assert sum(path.name.startswith("valid-") for path in paths) >= 2
    assert sum(path.name.startswith("invalid-") for path in paths) >= 2


def test_no_example_belongs_to_a_message_that_is_gone() -> None:
    there = {path.parent for path in (PACKAGE / "examples").rglob("*") if path.is_file()}
    assert there == {folder(topic, message) for topic, message in MESSAGES}


@EACH_MESSAGE
def test_what_is_written_is_read_again_and_keeps_to_the_schema(topic: Topic, message: type[Message]) -> None:
    for body in valid_bodies(topic, message):
        read = message.read(body)
        written = read.write()
        assert message.read(written) == message.check(written) == read
        assert read.write() == written
        assert validator(message).is_valid(json.loads(written))


@pytest.mark.parametrize("document", one_of_each(), ids=lambda pair: pair[0].TYPE)
def test_schema_and_class_judge_any_change_of_a_field_alike(
    document: tuple[type[Message], dict[str, Any]],
) -> None:
    message, body = document
    for place in places(body):
        for value in REPLACEMENTS:
            changed = with_value(body, place, value)
            by_class = accepted(message, json.dumps(changed).encode())
            by_schema = validator(message).is_valid(changed)
            beyond_schema = place[-1] in TWO_FIELDS_THAT_FIT and by_schema
            assert by_class is by_schema or beyond_schema, (place, value)


@EACH_MESSAGE
def test_a_schema_is_closed_and_names_itself(topic: Topic, message: type[Message]) -> None:
    path = PACKAGE / "schemas" / topic.name / f"{catalogue.message_name(message)}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    assert document["$id"] == catalogue.schema_of(message)
    assert document["x-type"] == message.TYPE
    assert document["description"]
    for part in [document, *document.get("$defs", {}).values()]:
        if part["type"] == "object":
            assert part["additionalProperties"] is False
