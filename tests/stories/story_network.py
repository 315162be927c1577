"""What people do in a story: a few dealers, by the topics alone."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from chassis.testing.network import Outside
from contracts import (
    billing_commands_v1,
    billing_settlements_v1,
    catalogue,
    job_exchange_commands_v1,
    job_exchange_jobs_v1,
    matching_assignments_v1,
    matching_commands_v1,
    partner_registry_commands_v1,
    partner_registry_notifications_v1,
    partner_registry_partners_v1,
)
from contracts.ids import uuid7
from contracts.messages import Message
from contracts.seal import new_key, seal
from contracts.values import (
    Address,
    AgreementKind,
    CustomerStatus,
    KindOfWork,
    NoticeKind,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
    WorkPrice,
    ZoneTravel,
    eur,
)
from servicenetz.stack import Stack

DISTRIBUTOR = "distributor:office"
END_CUSTOMER = {
    "name": "Kanzlei Meeresblick-Marker", "contact": "Frau Marker", "street": "Markerweg 7", "postcode": "24937",
    "city": "Flensburg", "phone": "0461 4711815", "email": None, "notes": "Schlüssel bei Marker",
}  # fmt: skip
MARKERS = ("Meeresblick-Marker", "4711815", "Markerweg 7")

registry = partner_registry_commands_v1
exchange = job_exchange_commands_v1


class Dealer:
    """A partner: his id and the key his work orders are sealed to."""

    def __init__(self) -> None:
        self.partner_id = uuid7()
        self.key = new_key(f"dealer-{self.partner_id}")

    @property
    def actor(self) -> str:
        return f"partner:{self.partner_id}"


class Network:
    """What people do in a story, by the topics alone."""

    def __init__(self, stack: Stack, outside: Outside) -> None:
        self.stack = stack
        self.outside = outside
        self._sealing_key = json.loads(stack.sealing_public_key.read_text(encoding="utf-8"))
        self._sent: dict[tuple[UUID, type[Message]], tuple[Message, str, UUID]] = {}

    async def send(self, message: Message, actor: str) -> UUID:
        """Send a command, remembered as the last of its kind about its subject."""
        message_id = await self.outside.send(message, actor=actor)
        self._sent[(UUID(message.subject), type(message))] = (message, actor, message_id)
        return message_id

    async def ask(self, message: Message, actor: str) -> Any:
        """Send a command and return the reply."""
        topic = catalogue.replies_of(catalogue.topic_of(type(message)).owner)
        return await self.outside.reply_to(await self.send(message, actor), topic)

    async def repeat_last(self, kind: type[Message], *, of: UUID, times: int) -> None:
        """Send it again: with the same id, as a client that did not hear the reply would."""
        message, actor, message_id = self._sent[(of, kind)]
        for _ in range(times):
            await self.outside.send(message, actor=actor, message_id=message_id)

    # -- who takes part -----------------------------------------------------------------------------------------------

    async def dealer(
        self, postcode: str, *, contractor: bool = True, certified: bool = True, standing_offer: bool = False
    ) -> Dealer:
        """A dealer with both agreements; as contractor insured, certified and available within 60 km."""
        dealer = Dealer()
        today = datetime.now(UTC).date()
        about = {"partner_id": dealer.partner_id}
        commands: list[tuple[Message, str]] = [
            (registry.RegisterPartner(
                **about, customer_number=f"S{dealer.partner_id.hex[-12:].upper()}", name="Telefonbau Muster GmbH",
                address=Address(street="Hauptstraße 1", postcode=postcode, city="Ort"),
                email="muster@example.org", language="de", customer_status=CustomerStatus.active, group=None,
                vat_id=None, tax_number="15/123/45678", certifications=[],
            ), DISTRIBUTOR),
            *[(registry.SignAgreement(
                **about, kind=kind, valid_from=today, valid_until=None, self_billing_agreed=True,
                auto_approve_percent_over=10, highest_travel_zone=6,
            ), DISTRIBUTOR) for kind in (AgreementKind.client, AgreementKind.contractor)],
            (registry.SetSealingKey(**about, public_key=_jwk(dealer)), dealer.actor),
        ]  # fmt: skip
        if certified:
            commands.append(
                (registry.RecordCertification(**about, certification=_certification(today)), DISTRIBUTOR)
            )
        if contractor:
            commands.append((insurance(dealer, today + timedelta(days=300)), DISTRIBUTOR))
            commands.append((availability(dealer, standing_offer=standing_offer), dealer.actor))
        for message, actor in commands:
            reply = await self.ask(message, actor)
            assert reply.TYPE.endswith("CommandAccepted.v1"), reply
        await self.outside.message(
            partner_registry_partners_v1.Partner,
            dealer.partner_id,
            nth=len(commands) - (1 if contractor else 0),
        )
        return dealer

    # -- a job's life -------------------------------------------------------------------------------------------------

    def posting(self, client: Dealer, postcode: str = "24937", **changed: Any) -> exchange.PostJob:
        """A job for the day after tomorrow, four hours, certification needed."""
        job_id = uuid7()
        starts = (datetime.now(UTC) + timedelta(days=2)).replace(hour=8, minute=0, second=0, microsecond=0)
        fields: dict[str, Any] = {
            "job_id": job_id, "client_id": client.partner_id, "postcode": postcode,
            "kind_of_work": KindOfWork.installation,
            "required_certifications": [
                RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2)
            ],
            "window": Window(starts_at=starts, ends_at=starts + timedelta(hours=6)), "estimated_hours": Decimal(4),
            "response_time": ResponseTime.scheduled, "insurance_sum": None, "highest_zone": 6,
            "offer_policy": OfferPolicy.sequential,
            "own_reference": OwnReference(order_number="AB-1", cost_centre="KST-7"),
            "summary": "Telefonanlage, 12 Nebenstellen",
            "end_customer": seal(json.dumps(END_CUSTOMER).encode(), self._sealing_key, job_id),
        }  # fmt: skip
        return exchange.PostJob(**(fields | changed))

    async def assigned(
        self, client: Dealer, contractor: Dealer, posting: exchange.PostJob | None = None
    ) -> UUID:
        """A job that this contractor was offered and has accepted."""
        posting = posting or self.posting(client)
        reply = await self.ask(posting, client.actor)
        assert reply.TYPE == "job-exchange.CommandAccepted.v1", reply
        offer = await self.outside.message(matching_assignments_v1.JobOffered, posting.job_id)
        assert offer.contractor_id == contractor.partner_id
        await self.accept(offer, contractor)
        await self.outside.message(job_exchange_jobs_v1.WorkOrderReleased, posting.job_id)
        return posting.job_id

    async def accept(self, offer: matching_assignments_v1.JobOffered, contractor: Dealer) -> Any:
        """The contractor says yes."""
        accept = matching_commands_v1.AcceptOffer(
            job_id=offer.job_id, contractor_id=contractor.partner_id, offer_id=offer.offer_id
        )
        return await self.ask(accept, contractor.actor)

    async def completed(
        self, job: UUID, contractor: Dealer, *, hours: str = "3.5", travel_km: int = 80
    ) -> None:
        """The contractor arrives and sends a statement within the limits."""
        arrival = exchange.RecordArrival(
            job_id=job, contractor_id=contractor.partner_id, arrived_at=datetime.now(UTC)
        )
        await self.ask(arrival, contractor.actor)
        await self.ask(statement(job, contractor, hours, travel_km), contractor.actor)
        await self.outside.message(job_exchange_jobs_v1.JobCompleted, job)

    async def settled(self, job: UUID) -> None:
        """Billing has issued both documents."""
        await self.outside.message(billing_settlements_v1.JobSettled, job)

    def told(self, job: UUID) -> set[NoticeKind]:
        """The kinds of letters about a job so far."""
        letters = self.outside.messages(partner_registry_notifications_v1.NotificationSent)
        return {letter.notice for letter in letters if letter.job_id == job}

    def documents(self, job: UUID) -> list[str]:
        """The kinds of documents in the books."""
        with psycopg.connect(self.stack.database_url("billing", "postgresql")) as db:
            rows = db.execute("SELECT kind FROM documents WHERE job_id = %s ORDER BY kind", (job,))
            return [kind for (kind,) in rows]


def statement(job: UUID, contractor: Dealer, hours: str, travel_km: int = 80) -> exchange.SubmitStatement:
    """A statement about today."""
    today = datetime.now(UTC).date()
    return exchange.SubmitStatement(
        job_id=job, contractor_id=contractor.partner_id, statement_id=uuid7(), hours=Decimal(hours),
        travel_km=travel_km, performed_from=today, performed_to=today, materials=[], proof_sha256=None,
    )  # fmt: skip


def insurance(dealer: Dealer, until: date) -> registry.RecordLiabilityInsurance:
    """A liability insurance of three million euros through a day."""
    return registry.RecordLiabilityInsurance(
        partner_id=dealer.partner_id, insurer="Muster Versicherung", policy_number="M-1",
        sum_insured=eur(3_000_000), valid_from=datetime.now(UTC).date() - timedelta(days=1), valid_until=until,
    )  # fmt: skip


def availability(
    dealer: Dealer, *, standing_offer: bool = False, hours: int = 40
) -> registry.SetAvailability:
    """Installations within 60 km."""
    return registry.SetAvailability(
        partner_id=dealer.partner_id, radius_km=60, nationwide=False, weekly_hours=Decimal(hours),
        kinds_of_work=[KindOfWork.installation], response_times=[ResponseTime.scheduled],
        standing_offer=standing_offer,
    )  # fmt: skip


def _certification(today: date) -> Any:
    return {
        "manufacturer": "Unify", "product_line": "OpenScape", "level": 3, "valid_until": today + timedelta(days=300)
    }  # fmt: skip


def _jwk(dealer: Dealer) -> Any:
    return {name: dealer.key[name] for name in ("kty", "crv", "x", "kid")}


def rate_card() -> billing_commands_v1.PublishRateCard:
    """The distributor's prices."""
    prices = [
        WorkPrice(
            kind_of_work=KindOfWork.installation,
            client_per_hour=eur("92.00"),
            contractor_per_hour=eur("74.00"),
        )
    ]
    zones = [
        ZoneTravel(zone=zone, up_to_km=km, client_flat=eur(20 * zone), contractor_flat=eur(16 * zone))
        for zone, km in enumerate((25, 50, 100, 200, 400, 1500), start=1)
    ]
    return billing_commands_v1.PublishRateCard(
        rate_card_id=uuid7(), version=1, valid_from=date(2026, 1, 1), prices=prices, zones=zones
    )
