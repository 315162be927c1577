"""The distributor's prices as billing publishes them, and what a job costs the client by travel zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chassis.decisions import Decision
from contracts.values import KindOfWork, Money, ZonePrice


@dataclass(frozen=True, slots=True)
class Tariff:
    """What clients pay by one published version of a rate card, net.

    per_hour: the hour of each kind of work; travel: the flat price of each travel zone.
    """

    rate_card_id: UUID
    version: int
    valid_from: date
    published_at: datetime
    per_hour: Sequence[tuple[KindOfWork, Money]]
    travel: Sequence[tuple[int, Money]]

    def prices_for(self, work: KindOfWork, highest_zone: int) -> list[ZonePrice]:
        """The client's price in each travel zone up to this one; empty when there is none for this work."""
        per_hour = dict(self.per_hour).get(work)
        if per_hour is None:
            return []
        return [
            ZonePrice(zone=zone, per_hour=per_hour, travel=travel)
            for zone, travel in sorted(self.travel, key=lambda pair: pair[0])
            if zone <= highest_zone
        ]


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
