"""The registry against real Kafka, PostgreSQL and SMTP, as others see it: through topics and mail."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chassis.clock import ShiftedClock
from chassis.errors import Kind, classify
from chassis.service import Running
from chassis.testing.network import Outside, until
from contracts import catalogue, crm_partners_v1
from contracts import partner_registry_commands_v1 as c
from contracts import partner_registry_events_v1 as e
from contracts.billing_settlements_v1 import JobSettled
from contracts.crm_partners_v1 import CrmPartner
from contracts.envelope import Envelope
from contracts.ids import job_number, uuid7
from contracts.matching_assignments_v1 import Candidate, Earnings, JobAssigned
from contracts.messages import Message
from contracts.partner_registry_notifications_v1 import NotificationSent
from contracts.partner_registry_partners_v1 import Partner
from contracts.values import Address, AgreementKind, CustomerStatus, KindOfWork, NoticeKind, ResponseTime, eur
from partner_registry import tables
from partner_registry.app import build
from partner_registry.domain.master import Customer
from partner_registry.domain.partner import master_data
from partner_registry.settings import Settings
from partner_registry.store import CUSTOMERS

pytestmark = pytest.mark.stack

REPLIES = catalogue.replies_of("partner-registry")
DISTRIBUTOR = "distributor:demo"
MARKER = "marker-7f3a@dealer.example"


@pytest.fixture
async def registry(start_service: Any, box: Any) -> Running:
    running: Running = await start_service(
        build,
        Settings,
        "partner-registry",
        smtp_url=box.url,
        link_base_url="https://netz.example",
        mail_from="Servicenetz <service@netz.example>",
    )
    return running


DUE_NOW = """
    UPDATE errands SET due_at = now()
    WHERE id IN (SELECT id FROM errands ORDER BY due_at FOR UPDATE SKIP LOCKED)
"""
"""In the order of those who do errands, and never waiting for them: they may be at it."""


def number() -> str:
    """A customer number nobody else has."""
    return f"K-{uuid4().hex[:10].upper()}"


def crm(customer_number: str, **changes: Any) -> CrmPartner:
    plain: dict[str, Any] = {
        "customer_number": customer_number,
        "name": "Müller Telefonbau GmbH",
        "address": Address(street="Hauptstr. 1", postcode="80331", city="München"),
        "email": MARKER,
        "language": "de",
        "customer_status": CustomerStatus.active,
        "certifications": [],
    }
    return CrmPartner(**(plain | changes))


def registration(partner_id: UUID, customer_number: str, **changes: Any) -> c.RegisterPartner:
    return c.RegisterPartner(partner_id=partner_id, **(dict(crm(customer_number)) | changes))


async def asked(outside: Outside, command: Message, actor: str = DISTRIBUTOR) -> Any:
    """Send a command and wait for the answer."""
    return await outside.reply_to(await outside.send(command, actor=actor), REPLIES)


def published(outside: Outside, customer_number: str) -> list[Partner]:
    """All that was published about this customer number."""
    return [partner for partner in outside.messages(Partner) if partner.customer_number == customer_number]


async def registered(outside: Outside, **changes: Any) -> UUID:
    partner_id = uuid7()
    reply = await asked(outside, registration(partner_id, number(), **changes))
    assert reply.TYPE.endswith("CommandAccepted.v1"), reply
    return partner_id


def envelope_of_a_tombstone(customer_number: str) -> Envelope:
    topic = crm_partners_v1.TOPIC
    return Envelope(
        id=str(uuid7()),
        source="/crm",
        type=catalogue.tombstone_type(topic),
        subject=customer_number,
        time=datetime.now(UTC),
        dataschema=catalogue.tombstone_schema(topic),
        subjectversion=None,
        causationid=None,
        correlationid=None,
        traceparent=None,
        actor=None,
    )


async def test_a_crm_customer_is_one_partner_for_ever(registry: Running, outside: Outside) -> None:
    customer = number()
    await outside.send(crm(customer))
    await outside.until(lambda: published(outside, customer))
    partner_id = published(outside, customer)[0].partner_id
    assert partner_id.version == 7

    refused = await asked(outside, registration(uuid7(), customer))
    assert (refused.code, refused.field) == ("customer-known", "customer_number")

    await outside.send(crm(customer))
    await outside.send(crm(customer, name="Müller Netze GmbH"))
    tombstone = envelope_of_a_tombstone(customer)
    await outside.send_raw(crm_partners_v1.TOPIC, customer.encode(), tombstone.to_headers(), None)
    await outside.until(lambda: len(published(outside, customer)) == 3)
    assert [(p.partner_id, p.name, p.customer_status.value) for p in published(outside, customer)] == [
        (partner_id, "Müller Telefonbau GmbH", "active"),
        (partner_id, "Müller Netze GmbH", "active"),
        (partner_id, "Müller Netze GmbH", "ended"),
    ]
    status = await outside.message(e.CustomerStatusChanged, partner_id)
    assert status.status is CustomerStatus.ended


async def test_a_registered_partner_is_found_by_the_crm(registry: Running, outside: Outside) -> None:
    partner_id, customer = uuid7(), number()
    await asked(outside, registration(partner_id, customer))
    await outside.send(crm(customer, customer_status=CustomerStatus.blocked))
    await outside.until(lambda: len(published(outside, customer)) == 2)
    assert [p.partner_id for p in published(outside, customer)] == [partner_id, partner_id]
    assert await versions(outside, partner_id) == [1, 2]


async def versions(outside: Outside, partner_id: UUID) -> list[int]:
    return [
        seen.envelope.subjectversion or 0
        for seen in outside.seen[catalogue.topic_of(Partner).name]
        if seen.envelope is not None and seen.envelope.subject == str(partner_id)
    ]


async def test_crm_and_registrations_at_the_same_time_make_one_partner_each(
    registry: Running, outside: Outside
) -> None:
    customers = [number() for _ in range(40)]
    sent = [outside.send(crm(customer)) for customer in customers]
    sent += [outside.send(registration(uuid7(), customer), actor=DISTRIBUTOR) for customer in customers]
    await asyncio.gather(*sent)
    await outside.until(lambda: all(published(outside, customer) for customer in customers))

    def about_them() -> list[str]:
        """The registrations, and what the reader of the CRM says to the partners."""
        return [
            seen.envelope.id
            for seen in outside.seen[c.TOPIC.name]
            if seen.envelope is not None
            and isinstance(said := seen.message, c.RegisterPartner | c.ApplyCrmRecord)
            and (said.record if isinstance(said, c.ApplyCrmRecord) else said).customer_number in customers
        ]

    async def all_decided() -> bool:
        ids = about_them()
        async with registry.engine.connect() as db:
            taken_in = await db.execute(
                text("SELECT count(*) FROM inbox WHERE reader = 'partners' AND message_id = ANY(:ids)"),
                {"ids": ids},
            )
        return len(ids) == taken_in.scalar() == 2 * len(customers)

    # neither all that is parked nor all that is done: topics are shared, and bring what other tests have left
    await until(all_decided)
    async with registry.engine.connect() as db:
        wrong = await db.execute(
            text(
                "SELECT customer_number FROM customers c FULL JOIN partners p USING (customer_number) "
                "WHERE c.partner_id IS DISTINCT FROM p.partner_id"
            )
        )
        assert wrong.all() == []
    owners = Counter(
        partner.customer_number for partner in {p.partner_id: p for p in outside.messages(Partner)}.values()
    )
    assert {owners[customer] for customer in customers} == {1}


async def test_two_replicas_that_both_find_a_new_customer_cannot_both_keep_him(registry: Running) -> None:
    """A row that is not there cannot be locked; the second writer is sent back to look again."""
    customer = number()
    async with registry.engine.connect() as one, registry.engine.connect() as two:
        for replica in (one, two):
            assert await CUSTOMERS.load(replica, [customer], lock=True) == {}
        await CUSTOMERS.save(one, {customer: Customer(customer, uuid7(), master_data(crm(customer)))})
        await one.commit()
        with pytest.raises(DBAPIError) as refused:
            await CUSTOMERS.save(two, {customer: Customer(customer, uuid7(), master_data(crm(customer)))})
    assert classify(refused.value) is Kind.TRANSIENT


async def test_a_partner_gets_all_he_needs_for_a_job(registry: Running, outside: Outside) -> None:
    partner_id = await registered(outside)
    other_id = await registered(outside)
    himself = f"partner:{partner_id}"
    today = datetime.now(UTC).date()
    by_distributor: list[Message] = [
        c.SignAgreement(
            partner_id=partner_id, kind=AgreementKind.contractor, valid_from=today, self_billing_agreed=True
        ),
        c.RecordLiabilityInsurance(
            partner_id=partner_id,
            insurer="Haftpflicht AG",
            policy_number="P-1",
            sum_insured=eur(3_000_000),
            valid_from=today,
            valid_until=today + timedelta(days=300),
        ),
    ]
    by_himself: list[Message] = [
        c.SetAvailability(
            partner_id=partner_id,
            radius_km=80,
            weekly_hours=Decimal("37.5"),
            kinds_of_work=[KindOfWork.service],
            response_times=[ResponseTime.next_business_day],
        ),
        c.ExcludePartner(partner_id=partner_id, other_partner_id=other_id, reason="nie wieder"),
    ]
    for command in by_distributor:
        assert (await asked(outside, command, actor=himself)).code == "not-allowed"
        assert (await asked(outside, command)).TYPE.endswith("CommandAccepted.v1")
    for command in by_himself:
        assert (await asked(outside, command, actor=f"partner:{other_id}")).code == "not-allowed"
        assert (await asked(outside, command, actor=himself)).TYPE.endswith("CommandAccepted.v1")
    assert (await asked(outside, by_distributor[0])).code == "agreement-in-force"
    unchanged = await asked(outside, by_himself[0], actor=himself)
    assert unchanged.TYPE.endswith("CommandAccepted.v1")

    whole = await outside.message(Partner, partner_id, nth=5)
    assert whole.agreements[0].self_billing_agreed
    assert whole.insurance.sum_insured == eur(3_000_000)
    assert whole.availability.weekly_hours == Decimal("37.5")
    assert whole.excluded_partner_ids == [other_id]
    assert await versions(outside, partner_id) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", [c.ApplyCrmRecord, c.NotifyPartner])
async def test_what_only_the_registry_may_say_is_refused_from_others(
    registry: Running, outside: Outside, kind: type[c.PartnerCommand]
) -> None:
    partner_id, job_id = uuid7(), uuid7()
    command: c.PartnerCommand = (
        c.ApplyCrmRecord(partner_id=partner_id, record=crm(number()))
        if kind is c.ApplyCrmRecord
        else c.NotifyPartner(
            partner_id=partner_id, job_id=job_id, job_number=job_number(job_id), notice=NoticeKind.offer
        )
    )
    assert (await asked(outside, command)).code == "not-allowed"
    assert (await asked(outside, command, actor=f"partner:{partner_id}")).code == "not-allowed"


async def test_a_command_sent_twice_is_done_once_and_answered_twice(
    registry: Running, outside: Outside
) -> None:
    partner_id, message_id = uuid7(), uuid7()
    command = registration(partner_id, number())
    for _ in range(2):
        await outside.send(command, actor=DISTRIBUTOR, message_id=message_id)
    assert await outside.reply_to(message_id, REPLIES, nth=2) == await outside.reply_to(message_id, REPLIES)
    assert await versions(outside, partner_id) == [1]


async def test_an_insurance_expires_by_itself(start_service: Any, outside: Outside, box: Any) -> None:
    clock = ShiftedClock()
    await start_service(
        build,
        Settings,
        "partner-registry",
        clock=clock,
        smtp_url=box.url,
        link_base_url="https://netz.example",
    )
    partner_id = await registered(outside)
    last_day: date = datetime.now(UTC).date() + timedelta(days=200)
    insurance = c.RecordLiabilityInsurance(
        partner_id=partner_id,
        insurer="Haftpflicht AG",
        policy_number="P-1",
        sum_insured=eur(1_000_000),
        valid_from=last_day - timedelta(days=365),
        valid_until=last_day,
    )
    assert (await asked(outside, insurance)).TYPE.endswith("CommandAccepted.v1")
    assert (await outside.message(Partner, partner_id, nth=2)).insurance is not None
    clock.shift = timedelta(days=202)
    expired = await outside.message(e.LiabilityInsuranceExpired, partner_id)
    assert expired.expired_on == last_day
    assert (await outside.message(Partner, partner_id, nth=3)).insurance is None


def assignment(job_id: UUID, client_id: UUID, contractor_id: UUID) -> JobAssigned:
    return JobAssigned(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=client_id,
        contractor_id=contractor_id,
        partner_version=1,
        travel_zone=2,
        distance_km=Decimal("12.5"),
        how="accepted",
        chosen=Candidate(
            contractor_id=contractor_id,
            partner_version=1,
            distance_km=Decimal("12.5"),
            eligible=True,
            failed=[],
            terms=[],
        ),
        others=[],
        earnings=Earnings(per_hour=eur(60), travel=eur(40), estimated_total=eur(280)),
    )


async def test_both_sides_get_letters_in_their_language(
    registry: Running, outside: Outside, box: Any
) -> None:
    client_id = await registered(outside, email="auftraggeber@dealer.example")
    contractor_id = await registered(outside, email="auftragnehmer@dealer.example", language="en")
    job_id = uuid7()
    await outside.send(assignment(job_id, client_id, contractor_id))
    await outside.message(NotificationSent, contractor_id)
    await outside.send(
        JobSettled(
            job_id=job_id,
            job_number=job_number(job_id),
            client_id=client_id,
            contractor_id=contractor_id,
            settled_at=datetime.now(UTC),
        )
    )
    await until(lambda: len(box.mails) == 4)
    sent = {mail["Subject"]: mail for mail in box.mails}
    of = job_number(job_id)
    assert set(sent) == {
        f"Job {of} is yours",
        f"Für Ihren Auftrag {of} ist ein Partner gefunden",
        f"Your self-billed invoice for job {of} is ready",
        f"Ihr Auftrag {of} ist abgerechnet",
    }
    yours = sent[f"Job {of} is yours"]
    assert yours["To"] == "auftragnehmer@dealer.example"
    assert f"https://netz.example/jobs/{job_id}" in yours.get_content()
    told = [(n.notice, n.language) for n in outside.messages(NotificationSent) if n.job_id == job_id]
    assert Counter(told) == Counter(
        [
            (NoticeKind.assignment, "en"),
            (NoticeKind.assignment_client, "de"),
            (NoticeKind.settlement_contractor, "en"),
            (NoticeKind.settlement_client, "de"),
        ]
    )


async def test_mail_waits_for_its_server(registry: Running, outside: Outside, box: Any) -> None:
    """Letters never hold up events: the server refuses, gateways hear of the letter all the same."""
    box.answers["voll@dealer.example"] = "452 4.2.2 mailbox full"
    client_id = await registered(outside, email="voll@dealer.example")
    contractor_id = await registered(outside)
    job_id = uuid7()
    await outside.send(assignment(job_id, client_id, contractor_id))
    await outside.message(NotificationSent, client_id)

    async def tried() -> bool:
        async with registry.engine.connect() as db:
            return bool((await db.execute(text("SELECT 1 FROM errands WHERE attempts = 1"))).scalar())

    await until(tried)
    box.answers.clear()
    async with registry.engine.begin() as db:
        await db.execute(text(DUE_NOW))
    await until(lambda: ["voll@dealer.example"] in box.recipients)


async def test_the_address_is_nowhere_but_where_it_came_in(
    registry: Running, outside: Outside, box: Any
) -> None:
    customer = number()
    await outside.send(crm(customer))
    await outside.until(lambda: published(outside, customer))
    partner_id = published(outside, customer)[0].partner_id
    job_id = uuid7()
    await outside.send(assignment(job_id, await registered(outside, email="a@b.example"), partner_id))
    await until(lambda: [MARKER] in box.recipients)
    holding = {
        topic
        for topic, records in outside.seen.items()
        if any(MARKER.encode() in (seen.record.value or b"") for seen in records)
    }
    assert holding == {crm_partners_v1.TOPIC.name, c.TOPIC.name}


async def test_the_migrations_make_the_tables_that_code_sees(registry: Running) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name in tables.metadata.tables,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))

    async with registry.engine.connect() as db:
        assert [found for found in await db.run_sync(differences) if "comment" not in str(found)] == []
