"""The distributor's prices as billing publishes them, and what a job costs the client by travel zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID

from chassis.decisions import Decision
from contracts.values import (
    KindOfWork,
    Money,
    RequiredCertification,
    ResponseTime,
    VisitTerms,
    ZonePrice,
    eur,
)

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is priced by, before it is done."""

    work: KindOfWork
    certifications: Sequence[RequiredCertification]
    hours: Decimal
    response_time: ResponseTime


@dataclass(frozen=True, slots=True)
class Tariff:
    """What clients pay by one published version of a rate card, net.

    per_hour: the hour of each kind of work; qualified: those that go before it where a job asks for the
    certification, the first that fits; travel: the flat price of each travel zone; response: of promised times.
    """

    rate_card_id: UUID
    version: int
    valid_from: date
    published_at: datetime
    per_hour: Sequence[tuple[KindOfWork, Money]]
    travel: Sequence[tuple[int, Money]]
    qualified: Sequence[tuple[KindOfWork, RequiredCertification, Money]] = ()
    response: Sequence[tuple[ResponseTime, Money]] = ()
    visit: VisitTerms = field(default_factory=VisitTerms)

    def prices_for(self, asked: Asked, highest_zone: int) -> list[ZonePrice]:
        """The client's price in each travel zone up to this one; empty when there is none for this work.

        Without surcharges for the time of day: when it is worked is known when it was.
        """
        per_hour = self._hour(asked)
        if per_hour is None:
            return []
        hours = self.visit.billed_hours(asked.hours)
        work = (per_hour.amount * hours).quantize(CENT, ROUND_HALF_UP)
        response = dict(self.response).get(asked.response_time)
        flat = response.amount if response else Decimal(0)
        return [
            ZonePrice(
                zone=zone,
                per_hour=per_hour,
                travel=travel,
                billed_hours=hours,
                response_surcharge=response,
                estimated_total=eur(work + travel.amount + flat),
            )
            for zone, travel in sorted(self.travel, key=lambda pair: pair[0])
            if zone <= highest_zone
        ]

    def _hour(self, asked: Asked) -> Money | None:
        fitting = (
            price
            for work, certification, price in self.qualified
            if work is asked.work and any(certification.covers(one) for one in asked.certifications)
        )
        return next(fitting, dict(self.per_hour).get(asked.work))


@dataclass(frozen=True, slots=True)
class RateCard:
    """A rate card: all its published versions, the newest last."""

    rate_card_id: UUID
    tariffs: Sequence[Tariff]


def keep(card: RateCard) -> Decision[RateCard]:
    """Billing publishes a rate card with its whole history: the newest replaces what was known."""
    return Decision(card)


def tariff_on(cards: Iterable[RateCard], day: date) -> Tariff | None:
    """The tariff in force on this day: the one whose validity began last; of those the last published."""
    begun = [tariff for card in cards for tariff in card.tariffs if tariff.valid_from <= day]
    return max(begun, key=lambda tariff: (tariff.valid_from, tariff.published_at), default=None)


def tariff_of(cards: Iterable[RateCard], rate_card_id: UUID, version: int) -> Tariff | None:
    """The tariff that a job was posted under."""
    return next(
        (
            tariff
            for card in cards
            if card.rate_card_id == rate_card_id
            for tariff in card.tariffs
            if tariff.version == version
        ),
        None,
    )
