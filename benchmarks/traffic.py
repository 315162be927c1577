"""What a lifecycle of ours really puts on the topics, next to what `flow` has the other programs send."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from benchmarks.fleet import Fleet
from benchmarks.network import Network
from contracts import catalogue

QUIET_MS = 1_000


@dataclass(frozen=True)
class Traffic:
    """Of one lifecycle: messages, bytes of bodies and of headers; and bytes of a body by the message's type."""

    messages: float
    body_bytes: float
    header_bytes: float
    body_of: Mapping[str, float]


async def traffic(fleet: Fleet, network: Network, lifecycles: int) -> Traffic:
    """Needs services at rest; partners and rate cards must not change meanwhile."""
    consumer = AIOKafkaConsumer(
        *catalogue.TOPICS, bootstrap_servers=fleet.stack.kafka_bootstrap, auto_offset_reset="latest"
    )
    await consumer.start()
    try:
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=50)
        for partition in consumer.assignment():
            await consumer.position(partition)
        await network.run(lifecycles)
        await fleet.rest()
        number: Counter[str] = Counter()
        bodies: Counter[str] = Counter()
        headers = 0
        while found := await consumer.getmany(timeout_ms=QUIET_MS):
            for record in (record for records in found.values() for record in records):
                kind = str(dict(record.headers).get("ce_type") or b"tombstone", "ascii")
                number[kind] += 1
                bodies[kind] += len(record.value or b"")
                headers += sum(len(name) + len(value or b"") for name, value in record.headers)
    finally:
        await consumer.stop()
    return Traffic(
        number.total() / lifecycles,
        bodies.total() / lifecycles,
        headers / lifecycles,
        {kind: bodies[kind] / number[kind] for kind in number},
    )
