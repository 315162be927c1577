"""What holds for all messages: no floats, bounds everywhere, no end customer on blind topics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.contracts.contract_files import EACH_MESSAGE, MESSAGES, PACKAGE, REPOSITORY

from contracts import catalogue
from contracts.catalogue import Topic
from contracts.messages import Command, Message
from contracts.schemas import schema
from contracts.values import Fact, Manufacturer

END_CUSTOMER_TEXTS = (
    "petersen@hafenkontor.example",
    "Frau Petersen, Tel. 0461 123456",
    "Tel. 0461/12 34 56",
    "Hafenkontor\nSchiffbrücke 12",
)


def parts(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema."""
    if isinstance(part, dict):
        yield place, part
        for name, inner in part.items():
            yield from parts(inner, f"{place}/{name}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            yield from parts(inner, f"{place}/{number}")


@EACH_MESSAGE
def test_no_float_and_no_unbounded_text_or_list(topic: Topic, message: type[Message]) -> None:
    for place, part in parts(schema(message)):
        kind = part.get("type")
        assert kind != "number", place
        if kind == "string" and "enum" not in part and "const" not in part:
            assert part["maxLength"] <= 20_000, place
            assert not re.search(part["pattern"], "nul\x00"), place
        if kind == "array":
            assert "maxItems" in part, place
        if kind == "integer":
            assert {"minimum", "maximum"} <= set(part), place
        if kind == "object":
            assert not isinstance(part.get("additionalProperties"), dict), place


BLIND = [(topic, message) for topic, message in MESSAGES if topic.data_class == "blind"]


@pytest.mark.parametrize(("topic", "message"), BLIND, ids=[message.TYPE for _, message in BLIND])
def test_a_blind_topic_has_no_free_text(topic: Topic, message: type[Message]) -> None:
    for place, part in parts(schema(message)):
        if part.get("type") == "string" and "enum" not in part and "const" not in part:
            fact = re.search("/fact(_de)?(/|$)", place)
            for text in END_CUSTOMER_TEXTS[:1] if fact else END_CUSTOMER_TEXTS:
                assert not re.search(part["pattern"], text), f"{place} takes {text!r}"
        assert "Sealed" not in str(part.get("description")), place


def test_the_jobs_topic_is_blind() -> None:
    posted = next(topic for topic, message in MESSAGES if message.TYPE == "job-exchange.JobPosted.v1")
    assert posted.data_class == "blind"


@EACH_MESSAGE
def test_type_class_and_subject_fit(topic: Topic, message: type[Message]) -> None:
    service, name, version = message.TYPE.split(".")
    assert service == topic.owner
    assert version == "v" + topic.name.rpartition(".v")[2]
    assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
    assert message.SUBJECT in message.model_fields
    assert message.model_fields[message.SUBJECT].is_required()
    assert issubclass(message, Command) is (message.KIND == "command") is topic.takes_commands


def test_no_topic_name_stands_outside_the_topic_modules() -> None:
    names = set(catalogue.TOPICS)
    ours = PACKAGE / "src" / "contracts"
    sources = [path for folder in ("chassis", "services", "demo", "deploy") for path in _sources(folder)]
    sources += [path for path in ours.glob("*.py") if not re.search(r"_v[0-9]+\.py$", path.name)]
    assert len(sources) > 20
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{path.relative_to(REPOSITORY)}:{node.lineno}"


def _pattern_of(form: Any) -> str:
    return str(TypeAdapter(form).json_schema()["pattern"])


def _sources(folder: str) -> Iterator[Any]:
    return (path for path in (REPOSITORY / folder).rglob("*.py") if "src" in path.parts)


@given(st.from_regex(re.compile(_pattern_of(Manufacturer)), fullmatch=True))
def test_a_fact_may_name_any_manufacturer(name: str) -> None:
    assume(1 <= len(name) <= 40)
    TypeAdapter(Manufacturer).validate_python(name)
    TypeAdapter(Fact).validate_python(f"{name} valid until 2026-10-31")
