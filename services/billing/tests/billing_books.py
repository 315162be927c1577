"""What the tests share: a story, facts, completed work, and taking a decision to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.domain.documents import Document
from billing.domain.ledger import Entry, balances
from billing.domain.partners import Contact, Party
from billing.domain.rate_cards import publish
from billing.domain.reversals import Frozen
from billing.domain.settlements import Facts, Settlement, Terms
from billing.domain.work import CompletedWork
from billing.translation import completed_work, partner_from
from chassis.decisions import Decision, Numbered
from contracts.billing_commands_v1 import PublishRateCard
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import JobCompleted, Statement, StatementCorrected
from contracts.partner_registry_partners_v1 import Agreement
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import (
    Address,
    AgreementKind,
    CustomerStatus,
    KindOfWork,
    OwnReference,
    RequiredCertification,
    WorkPrice,
    ZoneTravel,
    eur,
)

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
DESK = Contact("Abrechnung", "+49 541 900100", "abrechnung@distribution.example")
DISTRIBUTOR = Party(
    name="Distribution AG",
    address=Address(street="Allee 1", postcode="49074", city="Osnabrück"),
    vat_id="DE999999999",
    tax_number=None,
    customer_number=None,
    registration="HRB 4711 (Osnabrück)",
    electronic_address=("EM", DESK.email),
    contact=DESK,
)
TERMS = Terms(
    distributor=DISTRIBUTOR,
    desk=DESK,
    iban="DE02120300000000202051",
    client_payment_days=14,
    contractor_payment_days=30,
    hold_after=timedelta(seconds=10),
)


def facts_of(story: Any, **card: Any) -> Facts:
    """A rate card and both partners, all of them here."""
    published = publish(None, story.rate_card(1, **card), [], NOW).state
    return Facts(TERMS, published, partner_from(story.client()), partner_from(story.contractor()))


def work_of(story: Any, **fields: Any) -> CompletedWork:
    return completed_work(story.completed(**fields))


def done(outcome: Any, numbers: tuple[int, ...] | None = None) -> Decision[Settlement]:
    """A decision that wants numbers, with these, or with ones."""
    assert isinstance(outcome, Numbered), outcome
    decision: Decision[Settlement] = outcome.then(numbers or (1,) * len(outcome.ranges))
    return decision


def as_stored(state: Settlement) -> Settlement:
    """Without what is written once and never read back."""
    return replace(state, issued=(), booked=(), received=())


class Archive:
    """Counters, documents and books of one test, as the database keeps them."""

    def __init__(self) -> None:
        self.given: dict[str, int] = {}
        self._documents: list[Document] = []
        self._entries: list[Entry] = []
        self._unsaved: dict[UUID, Settlement] = {}

    @property
    def documents(self) -> list[Document]:
        """All that were issued, those of the transaction that is open too."""
        unsaved = [one for state in self._unsaved.values() for one in state.issued]
        return [*self._documents, *sorted(unsaved, key=lambda one: one.running_number)]

    @property
    def entries(self) -> list[Entry]:
        """All that is booked, likewise."""
        return [*self._entries, *(entry for state in self._unsaved.values() for entry in state.booked)]

    def save(self) -> None:
        """The end of a transaction: what the states bring along at its end is kept."""
        self._documents, self._entries = self.documents, self.entries
        self._unsaved = {}

    def take(self, outcome: Any, *, ends: bool = True) -> Any:
        """Give numbers, keep what was issued and booked; the state as it is read back.

        ends: the transaction ends with this decision; if it does not, the next one sees the state as it is now.
        """
        if isinstance(outcome, Numbered):
            outcome = outcome.then(tuple(self._next(name) for name in outcome.ranges))
        assert isinstance(outcome, Decision), outcome
        if outcome.state is not None:
            self._unsaved[outcome.state.work.job_id] = outcome.state
            if ends:
                self.save()
                outcome = replace(outcome, state=as_stored(outcome.state))
        return outcome

    def _next(self, name: str) -> int:
        self.given[name] = self.given.get(name, 0) + 1
        return self.given[name]

    def forget(self, given: dict[str, int], documents: int, entries: int) -> None:
        """A crash: what came after this is gone."""
        self.given = dict(given)
        del self._documents[documents:]
        del self._entries[entries:]

    def balances(self) -> dict[str, Decimal]:
        """What each account sums to."""
        return balances(self.entries)

    def facts(self, facts: Facts) -> Facts:
        """The facts, with the documents that may be reversed."""
        return replace(
            facts, documents={one.number: Frozen.of(one) for one in self.documents if one.preceding is None}
        )

    def balance(self, kind: str) -> Decimal:
        """What all accounts of a kind sum to."""
        return sum(
            (
                posting.amount
                for entry in self.entries
                for posting in entry.postings
                if posting.account.split("/")[0] == kind
            ),
            Decimal(0),
        )


@dataclass(frozen=True)
class Story:
    """One job's ids and prices, and the messages about it. Each test gets its own."""

    rate_card_id: UUID
    client_id: UUID
    contractor_id: UUID
    job_id: UUID

    def rate_card(self, version: int = 1, **fields: Any) -> PublishRateCard:
        """Client 95.00 and contractor 78.50 an hour, zones 29/24 and 59/49, unless told otherwise."""
        client, contractor = fields.pop("client", "95.00"), fields.pop("contractor", "78.50")
        return PublishRateCard(
            rate_card_id=self.rate_card_id,
            version=version,
            valid_from=date(2026, 1, 1),
            prices=[
                WorkPrice(kind_of_work=kind, client_per_hour=eur(client), contractor_per_hour=eur(contractor))
                for kind in (KindOfWork.installation, KindOfWork.service)
            ],
            zones=[
                ZoneTravel(zone=1, up_to_km=30, client_flat=eur("29.00"), contractor_flat=eur("24.00")),
                ZoneTravel(zone=2, up_to_km=80, client_flat=eur("59.00"), contractor_flat=eur("49.00")),
            ],
            **fields,
        )

    def client(self, **fields: Any) -> PartnerPublished:
        return _partner(self.client_id, **({"name": "Bürotechnik Huber GmbH"} | fields))

    def contractor(self, *, self_billing: bool = True, **fields: Any) -> PartnerPublished:
        agreement = Agreement(
            kind=AgreementKind.contractor,
            valid_from=date(2026, 1, 1),
            self_billing_agreed=self_billing,
            auto_approve_percent_over=0,
            highest_travel_zone=6,
        )
        return _partner(
            self.contractor_id, **({"name": "Systemhaus Förde KG", "agreements": [agreement]} | fields)
        )

    def completed(self, **fields: Any) -> JobCompleted:
        """3.5 hours of installation in Flensburg, zone 2."""
        statement = Statement(
            statement_id=uuid7(),
            version=fields.pop("version", 1),
            hours=fields.pop("hours", Decimal("3.50")),
            travel_km=64,
            performed_from=fields.pop("performed_from", date(2026, 3, 3)),
            performed_to=fields.pop("performed_to", date(2026, 3, 4)),
            materials=[],
            worked=fields.pop("worked", []),
            nobody_there=fields.pop("nobody_there", False),
        )
        chosen: dict[str, Any] = {
            "job_id": self.job_id,
            "job_number": job_number(self.job_id),
            "client_id": self.client_id,
            "contractor_id": self.contractor_id,
            "postcode": "24937",
            "kind_of_work": KindOfWork.installation,
            "required_certifications": [
                RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2)
            ],
            "statement": statement,
            "travel_zone": 2,
            "rate_card_id": self.rate_card_id,
            "rate_card_version": 1,
            "own_reference": OwnReference(order_number="B-4711", cost_centre="KST-7"),
            "approved_by": "client",
            "completed_at": datetime(2026, 3, 4, 16, tzinfo=UTC),
        }
        return JobCompleted(**(chosen | fields))

    def corrected(self, version: int = 2, **fields: Any) -> StatementCorrected:
        """A later version of the statement: three hours, unless told otherwise."""
        told = self.completed(version=version, **({"hours": Decimal("3.00")} | fields))
        return StatementCorrected(**dict(told))

    def another_job(self) -> Story:
        """The same partners and prices, another job."""
        return replace(self, job_id=uuid7())


def _partner(partner_id: UUID, **fields: Any) -> PartnerPublished:
    chosen: dict[str, Any] = {
        "partner_id": partner_id,
        "customer_number": "K-1000",
        "name": "Fachhandel",
        "address": Address(street="Hauptstraße 5", postcode="80331", city="München"),
        "language": "de",
        "customer_status": CustomerStatus.active,
        "vat_id": "DE123456789",
        "agreements": [],
        "certifications": [],
        "suspended": False,
        "excluded_partner_ids": [],
    }
    return PartnerPublished(**(chosen | fields))
