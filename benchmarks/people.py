"""The people of the bare program and of the first try: they post, arrive when the work order is there, then state."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.flow import ALL_TOPICS, BODY_BYTES, HEADER_BYTES, PARTITIONS

AT_ONCE = 500
PATIENCE_S = 180.0
ANSWERS = {"released": "arrive", "started": "state"}
LISTENS_TO = ("jobs", "settlements")
KIND = "kind"
HEADERS = [(f"ce_{number}", b"x" * (HEADER_BYTES // 12)) for number in range(12)]

Sending = tuple[str, str, bytes]
"""Topic, kind of message, key."""
Send = Callable[[Sequence[Sending]], Awaitable[None]]


@asynccontextmanager
async def topics(bootstrap: str, prefix: str) -> AsyncIterator[None]:
    """The topics of one run, gone afterwards: a broker with a thousand partitions more is another broker."""
    names = [f"{prefix}.{name}" for name in ALL_TOPICS]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        yield
        await admin.delete_topics(names)
    finally:
        await admin.close()


class People:
    """Everybody outside, in one task, taking and sending in batches in both programs alike."""

    def __init__(self, consumer: AIOKafkaConsumer, send: Send) -> None:
        """`consumer` is started and reads LISTENS_TO."""
        self._consumer = consumer
        self._send = send
        self._settled: set[bytes] = set()

    async def lifecycles(self, number: int, working: Iterable[asyncio.Task[None]] = ()) -> float:
        """Post so many jobs at once and wait until all are settled; returns the seconds it took.

        Raises what ended one of the tasks that are `working` meanwhile.
        """
        self._settled.clear()
        began = time.perf_counter()
        await self._send([("commands", "post", str(uuid4()).encode()) for _ in range(number)])
        answering = asyncio.create_task(self._until_settled(number))
        done, _ = await asyncio.wait(
            [answering, *working], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        answering.cancel()
        for task in done:
            task.result()
        if not done:
            raise TimeoutError(f"{number - len(self._settled)} of {number} jobs are not settled")
        return time.perf_counter() - began

    async def _until_settled(self, number: int) -> None:
        while len(self._settled) < number:
            found = await self._consumer.getmany(timeout_ms=200, max_records=AT_ONCE)
            kinds = [(kind_of(record), record.key) for records in found.values() for record in records]
            answers = [("commands", ANSWERS[kind], key) for kind, key in kinds if kind in ANSWERS]
            if answers:
                await self._send(answers)
            self._settled.update(key for kind, key in kinds if kind == "settled")


def kind_of(record: ConsumerRecord) -> str:
    """What the message says, by its header."""
    return str(next(value for name, value in record.headers if name == KIND), "ascii")


def blank(kind: str) -> str:
    """Text of the size that the body of this kind has on the topics of Servicenetz."""
    return "x" * BODY_BYTES[kind]
