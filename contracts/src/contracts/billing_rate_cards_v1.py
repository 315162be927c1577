"""billing.rate-cards.v1: every published version of every rate card."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import RateCardId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import KindOfWork, PriceTerms, QualifiedPrice, Version, WorkPrice, ZoneTravel
from contracts.wire import Day, Time


class RateCardVersion(PriceTerms):
    """The distributor's prices from a day on. A published version never changes."""

    version: Version
    valid_from: Day
    prices: Annotated[list[WorkPrice], Field(min_length=1, max_length=20)]
    zones: Annotated[list[ZoneTravel], Field(min_length=1, max_length=6)]
    published_at: Time

    def plain(self, work: KindOfWork) -> WorkPrice | None:
        """The hour of this work where nothing is asked for."""
        return next((price for price in self.prices if price.kind_of_work == work), None)

    def qualified(self, work: KindOfWork) -> list[QualifiedPrice]:
        """Prices for this work that go before the plain one: the first that covers what a job asks for is its price.

        The dearest for the client first; what is not dearer than the plain price never counts.
        """
        plain = self.plain(work)
        dearer = [
            price
            for price in self.qualified_prices
            if price.kind_of_work == work
            and plain is not None
            and price.client_per_hour.amount > plain.client_per_hour.amount
        ]
        return sorted(dearer, key=lambda price: price.client_per_hour.amount, reverse=True)


class RateCard(RateCardVersion, Event):
    """A rate card: its newest version, and all published versions, the newest last."""

    TYPE: ClassVar[str] = "billing.RateCard.v1"
    SUBJECT: ClassVar[str] = "rate_card_id"

    rate_card_id: RateCardId
    versions: Annotated[list[RateCardVersion], Field(min_length=1, max_length=100)]


TOPIC = Topic(
    name="billing.rate-cards.v1",
    owner="billing",
    readers=("job-exchange", "matching", "gateway"),
    key="rate card id",
    cleanup="compact",
    retention=None,
    data_class="money",
    messages=(RateCard,),
    versioned=True,
)
