"""The first try: the same lifecycle as an honest engineer would write it at first.

FastStream and SQLAlchemy's ORM with their own defaults, uvloop, one message one transaction, publish in the handler.
The same topics, partitions, messages, body sizes and business rows as `flow` says. What such a program has not, and
is therefore spared: inbox, outbox, versions, progress, reference data, rules, dead letters. Offsets are committed
every five seconds, before or after the work: FastStream's default, and its fastest.

    python -m benchmarks.first_try PREFIX READER...    one process; addresses come from the environment
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream import FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel
from sqlalchemy import Identity, Index
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.flow import BODY_BYTES, READERS, TOPICS
from benchmarks.people import HEADERS, KIND, LISTENS_TO, People, Sending, topics
from servicenetz.processes import Process

WARM_UP = 20
"""Lifecycles before the clock runs; it also waits until all processes are there."""
KAFKA, DATABASE = "FIRST_TRY_KAFKA", "FIRST_TRY_DATABASE"
PROCESSES = (("job-exchange",), ("matching",), ("billing",), ("notices", "partners"))
"""Which readers share a process: four services, as ours."""


class Base(DeclarativeBase):
    """The first try's tables."""


class State(Base):
    """What a reader knows of a job."""

    __tablename__ = "state"
    reader: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int]
    body: Mapped[str]


class Thing(Base):
    """Any other row: a document, an entry, a posting, a reservation."""

    __tablename__ = "things"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    job: Mapped[str]
    body: Mapped[str]
    __table_args__ = (Index("things_job", "job"),)


class Said(BaseModel):
    """Every message."""

    kind: str
    job_id: str
    text: str

    @classmethod
    def sized(cls, kind: str, job_id: str) -> "Said":
        """With a body as long as ours of this kind."""
        bare = len(cls(kind=kind, job_id=job_id, text="").model_dump_json())
        return cls(kind=kind, job_id=job_id, text="x" * max(0, BODY_BYTES[kind] - bare))


# -- the program ------------------------------------------------------------------------------------------------------


def subscribe(
    broker: KafkaBroker, reader: str, prefix: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    """One handler for all that a reader listens to."""
    steps = READERS[reader]
    headers = {name: value.decode() for name, value in HEADERS}

    @broker.subscriber(
        *[f"{prefix}.{topic}" for topic in TOPICS[reader]],
        group_id=f"{prefix}.{reader}",
        auto_offset_reset="earliest",
        no_reply=True,
    )
    async def handle(said: Said) -> None:
        step = steps[said.kind]
        if not step.touches:
            return
        async with sessions() as session, session.begin():
            state = await session.get(State, (reader, said.job_id), with_for_update=True)
            if state is None:
                session.add(State(reader=reader, id=said.job_id, step=1, body="x" * 600))
            else:
                state.step += 1
            session.add_all(Thing(job=said.job_id, body="x" * 300) for _ in range(step.rows))
        for topic, kind in step.sends:
            await broker.publish(
                Said.sized(kind, said.job_id), f"{prefix}.{topic}", key=said.job_id.encode(),
                headers={KIND: kind, **headers},
            )  # fmt: skip


async def serve(prefix: str, readers: list[str]) -> None:
    """Until SIGTERM."""
    broker = KafkaBroker(os.environ[KAFKA], logger=None)
    engine = create_async_engine(os.environ[DATABASE])
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    for reader in readers:
        subscribe(broker, reader, prefix, sessions)
    await FastStream(broker, logger=None).run()
    await engine.dispose()


# -- the measurement --------------------------------------------------------------------------------------------------


class FirstTry:
    """The four processes and the people; `run` returns lifecycles per second."""

    def __init__(self, folder: Path, bootstrap: str, database: str) -> None:
        """`database` is an empty one, as `postgresql://…`."""
        self._folder = folder
        self._bootstrap = bootstrap
        self._database = database
        self._prefix = f"first-try-{uuid4().hex[:8]}"

    async def run(self, lifecycles: int) -> float:
        """Post so many jobs at once and wait until each is settled."""
        async with topics(self._bootstrap, self._prefix):
            return await self._run(lifecycles)

    async def _run(self, lifecycles: int) -> float:
        await self._prepare()
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", max_batch_size=131_072)
        consumer = AIOKafkaConsumer(
            *[f"{self._prefix}.{topic}" for topic in LISTENS_TO],
            bootstrap_servers=self._bootstrap, group_id=f"{self._prefix}.people", enable_auto_commit=False,
            auto_offset_reset="earliest",
        )  # fmt: skip
        await producer.start()
        await consumer.start()
        processes = [self._process(readers) for readers in PROCESSES]
        try:
            for process in processes:
                process.start()

            async def send(messages: Sequence[Sending]) -> None:
                await asyncio.gather(*[await self._send(producer, message) for message in messages])

            people = People(consumer, send)
            await people.lifecycles(WARM_UP)
            return lifecycles / await people.lifecycles(lifecycles)
        finally:
            for process in processes:
                process.ask_to_stop()
            for process in processes:
                await asyncio.to_thread(process.wait_until_stopped)
            await consumer.stop()
            await producer.stop()

    def _process(self, readers: tuple[str, ...]) -> Process:
        return Process(
            f"{self._prefix}-{readers[0]}",
            self._folder,
            lambda: [sys.executable, "-m", "benchmarks.first_try", self._prefix, *readers],
            {
                KAFKA: self._bootstrap,
                DATABASE: self._database.replace("postgresql://", "postgresql+asyncpg://", 1),
            },
        )

    async def _prepare(self) -> None:
        engine = create_async_engine(self._database.replace("postgresql://", "postgresql+asyncpg://", 1))
        async with engine.begin() as db:
            await db.run_sync(Base.metadata.create_all)
        await engine.dispose()

    async def _send(self, producer: AIOKafkaProducer, message: Sending) -> asyncio.Future[object]:
        topic, kind, key = message
        body = Said.sized(kind, key.decode()).model_dump_json().encode()
        headers = [("content-type", b"application/json"), (KIND, kind.encode()), *HEADERS]
        ack: asyncio.Future[object] = await producer.send(
            f"{self._prefix}.{topic}", body, key, headers=headers
        )
        return ack


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2:]))
