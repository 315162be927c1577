"""Publishing prices, and what a job costs by them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.rate_cards import MOST_VERSIONS, RateCard, publish
from chassis.decisions import Rejected, Wake
from contracts.billing_rate_cards_v1 import RateCard as RateCardPublished
from contracts.values import KindOfWork, WorkPrice, ZoneTravel, eur

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def _zone(zone: int, up_to_km: int, client: str = "29.00", contractor: str = "24.00") -> ZoneTravel:
    return ZoneTravel(zone=zone, up_to_km=up_to_km, client_flat=eur(client), contractor_flat=eur(contractor))


def _price(client: str, contractor: str, kind: KindOfWork = KindOfWork.service) -> WorkPrice:
    return WorkPrice(kind_of_work=kind, client_per_hour=eur(client), contractor_per_hour=eur(contractor))


def test_each_version_is_published_with_all_before_it(story: Any) -> None:
    first = publish(None, story.rate_card(1), [], NOW)
    second = publish(first.state, story.rate_card(2, client="99.00"), [], NOW)

    (told,) = second.events
    assert isinstance(told, RateCardPublished)
    assert told.version == 2
    assert [version.version for version in told.versions] == [1, 2]
    assert [version.prices[0].client_per_hour for version in told.versions] == [eur("95.00"), eur("99.00")]


def test_an_old_version_keeps_its_price(story: Any) -> None:
    card = publish(None, story.rate_card(1), [], NOW).state
    card = publish(card, story.rate_card(2, client="99.00"), [], NOW).state

    old = card.tariff(1, KindOfWork.installation, 2)
    new = card.tariff(2, KindOfWork.installation, 2)
    assert old is not None
    assert new is not None
    assert (old.hour.client, new.hour.client) == (Decimal("95.00"), Decimal("99.00"))


@pytest.mark.parametrize(
    ("version", "kind", "zone"),
    [
        (2, KindOfWork.installation, 1),
        (0, KindOfWork.installation, 1),
        (1, KindOfWork.dismantling, 1),
        (1, KindOfWork.unknown, 1),
        (1, KindOfWork.installation, 3),
    ],
)
def test_what_is_not_on_the_card_has_no_price(story: Any, version: int, kind: KindOfWork, zone: int) -> None:
    assert publish(None, story.rate_card(1), [], NOW).state.tariff(version, kind, zone) is None


@pytest.mark.parametrize("version", [1, 3, 7])
def test_the_version_must_be_the_next(story: Any, version: int) -> None:
    card = publish(None, story.rate_card(1), [], NOW).state
    with pytest.raises(Rejected, match="version-not-next") as refusal:
        publish(card, story.rate_card(version), [], NOW)
    assert refusal.value.field == "version"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"zones": [_zone(2, 30)]}, "zones-not-ascending"),
        ({"zones": [_zone(2, 80), _zone(1, 30)]}, "zones-not-ascending"),
        ({"zones": [_zone(1, 30), _zone(1, 80)]}, "zones-not-ascending"),
        ({"zones": [_zone(1, 30), _zone(2, 30)]}, "zones-not-ascending"),
        ({"zones": [_zone(1, 80), _zone(2, 30)]}, "zones-not-ascending"),
        ({"zones": [_zone(1, 30, client="24.00", contractor="24.01")]}, "margin-negative"),
        ({"prices": [_price("78.49", "78.50")]}, "margin-negative"),
        ({"prices": [_price("0.00", "0.00")]}, "price-not-positive"),
        ({"prices": [_price("95.00", "0.00")]}, "price-not-positive"),
        ({"prices": [_price("95.00", "78.50"), _price("99.00", "78.50")]}, "price-twice"),
        ({"prices": [_price("95.00", "78.50", KindOfWork.unknown)]}, "unknown-kind-of-work"),
    ],
)
def test_prices_that_make_no_sense_are_refused(story: Any, change: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected, match=code) as refusal:
        publish(None, story.rate_card(1).model_copy(update=change), [], NOW)
    assert refusal.value.field in change


def test_the_nearest_zone_may_be_free_and_no_margin_is_a_margin(story: Any) -> None:
    change = {"zones": [_zone(1, 30, "0.00", "0.00")], "prices": [_price("78.50", "78.50")]}
    assert publish(None, story.rate_card(1).model_copy(update=change), [], NOW).state.versions


def test_a_full_card_is_refused_before_its_message_would_not_fit(story: Any) -> None:
    one = publish(None, story.rate_card(1), [], NOW).state.versions[0]
    full = RateCard(story.rate_card_id, (one,) * MOST_VERSIONS)
    with pytest.raises(Rejected, match="rate-card-full"):
        publish(full, story.rate_card(MOST_VERSIONS + 1), [], NOW)


def test_settlements_that_wait_for_the_card_are_woken(story: Any) -> None:
    wake = Wake("settlement", str(story.job_id), "look-again")
    assert publish(None, story.rate_card(1), [wake], NOW).wakes == [wake]
