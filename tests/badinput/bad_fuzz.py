"""Records nobody thought of: Hypothesis changes good ones at random, anywhere, several times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bad_classes import Good, Raw
from bad_network import good
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.messages import Message

_texts = st.one_of(
    st.text(max_size=40), st.sampled_from(["", "\x00", "null", "NaN", "-0", "1e999", "2026-02-30"])
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=8,
)
_bytes = st.one_of(st.binary(max_size=60), _texts.map(lambda text: text.encode("utf-8", "surrogatepass")))


@st.composite
def records(draw: st.DrawFn, kind: type[Message]) -> tuple[Good, Raw]:
    """A good message of this kind, changed one to three times."""
    about = good(kind)
    raw = about.raw
    for _ in range(draw(st.integers(1, 3))):
        raw = draw(st.sampled_from((_body, _field, _bits, _header, _key)))(draw, about, raw)
    return about, raw


def _body(draw: st.DrawFn, _: Good, raw: Raw) -> Raw:
    return replace(raw, value=draw(_bytes))


def _field(draw: st.DrawFn, about: Good, raw: Raw) -> Raw:
    names = st.sampled_from(sorted(about.fields)) | _texts
    return replace(raw, value=about.body(**{draw(names): draw(_json)}))


def _bits(draw: st.DrawFn, _: Good, raw: Raw) -> Raw:
    value = bytearray(raw.value or b" ")
    for _change in range(draw(st.integers(1, 4))):
        if value:
            value[draw(st.integers(0, len(value) - 1))] = draw(st.integers(0, 255))
    return replace(raw, value=bytes(value))


def _header(draw: st.DrawFn, _: Good, raw: Raw) -> Raw:
    known = [name for name, _value in raw.headers] or ["ce_id"]
    name = draw(st.sampled_from(known) | st.sampled_from(["ce_extra", "traceparent", "reply_to"]))
    value: Any = draw(st.none() | _bytes)
    return draw(
        st.sampled_from(
            (raw.header(name, value), raw.without(name), replace(raw, headers=[*raw.headers, (name, value)]))
        )
    )


def _key(draw: st.DrawFn, _: Good, raw: Raw) -> Raw:
    return replace(raw, key=draw(st.none() | _bytes))


def corpus(kind: type[Message], number: int) -> list[tuple[Good, Raw]]:
    """So many of them; which ones is drawn anew each run, and told when one fails by the record itself."""
    drawn: list[tuple[Good, Raw]] = []

    @settings(
        max_examples=number, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(records(kind))
    def draw(record: tuple[Good, Raw]) -> None:
        drawn.append(record)

    draw()
    return drawn
