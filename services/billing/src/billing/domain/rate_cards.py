"""Rate cards: published, numbered versions of the prices. What is published never changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from chassis.decisions import Decision, Rejected, Wake
from contracts.billing_commands_v1 import PublishRateCard
from contracts.billing_rate_cards_v1 import RateCard as RateCardPublished
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.values import (
    Fee,
    FeeKind,
    KindOfWork,
    Money,
    PriceTerms,
    RequiredCertification,
    ResponseTime,
    SurchargeKind,
    WorkPrice,
    ZoneTravel,
)

MOST_VERSIONS = 100
"""All versions travel together on the compacted topic; its message has room for so many."""
_TERMS = tuple(PriceTerms.model_fields)


@dataclass(frozen=True, slots=True)
class Price:
    """What the client pays and what the contractor gets, in euros net."""

    client: Decimal
    contractor: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one job costs and earns: the hour, the way, and the rest of what this version says."""

    hour: Price
    travel: Price
    terms: RateCardVersion

    def response(self, response_time: ResponseTime) -> Price | None:
        """The flat surcharge for a promised response time, if there is one."""
        for flat in self.terms.response_surcharges:
            if flat.response_time is response_time:
                return _price(flat.client_flat, flat.contractor_flat)
        return None

    def fee(self, kind: FeeKind, hours_of_notice: Decimal | None = None) -> Price | None:
        """The fee of this kind; of several that apply the one for the shortest notice."""
        fitting = [fee for fee in self.terms.fees if fee.kind is kind and _charged(fee, hours_of_notice)]
        nearest = min(fitting, key=lambda fee: fee.under_hours_of_notice or 10**6, default=None)
        return _price(nearest.client_flat, nearest.contractor_flat) if nearest else None


@dataclass(frozen=True, slots=True)
class RateCard:
    """All published versions of a rate card, 1, 2, 3 … in order; at least one."""

    rate_card_id: UUID
    versions: tuple[RateCardVersion, ...]

    def tariff(
        self,
        version: int,
        kind_of_work: KindOfWork,
        zone: int,
        asked: Sequence[RequiredCertification] = (),
    ) -> Tariff | None:
        """The prices of this version for this work from this zone; None when it has none.

        asked: certifications the job asks for; the dearest price of those that it names is the hour's.
        """
        if not 1 <= version <= len(self.versions):
            return None
        card = self.versions[version - 1]
        plain = card.plain(kind_of_work)
        travel = next((flat for flat in card.zones if flat.zone == zone), None)
        if plain is None or travel is None:
            return None
        fitting = (
            price
            for price in card.qualified(kind_of_work)
            if any(price.certification.covers(one) for one in asked)
        )
        hour: WorkPrice = next(fitting, plain)
        return Tariff(
            _price(hour.client_per_hour, hour.contractor_per_hour),
            _price(travel.client_flat, travel.contractor_flat),
            card,
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
    _check_terms(command)
    version = RateCardVersion(
        version=command.version,
        valid_from=command.valid_from,
        prices=command.prices,
        zones=command.zones,
        published_at=now,
        **{name: getattr(command, name) for name in _TERMS},
    )
    published = RateCard(command.rate_card_id, (*earlier, version))
    return Decision(published, [_told(published)], wakes=waiting)


def _told(card: RateCard) -> RateCardPublished:
    newest = card.versions[-1]
    return RateCardPublished(rate_card_id=card.rate_card_id, versions=list(card.versions), **dict(newest))


def _price(client: Money, contractor: Money) -> Price:
    return Price(client.amount, contractor.amount)


def _charged(fee: Fee, hours_of_notice: Decimal | None) -> bool:
    return fee.under_hours_of_notice is None or (
        hours_of_notice is not None and hours_of_notice < fee.under_hours_of_notice
    )


def _check_prices(prices: Sequence[WorkPrice]) -> None:
    kinds = [price.kind_of_work for price in prices]
    if KindOfWork.unknown in kinds:
        raise Rejected("unknown-kind-of-work", "One of the kinds of work is not known here.", "prices")
    if len(set(kinds)) != len(kinds):
        raise Rejected("price-twice", "A kind of work has one price in each version.", "prices")
    for price in prices:
        _check_hour(price, "prices")


def _check_hour(price: WorkPrice, field: str) -> None:
    if not (price.client_per_hour.amount > 0 and price.contractor_per_hour.amount > 0):
        raise Rejected("price-not-positive", f"The hour of {price.kind_of_work.value} costs nothing.", field)
    if price.contractor_per_hour.amount > price.client_per_hour.amount:
        raise Rejected(
            "margin-negative",
            f"The contractor would get more for {price.kind_of_work.value} than the client pays.",
            field,
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
        _check_margin(zone.client_flat, zone.contractor_flat, f"zone {zone.zone}", "zones")


def _check_terms(terms: PriceTerms) -> None:
    """The contractor never gets more than the client pays, and nothing has two prices."""
    if terms.step_minutes % 15:
        raise Rejected("step-not-in-quarters", "The step is a multiple of 15 minutes.", "step_minutes")
    for price in terms.qualified_prices:
        _check_hour(price, "qualified_prices")
    _once("qualified_prices", ((p.kind_of_work, _line(p.certification)) for p in terms.qualified_prices))
    _once("time_surcharges", (one.kind for one in terms.time_surcharges))
    _once("response_surcharges", (one.response_time for one in terms.response_surcharges))
    _once("fees", ((fee.kind, fee.under_hours_of_notice) for fee in terms.fees))
    for surcharge in terms.time_surcharges:
        if surcharge.kind is SurchargeKind.unknown:
            raise Rejected("unknown-value", "One of the surcharges is not known here.", "time_surcharges")
        if surcharge.contractor_percent > surcharge.client_percent:
            raise Rejected(
                "margin-negative",
                f"The contractor would get more percent for {surcharge.kind.value} than the client pays.",
                "time_surcharges",
            )
    for flat in terms.response_surcharges:
        _check_margin(flat.client_flat, flat.contractor_flat, flat.response_time.value, "response_surcharges")
    for fee in terms.fees:
        if fee.kind is FeeKind.unknown:
            raise Rejected("unknown-value", "One of the fees is not known here.", "fees")
        _check_margin(fee.client_flat, fee.contractor_flat, fee.kind.value, "fees")


def _line(certification: RequiredCertification) -> tuple[str, str, int]:
    return certification.manufacturer, certification.product_line, certification.level


def _once(field: str, words: Iterable[object]) -> None:
    listed = list(words)
    if len(set(listed)) != len(listed):
        raise Rejected("price-twice", f"Something stands twice in {field}.", field)


def _check_margin(client: Money, contractor: Money, what: str, field: str) -> None:
    if contractor.amount > client.amount:
        raise Rejected(
            "margin-negative", f"The contractor would get more for {what} than the client pays.", field
        )
