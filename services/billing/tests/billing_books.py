"""What the tests of decisions share: facts, completed work, and taking a decision to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from billing.domain.documents import Document, Frozen
from billing.domain.partners import Contact, Party
from billing.domain.rate_cards import publish
from billing.domain.settlements import Facts, Settlement, Terms
from billing.domain.work import CompletedWork
from billing.translation import completed_work, partner_from
from chassis.decisions import Decision, Numbered
from contracts.values import Address

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
DESK = Contact("Abrechnung", "+49 541 900100", "abrechnung@distribution.example")
DISTRIBUTOR = Party(
    name="Distribution AG",
    address=Address(street="Allee 1", postcode="49074", city="Osnabrück"),
    vat_id="DE999999999",
    tax_number=None,
    customer_number=None,
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
    return outcome.then(numbers or (1,) * len(outcome.ranges))


def frozen(document: Document) -> Frozen:
    """As the store gives it back."""
    import json

    return Frozen(
        kind=document.kind,
        number=document.number,
        partner_id=document.partner_id,
        issued_on=document.issued_on,
        net=document.net,
        vat=document.vat,
        statement_version=document.statement_version,
        data=json.loads(document.text),
    )


class Archive:
    """Counters, documents and books of one test, as the database keeps them."""

    def __init__(self) -> None:
        self.counters: dict[str, Iterator[int]] = {}
        self.documents: list[Document] = []
        self.entries: list[Any] = []

    def take(self, outcome: Any) -> Decision[Settlement]:
        """Give numbers, keep what was issued and booked; the state as it is read back."""
        if isinstance(outcome, Numbered):
            numbers = tuple(next(self.counters.setdefault(name, count(1))) for name in outcome.ranges)
            outcome = outcome.then(numbers)
        assert isinstance(outcome, Decision), outcome
        if outcome.state is not None:
            self.documents.extend(outcome.state.issued)
            self.entries.extend(outcome.state.booked)
            outcome = replace(outcome, state=replace(outcome.state, issued=(), booked=()))
        return outcome

    def facts(self, facts: Facts) -> Facts:
        """The facts, with the documents that may be reversed."""
        return replace(
            facts, documents={one.number: frozen(one) for one in self.documents if one.preceding is None}
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
