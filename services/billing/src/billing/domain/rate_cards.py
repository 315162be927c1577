"""Rate cards: published, numbered versions of the prices. What is published never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from chassis.decisions import Decision, Rejected, Wake
from contracts.billing_commands_v1 import PublishRateCard
from contracts.billing_rate_cards_v1 import RateCard as RateCardPublished
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.values import KindOfWork, WorkPrice, ZoneTravel

MOST_VERSIONS = 100
"""All versions travel together on the compacted topic; its message has room for so many."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one job costs and earns, net: per hour, and the travel flat rate of its zone."""

    client_per_hour: Decimal
    client_travel: Decimal
    contractor_per_hour: Decimal
    contractor_travel: Decimal


@dataclass(frozen=True, slots=True)
class RateCard:
    """All published versions of a rate card, 1, 2, 3 … in order; at least one."""

    rate_card_id: UUID
    versions: tuple[RateCardVersion, ...]

    def tariff(self, version: int, kind_of_work: KindOfWork, zone: int) -> Tariff | None:
        """The prices of this version for this work from this zone; None when it has none."""
        if not 1 <= version <= len(self.versions):
            return None
        card = self.versions[version - 1]
        work = next((price for price in card.prices if price.kind_of_work == kind_of_work), None)
        travel = next((flat for flat in card.zones if flat.zone == zone), None)
        if work is None or travel is None:
            return None
        return Tariff(
            client_per_hour=work.client_per_hour.amount,
            client_travel=travel.client_flat.amount,
            contractor_per_hour=work.contractor_per_hour.amount,
            contractor_travel=travel.contractor_flat.amount,
        )


def publish(
    card: RateCard | None, command: PublishRateCard, waiting: Sequence[Wake], now: datetime
) -> Decision[RateCard]:
    """Publish the next version. `waiting`: settlements that lack this card and look again now."""
    earlier = card.versions if card else ()
    if command.version != len(earlier) + 1:
        raise Rejected(
            "version-not-next",
            f"The next version of this rate card is {len(earlier) + 1}, not {command.version}.",
            "version",
        )
    if len(earlier) == MOST_VERSIONS:
        raise Rejected(
            "rate-card-full", f"A rate card has at most {MOST_VERSIONS} versions; begin a new one.", "version"
        )
    _check_prices(command.prices)
    _check_zones(command.zones)
    version = RateCardVersion(
        version=command.version,
        valid_from=command.valid_from,
        prices=command.prices,
        zones=command.zones,
        published_at=now,
    )
    published = RateCard(command.rate_card_id, (*earlier, version))
    return Decision(published, [_told(published)], wakes=waiting)


def _told(card: RateCard) -> RateCardPublished:
    newest = card.versions[-1]
    return RateCardPublished(
        rate_card_id=card.rate_card_id,
        version=newest.version,
        valid_from=newest.valid_from,
        prices=newest.prices,
        zones=newest.zones,
        published_at=newest.published_at,
        versions=list(card.versions),
    )


def _check_prices(prices: Sequence[WorkPrice]) -> None:
    kinds = [price.kind_of_work for price in prices]
    if KindOfWork.unknown in kinds:
        raise Rejected("unknown-kind-of-work", "One of the kinds of work is not known here.", "prices")
    if len(set(kinds)) != len(kinds):
        raise Rejected("price-twice", "A kind of work has one price in each version.", "prices")
    for price in prices:
        if not (price.client_per_hour.amount > 0 and price.contractor_per_hour.amount > 0):
            raise Rejected(
                "price-not-positive", f"The hour of {price.kind_of_work.value} costs nothing.", "prices"
            )
        if price.contractor_per_hour.amount > price.client_per_hour.amount:
            raise Rejected(
                "margin-negative",
                f"The contractor would get more for {price.kind_of_work.value} than the client pays.",
                "prices",
            )


def _check_zones(zones: Sequence[ZoneTravel]) -> None:
    """Zones count 1, 2, 3 … outwards. The nearest may be free of charge, so flat rates may be zero."""
    if [zone.zone for zone in zones] != list(range(1, len(zones) + 1)):
        raise Rejected("zones-not-ascending", "Zones are numbered 1, 2, 3 and so on, in this order.", "zones")
    for nearer, farther in pairwise(zones):
        if farther.up_to_km <= nearer.up_to_km:
            raise Rejected(
                "zones-not-ascending",
                f"Zone {farther.zone} does not reach farther than zone {nearer.zone}.",
                "zones",
            )
    for zone in zones:
        if zone.contractor_flat.amount > zone.client_flat.amount:
            raise Rejected(
                "margin-negative",
                f"The contractor would get more for zone {zone.zone} than the client pays.",
                "zones",
            )
