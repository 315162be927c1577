"""The real broker, database server and mail catcher, without services."""

import asyncio
import os
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from servicenetz.postgres import Postgres
from servicenetz.processes import User
from servicenetz.stack import Stack, StackRunning, owner_of

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), services=()) as running:
        yield running


async def create_topic(stack: Stack, name: str, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=config)])
    finally:
        await admin.close()


async def send(stack: Stack, topic: str, value: bytes, **settings: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, acks="all", **settings)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def read_one(stack: Stack, topic: str) -> bytes:
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, max_partition_fetch_bytes=4_000_000)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        record = await asyncio.wait_for(consumer.getone(), 20)
        return bytes(record.value)
    finally:
        await consumer.stop()


async def test_a_dead_letter_of_full_size_fits(stack: Stack) -> None:
    largest = 2 * 1024 * 1024 + 64 * 1024
    await create_topic(stack, "large", **{"max.message.bytes": str(largest + 1024)})
    await send(stack, "large", b"x" * largest, max_request_size=3_000_000)
    assert len(await read_one(stack, "large")) == largest


async def test_topics_do_not_come_into_being_by_mistake(stack: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        await admin.describe_topics(["mistyped"])
        assert "mistyped" not in await admin.list_topics()
    finally:
        await admin.close()


async def test_kafka_comes_back_after_kill_9_with_its_data(stack: Stack) -> None:
    await create_topic(stack, "kept")
    await send(stack, "kept", b"before")
    address = stack.kafka_bootstrap
    stack.kafka.kill()
    assert not stack.kafka.answers()
    stack.kafka.start()
    await asyncio.to_thread(stack.kafka.wait_until_ready)
    assert stack.kafka.answers()
    assert stack.kafka_bootstrap == address
    assert await read_one(stack, "kept") == b"before"


def test_each_service_enters_its_own_database_only(stack: Stack) -> None:
    stack.postgres.create_database("billing")
    stack.postgres.create_database("matching")
    stack.postgres.create_database("matching")  # a second time changes nothing
    own = stack.database_url("billing", "postgresql")
    with psycopg.connect(own) as connection:
        connection.execute("CREATE TABLE ledger (amount_cents bigint)")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(own.removesuffix("/billing") + "/matching")


def test_postgres_comes_back_after_kill_9_with_its_data(stack: Stack) -> None:
    stack.postgres.create_database("kept")
    url = stack.postgres.url("kept", "postgresql")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS number")
    stack.postgres.kill(comes_back=True)
    stack.wait_until_ready()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM numbers").fetchone()
    assert row == (1000,)
    stack.postgres.drop_database("kept")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_mail_is_kept_with_its_envelope(stack: Stack) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Auftrag für Sie"
    message.set_content("Grüße")
    before = stack.mail.count()
    with smtplib.SMTP("127.0.0.1", stack.mail.port) as client:
        client.send_message(message, to_addrs=["b@example.org", "hidden@example.org"])
    assert stack.mail.count() == before + 1
    kept = stack.mail.messages()[-1]
    assert kept["Subject"] == "Auftrag für Sie"
    assert kept["X-Envelope-To"] == "b@example.org, hidden@example.org"
    assert kept.get_content().strip() == "Grüße"


def test_one_stack_in_a_folder(stack: Stack) -> None:
    assert owner_of(stack.folder) == os.getpid()
    with pytest.raises(StackRunning, match=str(os.getpid())):
        Stack(stack.folder, services=()).start()


async def test_stopped_nothing_is_left_and_started_again_all_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with ünusual characters"
    async with Stack(folder, services=()) as first:
        first.postgres.create_database("kept")
        bootstrap, pids = first.kafka_bootstrap, [process.pid for process in first.processes]
        assert all(pids)
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert owner_of(folder) is None
    async with Stack(folder, services=()) as second:
        assert second.kafka_bootstrap == bootstrap
        psycopg.connect(second.postgres.url("kept", "postgresql")).close()


WAYS: list[User] = ["namespace", "nobody", "namespace"] if os.geteuid() == 0 else ["same"]


def test_root_can_run_postgres_where_only_root_may_enter(tmp_path: Path) -> None:
    """As an ordinary user there is one way only. Root's ways may change from one start to the next."""
    tmp_path.chmod(0o700)
    port = 19_000 + os.getpid() % 900
    for way in WAYS:
        postgres = Postgres(tmp_path, port, way)
        postgres.start()
        try:
            postgres.wait_until_ready()
            postgres.create_database("kept")
            postgres.stop()
            assert postgres.exit_code == 0
        finally:
            postgres.kill()
