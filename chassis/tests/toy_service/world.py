"""What a story needs to say: send this, wait for that, look at the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from sqlalchemy import text

from chassis.clock import Clock
from chassis.service import Running
from chassis.testing.fixtures import StartService
from chassis.testing.network import Outside, Seen, until
from contracts import catalogue
from contracts import job_exchange_commands_v1 as commands
from contracts import matching_assignments_v1 as assignments
from contracts import partner_registry_partners_v1 as partners
from contracts.catalogue import Topic
from contracts.envelope import Envelope
from contracts.ids import job_number, uuid7
from contracts.messages import Message
from contracts.values import Address, CustomerStatus
from toy_service.service import Settings, build

REPLIES = catalogue.replies_of("job-exchange")
DEAD_LETTERS = catalogue.dead_letters_of("job-exchange")
NOTICED = commands.CancelReason.done_otherwise
TOO_LATE = commands.CancelReason.customer_withdrew
QUIET = commands.CancelReason.posted_in_error


@dataclass(frozen=True)
class Books:
    """The sum of all progress rows, and whether each of them stands where its topic's partition ends."""

    done: int
    duplicate: int
    rejected: int
    dead: int
    parked: int
    holes: int
    behind: int


class World:
    """Toys on one database, and a stranger outside."""

    def __init__(self, start_service: StartService, outside: Outside, database_url: str) -> None:
        self._start = start_service
        self.database_url = database_url
        self.outside = outside
        self.replicas: list[Running] = []

    async def start(self, clock: Clock | None = None, **settings: Any) -> Running:
        """Start the toy, or another replica of it."""
        chosen = {"database_url": self.database_url} | settings
        running = await self._start(build, Settings, "job-exchange", clock=clock, **chosen)
        self.replicas.append(running)
        return running

    @property
    def toy(self) -> Running:
        """The first replica."""
        return self.replicas[0]

    def failures(self, kind: str) -> float:
        """Attempts of the first replica's reader of commands, at batches and at single records, that failed so."""
        labels = {"reader": "jobs", "kind": kind}
        return self.toy.registry.get_sample_value("servicenetz_failures_total", labels) or 0.0

    # -- sending ------------------------------------------------------------------------------------------------------

    def cancel(self, job: UUID, client: UUID, reason: commands.CancelReason = NOTICED) -> commands.CancelJob:
        """A command that each reason gives another meaning (see the toy)."""
        return commands.CancelJob(job_id=job, client_id=client, reason=reason)

    async def send(self, command: Any, *, message_id: UUID | None = None, actor: str | None = None) -> UUID:
        """A command by whoever may send it; returns its id."""
        who = getattr(command, "client_id", None) or getattr(command, "contractor_id", None)
        actor = actor or (f"partner:{who}" if who else "distributor:dispatcher")
        return await self.outside.send(command, actor=actor, message_id=message_id)

    async def send_cancel(self, job: UUID | None = None, **options: Any) -> UUID:
        """Cancel a job, a new one if none is named; returns the job."""
        job = job or uuid7()
        await self.send(self.cancel(job, uuid7(), **options))
        return job

    async def send_arrival(self, job: UUID, contractor: UUID) -> UUID:
        """A command that waits until the contractor is known."""
        return await self.send(
            commands.RecordArrival(job_id=job, contractor_id=contractor, arrived_at=datetime.now(UTC))
        )

    async def send_approval(self, job: UUID, client: UUID) -> UUID:
        """A command that takes a number."""
        return await self.send(commands.ApproveStatement(job_id=job, client_id=client, statement_id=uuid7()))

    async def send_resolution(self, job: UUID) -> UUID:
        """A command whose result goes to a compacted topic."""
        return await self.send(commands.ResolveDispute(job_id=job, statement_id=uuid7(), hours=Decimal(2)))

    async def send_expiry(self, job: UUID, version: int) -> None:
        """An event of matching with this version."""
        event = assignments.OfferExpired(
            job_id=job, job_number=job_number(job), offer_id=uuid7(), contractor_id=uuid7()
        )
        await self.outside.send(event, version=version, source="/servicenetz/matching")

    async def introduce(self, partner: UUID, version: int = 1) -> None:
        """The partner becomes known."""
        await self.outside.send(partners.Partner(partner_id=partner, **_PARTNER), version=version)

    def envelope(self, message: Message, **changes: Any) -> Envelope:
        """An envelope as it should be, but for the changes."""
        fields: dict[str, Any] = {
            "id": str(uuid7()), "source": "/tests", "type": message.TYPE, "subject": message.subject,
            "time": datetime.now(UTC), "dataschema": catalogue.schema_of(message),
            "actor": f"partner:{getattr(message, 'client_id', uuid7())}",
        }  # fmt: skip
        return Envelope(**(fields | changes))

    # -- waiting ------------------------------------------------------------------------------------------------------

    async def reply(self, command_id: UUID, nth: int = 1) -> Any:
        """The nth reply to a command."""
        return await self.outside.reply_to(command_id, REPLIES, nth=nth)

    def replies(self, command_id: UUID) -> int:
        """How many replies there are to a command so far."""
        return sum(
            seen.message is not None and seen.message.subject == str(command_id)
            for seen in self.outside.seen[REPLIES.name]
        )

    async def dead_letter(self, topic: Topic, partition: int, offset: int, about: str = "") -> Seen:
        """The dead letter of this record; `about` is said when there is none."""
        where = (topic.name.encode(), str(partition).encode(), str(offset).encode())

        def found() -> Seen | None:
            for seen in self.outside.seen[DEAD_LETTERS.name]:
                headers = seen.headers
                place = tuple(headers[f"deadletter-{part}"] for part in ("topic", "partition", "offset"))
                if place == where:
                    return seen
            return None

        try:
            letter: Seen = await self.outside.until(found)
        except TimeoutError:
            raise AssertionError(f"no dead letter for {topic.name}/{partition}@{offset} {about}") from None
        return letter

    async def seen(self, job: UUID) -> list[str]:
        """What the account of this job was told, in order."""
        rows = await self.sql("SELECT seen FROM accounts WHERE id = :id", id=str(job))
        return list(rows[0].seen) if rows else []

    async def until_seen(self, job: UUID, *words: str) -> None:
        """Wait until the account has been told exactly this."""

        async def so() -> bool:
            return await self.seen(job) == list(words)

        try:
            await until(so)
        except TimeoutError:
            raise AssertionError(f"{await self.seen(job)} instead of {list(words)}") from None

    async def until_parked(self, number: int, reason: str | None = None) -> None:
        """Wait until so many records are parked."""

        async def so() -> bool:
            rows = await self.sql("SELECT reason FROM parked")
            return number == sum(reason in (None, row.reason) for row in rows)

        await until(so)

    async def until_at_rest(self) -> Books:
        """Wait until everything sent so far is accounted for and nothing is left to be sent."""
        heard = {topic.name for reader in self.toy.service.readers for topic in reader.topics}
        sent = {place: end for place, end in self.outside.sent.items() if place[0] in heard}

        async def so() -> bool:
            rows = await self.sql("SELECT count(*) AS n FROM outbox")
            passed = {
                (row.topic, row.partition): row.next_offset
                for row in await self.sql("SELECT * FROM progress")
            }
            taken_in = all(passed.get(place, 0) >= end for place, end in sent.items())
            return taken_in and rows[0].n == 0 and (await self.books()).behind == 0

        await until(so)
        return await self.books()

    # -- looking ------------------------------------------------------------------------------------------------------

    async def sql(self, query: str, **values: Any) -> Sequence[Any]:
        """Ask the toy's database."""
        async with self.toy.engine.connect() as db:
            return (await db.execute(text(query), values)).all()

    async def books(self) -> Books:
        """The progress rows next to the ends of the topics."""
        rows = await self.sql("SELECT * FROM progress")
        consumer = self.toy.consumers[0]._kafka
        assert consumer is not None
        ends = await consumer.end_offsets([TopicPartition(row.topic, row.partition) for row in rows])
        counts = {
            name: sum(getattr(row, name) for row in rows)
            for name in ("done", "duplicate", "rejected", "dead", "parked", "holes")
        }
        passed = sum(row.next_offset - row.first_offset for row in rows)
        assert passed == sum(counts.values()), "the books do not add up"
        behind = sum(ends[TopicPartition(row.topic, row.partition)] - row.next_offset for row in rows)
        return Books(**counts, behind=behind)

    async def records(self, topic: Topic, key: UUID) -> list[ConsumerRecord]:
        """All records of this key, as the broker gives them again."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.toy.settings.kafka_bootstrap_servers,
            group_id=None,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[ConsumerRecord] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    for records in (await consumer.getmany(partition, timeout_ms=200)).values():
                        found += [record for record in records if record.key == str(key).encode()]
            return found
        finally:
            await consumer.stop()


_PARTNER: dict[str, Any] = {
    "customer_number": "K1000",
    "name": "Muster GmbH",
    "address": Address(street="Hauptstraße 1", postcode="80331", city="München"),
    "language": "de",
    "customer_status": CustomerStatus.active,
    "agreements": [],
    "certifications": [],
    "suspended": False,
    "excluded_partner_ids": [],
}
