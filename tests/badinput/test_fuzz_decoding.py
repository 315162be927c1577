"""Reading a record never raises, whatever stands in it: it is an item, with a fault or without."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from bad_fuzz import records
from bad_network import KINDS, good, listeners
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import PostgresDsn

from chassis.identity import verifier
from chassis.items import Headers, decode, pack_headers, unpack_headers
from chassis.settings import ServiceSettings
from contracts.messages import Message

EXAMPLES = 40


@dataclass(frozen=True)
class Fuzzed:
    """As aiokafka gives a record."""

    topic: str
    key: bytes | None
    headers: Headers
    value: bytes | None
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_700_000_000_000


VERIFY = verifier(
    ServiceSettings(
        database_url=PostgresDsn("postgresql+asyncpg://nobody@localhost/none"),
        kafka_bootstrap_servers="localhost:1",
        development=True,
    )
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TYPE)
def test_reading_a_record_never_raises(kind: type[Message]) -> None:
    topic = good(kind).topic

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def read(data: st.DataObject) -> None:
        _, raw = data.draw(records(kind))
        record = Fuzzed(topic.name, raw.key, raw.headers, raw.value)
        for who in listeners(topic):
            item = decode(record, who.reader, VERIFY)
            assert (item.fault is None) or item.fault.args
        assert unpack_headers(pack_headers(raw.headers)) == raw.headers
        json.loads(pack_headers(raw.headers))

    read()
