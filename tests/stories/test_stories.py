"""Stories over all four services, each of them running twice."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from story_network import DISTRIBUTOR, END_CUSTOMER, MARKERS, Network, insurance, statement

from contracts import (
    billing_payables_v1,
    billing_receivables_v1,
    job_exchange_commands_v1,
    job_exchange_jobs_v1,
    job_exchange_work_orders_v1,
    matching_assignments_v1,
    matching_commands_v1,
)
from contracts.seal import SealError, unseal
from contracts.values import NoticeKind, Window
from servicenetz.invariants.check import check, where

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.stack


async def test_a_statement_sent_twice_is_settled_once(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("24937")
    job = await network.assigned(client, contractor)
    await network.completed(job, contractor, hours="3.5", travel_km=80)
    await network.repeat_last(job_exchange_commands_v1.SubmitStatement, of=job, times=3)
    await network.settled(job)
    reply = await network.ask(statement(job, contractor, "3.5"), contractor.actor)
    assert reply.code == "second-statement"
    assert network.documents(job) == ["invoice", "self-billed-invoice"]


async def test_prices_are_those_of_the_rate_card_and_the_references_reach_the_invoice(
    network: Network,
) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("24939")
    job = await network.assigned(client, contractor, network.posting(client, "24939"))
    await network.completed(job, contractor, hours="3.5")
    invoice = await network.outside.message(billing_receivables_v1.InvoiceIssued, job)
    self_billed = await network.outside.message(billing_payables_v1.SelfBilledInvoiceIssued, job)
    assert invoice.net.amount == Decimal("3.5") * 92 + 20
    assert self_billed.net.amount == Decimal("3.5") * 74 + 16
    assert (invoice.vat.amount, invoice.gross.amount) == (Decimal("64.98"), Decimal("406.98"))
    assert (invoice.own_reference.order_number, invoice.own_reference.cost_centre) == ("AB-1", "KST-7")


async def test_the_end_customer_is_readable_by_the_contractor_alone(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("24944")
    other = await network.dealer("10115")
    job = await network.assigned(client, contractor, network.posting(client, "24944"))
    order = await network.outside.message(job_exchange_work_orders_v1.WorkOrder, job)
    opened = json.loads(unseal(order.end_customer, contractor.key, job))
    assert opened["name"] == END_CUSTOMER["name"]
    with pytest.raises(SealError):
        unseal(order.end_customer, other.key, job)


async def test_a_released_job_goes_to_the_next_and_the_work_order_is_taken_back(network: Network) -> None:
    client = await network.dealer("80331", contractor=False)
    near, far = await network.dealer("27498"), await network.dealer("27498")
    posting = network.posting(client, "27498")
    await network.ask(posting, client.actor)
    offer = await network.outside.message(matching_assignments_v1.JobOffered, posting.job_id)
    first, second = (near, far) if offer.contractor_id == near.partner_id else (far, near)
    await network.accept(offer, first)
    await network.outside.message(job_exchange_jobs_v1.WorkOrderReleased, posting.job_id)
    release = matching_commands_v1.ReleaseAssignment(
        job_id=posting.job_id,
        contractor_id=first.partner_id,
        reason=matching_commands_v1.ReleaseReason.illness,
    )
    await network.ask(release, first.actor)
    taken = await network.outside.message(job_exchange_jobs_v1.WorkOrderTakenBack, posting.job_id)
    assert taken.contractor_id == first.partner_id
    again = await network.outside.message(matching_assignments_v1.JobOffered, posting.job_id, nth=2)
    assert again.contractor_id == second.partner_id


async def test_who_is_no_longer_insured_loses_the_job_to_the_next_before_it_begins(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("02826")
    job = await network.assigned(client, contractor, network.posting(client, "02826"))
    successor = await network.dealer("02826")
    shorter = insurance(contractor, datetime.now(UTC).date() + timedelta(days=1))
    await network.ask(shorter, DISTRIBUTOR)
    released = await network.outside.message(matching_assignments_v1.AssignmentReleased, job)
    assert released.reason.value == "partner_lapsed"
    offer = await network.outside.message(matching_assignments_v1.JobOffered, job, nth=2)
    assert offer.contractor_id == successor.partner_id


async def test_an_amended_job_stays_with_who_can_do_it_and_is_settled_once(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("66111")
    posting = network.posting(client, "66111")
    job = await network.assigned(client, contractor, posting)
    starts_at = posting.window.starts_at + timedelta(days=7)
    amendment = job_exchange_commands_v1.AmendJob(
        job_id=job, client_id=client.partner_id, response_time=posting.response_time, highest_zone=2,
        required_certifications=posting.required_certifications, estimated_hours=Decimal(8),
        window=Window(starts_at=starts_at, ends_at=starts_at + timedelta(hours=9)),
        summary="Telefonanlage, 24 Nebenstellen",
    )  # fmt: skip
    await network.ask(amendment, client.actor)
    kept = await network.outside.message(matching_assignments_v1.AssignmentKept, job)
    assert kept.contractor_id == contractor.partner_id
    order = await network.outside.message(job_exchange_work_orders_v1.WorkOrder, job, nth=2)
    assert (order.window, order.contractor_id) == (amendment.window, contractor.partner_id)
    assert await network.outside.until(lambda: NoticeKind.amended in network.told(job))
    await network.completed(job, contractor, hours="8.5")
    await network.settled(job)
    invoice = await network.outside.message(billing_receivables_v1.InvoiceIssued, job)
    assert invoice.net.amount == Decimal("8.5") * 92 + 20
    assert network.documents(job) == ["invoice", "self-billed-invoice"]


async def test_someone_elses_offer_and_someone_elses_job_are_refused(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("78462")
    stranger = await network.dealer("10115")
    posting = network.posting(client, "78462")
    await network.ask(posting, client.actor)
    offer = await network.outside.message(matching_assignments_v1.JobOffered, posting.job_id)
    reply = await network.accept(offer, stranger)
    assert reply.code == "no-open-offer"
    await network.accept(offer, contractor)
    await network.outside.message(job_exchange_jobs_v1.WorkOrderReleased, posting.job_id)
    reply = await network.ask(statement(posting.job_id, stranger, "2"), stranger.actor)
    assert reply.code == "not-your-job"


async def test_a_dispatcher_cannot_talk_the_gate_round(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("18055")
    uncertified = await network.dealer("18055", certified=False)
    posting = network.posting(client, "18055")
    await network.ask(posting, client.actor)
    offer = await network.outside.message(matching_assignments_v1.JobOffered, posting.job_id)
    assert offer.contractor_id == contractor.partner_id
    by_hand = matching_commands_v1.AssignByHand(
        job_id=posting.job_id, contractor_id=uncertified.partner_id, reason="Er kennt den Kunden gut."
    )
    reply = await network.ask(by_hand, DISTRIBUTOR)
    assert reply.TYPE == "matching.CommandRejected.v1"
    assert "certif" in f"{reply.code} {reply.message}".lower()


async def test_both_are_told_by_mail_and_the_mail_knows_no_end_customer(network: Network) -> None:
    client, contractor = await network.dealer("80331", contractor=False), await network.dealer("99084")
    job = await network.assigned(client, contractor, network.posting(client, "99084"))
    await network.completed(job, contractor)
    await network.settled(job)
    wanted = {
        NoticeKind.assignment,
        NoticeKind.assignment_client,
        NoticeKind.settlement_client,
        NoticeKind.settlement_contractor,
    }
    assert await network.outside.until(lambda: network.told(job) >= wanted)


async def test_a_stranger_takes_part_with_a_plain_kafka_client(network: Network) -> None:
    """The README's example, as it stands there; a dealer of ours does the stranger's job."""
    client = await network.dealer("80331", contractor=False)
    contractor = await network.dealer("24937")
    command = [
        sys.executable, str(ROOT / "docs/examples/stranger.py"),
        "--bootstrap", network.stack.kafka_bootstrap,
        "--sealing-key", str(network.stack.sealing_public_key),
        "--client-id", str(client.partner_id),
    ]  # fmt: skip
    program = asyncio.create_task(run_program(command))
    offers = network.outside.messages
    posted = job_exchange_jobs_v1.JobPosted
    await network.outside.until(lambda: any(job.client_id == client.partner_id for job in offers(posted)))
    job = next(job.job_id for job in offers(posted) if job.client_id == client.partner_id)
    offer = await network.outside.message(matching_assignments_v1.JobOffered, job)
    assert offer.contractor_id == contractor.partner_id
    await network.accept(offer, contractor)
    await network.outside.message(job_exchange_jobs_v1.WorkOrderReleased, job)
    await network.completed(job, contractor, hours="2")
    ended = await program
    assert ended.returncode == 0, ended.stdout + ended.stderr


async def test_at_the_end_everything_holds_and_every_process_has_worked(network: Network) -> None:
    """Last, over all that the stories before have left."""
    results = check(where(network.stack), markers=MARKERS)
    assert [f"{result.number} {result.name}: {result.detail}" for result in results if not result.holds] == []
    for instance in network.stack.instances:
        lines = (await asyncio.to_thread(fetch, f"{instance.http_url}/metrics")).splitlines()
        done = [
            float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("servicenetz_records_total{")
        ]
        assert sum(done) > 0, f"{instance.name} has done nothing"


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


async def run_program(command: list[str]) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=120, check=False
    )
