"""One job, step by step: a dealer in München, half his team ill, an installation in Flensburg tomorrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.billing_payables_v1 import SelfBilledInvoiceIssued
from contracts.billing_receivables_v1 import InvoiceIssued
from contracts.billing_settlements_v1 import JobSettled
from contracts.ids import uuid7
from contracts.job_exchange_commands_v1 import ApproveStatement, PostJob, RecordArrival, SubmitStatement
from contracts.job_exchange_jobs_v1 import JobCompleted, JobPosted, JobStarted, JobStated
from contracts.job_exchange_work_orders_v1 import WorkOrder
from contracts.matching_assignments_v1 import CandidatesRanked, JobAssigned, JobOffered, JobUnfilled
from contracts.matching_commands_v1 import AcceptOffer, DeclineOffer, DeclineReason
from contracts.messages import Message
from contracts.replies_v1 import JobExchangeAccepted, Rejected
from contracts.seal import SealError, seal, unseal
from contracts.values import EndCustomer, KindOfWork, OfferPolicy, OwnReference, ResponseTime
from dealers import cast
from dealers.community import Community, today
from dealers.members import Member
from dealers.postings import window_on, working_day
from dealers.wire import Sender
from servicenetz.demonstration.ear import Ear
from servicenetz.demonstration.teller import Teller

BERLIN = ZoneInfo("Europe/Berlin")
CUSTOMER = EndCustomer(
    name="Reederei Nordlicht GmbH",
    contact="Wiebke Matthiesen",
    street="Schiffbrücke 12",
    postcode=cast.PLACE,
    city="Flensburg",
    phone="+49 461 5550142",
    notes="Zufahrt über den Hof. Technikraum im 2. Stock, Schlüssel am Empfang. 24 Telefone, 2 DECT-Zellen.",
)
ESTIMATED = Decimal("6.00")
STATED = Decimal("6.50")
OFFERS_AT_MOST = 12


class StoryFailed(Exception):
    """The story took a turn it should not have taken."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the story leaves behind."""

    posting: JobPosted
    assigned: JobAssigned
    order: WorkOrder
    opened: EndCustomer
    invoice: InvoiceIssued
    self_billed: SelfBilledInvoiceIssued

    @property
    def job_id(self) -> UUID:
        """The story's job."""
        return self.posting.job_id


class Story:
    """Plays all the parts, each with what that part is allowed to know."""

    def __init__(
        self, community: Community, sender: Sender, ear: Ear, sealing_key: Mapping[str, Any], teller: Teller
    ) -> None:
        """`sealing_key`: job-exchange's public JWK."""
        self._community = community
        self._sender = sender
        self._ear = ear
        self._sealing_key = sealing_key
        self._tell = teller
        self._client = community.by_number(cast.CLIENT)

    async def run(self) -> Told:
        """Tell it. Raises NotHeard or StoryFailed."""
        job_id = uuid7()
        posted = await self._post(job_id)
        self._tell.board(posted)
        ranked = await self._ear.about(CandidatesRanked, job_id)
        self._tell.ranked(ranked)
        assigned = await self._offers(job_id)
        self._tell.reasons(assigned, self._community)
        order = await self._ear.about(WorkOrder, job_id)
        opened = self._open(order)
        await self._work(job_id, assigned)
        await self._ear.about(JobSettled, job_id)
        invoice = await self._ear.about(InvoiceIssued, job_id)
        self_billed = await self._ear.about(SelfBilledInvoiceIssued, job_id)
        self._tell.documents(invoice, self_billed, self._client.name, self._name(assigned.contractor_id))
        return Told(posted, assigned, order, opened, invoice, self_billed)

    async def _post(self, job_id: UUID) -> JobPosted:
        command = PostJob(
            job_id=job_id,
            client_id=self._community.id_of(self._client),
            postcode=cast.PLACE,
            kind_of_work=KindOfWork.installation,
            required_certifications=[cast.REQUIRED],
            window=window_on(working_day(today() + timedelta(days=1)), 8, 16),
            estimated_hours=ESTIMATED,
            response_time=ResponseTime.next_business_day,
            highest_zone=self._community.highest_zone(self._client),
            offer_policy=OfferPolicy.sequential,
            own_reference=OwnReference(order_number="2026-0815", cost_centre="MUC-3"),
            summary="Telefonanlage montieren, 24 Teilnehmer",
            end_customer=seal(CUSTOMER.model_dump_json().encode(), self._sealing_key, job_id),
        )
        self._tell.opening(self._client, CUSTOMER, cast.REQUIRED)
        reply = await self._ear.reply(self._say(command, self._client))
        if isinstance(reply, Rejected):
            raise StoryFailed(f"The posting was refused: {reply.code}: {reply.message}")
        if isinstance(reply, JobExchangeAccepted):
            self._tell.prices(reply, ESTIMATED)
        return await self._ear.about(JobPosted, job_id)

    async def _offers(self, job_id: UUID) -> JobAssigned:
        self._tell.step("s4")
        for nth in range(1, OFFERS_AT_MOST):
            offer = await self._ear.either(JobOffered, JobUnfilled, job_id, nth=nth)
            if isinstance(offer, JobUnfilled):
                raise StoryFailed("Nobody was found who may and can.")
            candidate = self._community.member(offer.contractor_id)
            self._tell.offer(offer, self._name(offer.contractor_id))
            if candidate is None or candidate.customer_number != cast.DECLINES:
                self._accept(offer)
                return await self._ear.about(JobAssigned, job_id)
            decline = DeclineOffer(
                job_id=job_id,
                contractor_id=offer.contractor_id,
                offer_id=offer.offer_id,
                reason=DeclineReason.no_capacity,
            )
            self._say(decline, candidate)
            self._tell.say("declines")
        raise StoryFailed("Everybody declined.")

    def _accept(self, offer: JobOffered) -> None:
        accept = AcceptOffer(job_id=offer.job_id, contractor_id=offer.contractor_id, offer_id=offer.offer_id)
        self._sender.put(accept, f"partner:{offer.contractor_id}")
        self._tell.say("accepts")

    def _open(self, order: WorkOrder) -> EndCustomer:
        """With the contractor's key it opens, with another's it does not."""
        contractor = self._community.member(order.contractor_id)
        if contractor is None:
            raise StoryFailed("The job went to a partner who is not of this community.")
        opened = EndCustomer.model_validate_json(unseal(order.end_customer, contractor.key, order.job_id))
        other = self._community.by_number(cast.DECLINES)
        if other == contractor:
            other = self._client
        try:
            unseal(order.end_customer, other.key, order.job_id)
        except SealError as error:
            self._tell.work_order(order, opened, self._client.name, contractor.name)
            self._tell.cannot_open(other.name, str(error), order.end_customer)
            return opened
        raise StoryFailed(f"{other.name} could open a work order that is not his.")

    async def _work(self, job_id: UUID, assigned: JobAssigned) -> None:
        contractor_id = assigned.contractor_id
        now = datetime.now(BERLIN)
        arrival = RecordArrival(
            job_id=job_id, contractor_id=contractor_id, arrived_at=now - timedelta(seconds=1)
        )
        self._sender.put(arrival, f"partner:{contractor_id}")
        await self._ear.about(JobStarted, job_id)
        statement = SubmitStatement(
            job_id=job_id,
            contractor_id=contractor_id,
            statement_id=uuid7(),
            hours=STATED,
            travel_km=14,
            performed_from=now.date(),
            performed_to=now.date(),
            materials=[],
        )
        self._sender.put(statement, f"partner:{contractor_id}")
        stated = await self._ear.about(JobStated, job_id)
        if not stated.within_limits:
            client_id = self._community.id_of(self._client)
            self._say(
                ApproveStatement(job_id=job_id, client_id=client_id, statement_id=stated.statement_id),
                self._client,
            )
        completed = await self._ear.about(JobCompleted, job_id)
        self._tell.done(self._name(contractor_id), STATED, ESTIMATED, completed.approved_by)

    def _say(self, command: Message, member: Member) -> UUID:
        return self._sender.put(command, f"partner:{self._community.id_of(member)}")

    def _name(self, partner_id: UUID) -> str:
        partner = self._community.partners.get(partner_id)
        return str(partner_id) if partner is None else partner.name
