"""Posting a job: the price in the reply, every refusal with its word, and taking it back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from job_exchange_stories import CONTRACTOR_KEY, NOW, Exchange, Story

from chassis.decisions import Decision, Rejected, Waiting
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import CancelJob, CancelReason, PostJob
from contracts.job_exchange_jobs_v1 import JobCancelled, JobPosted, WorkOrderTakenBack
from contracts.partner_registry_partners_v1 import Agreement
from contracts.seal import public, seal
from contracts.values import (
    AgreementKind,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    QualifiedPrice,
    RequiredCertification,
    ResponseSurcharge,
    ResponseTime,
    eur,
)
from job_exchange.domain.job import Status
from job_exchange.domain.rate_cards import RateCard
from job_exchange.inbound import _tariff
from job_exchange.store import _rate_card, _write_rate_card


def refusal(exchange: Exchange, command: Any, now: datetime = NOW) -> tuple[str, str | None]:
    told = len(exchange.told)
    with pytest.raises(Rejected) as refused:
        exchange.tell(command, now)
    assert len(exchange.told) == told
    return refused.value.code, refused.value.field


def agreement(**fields: Any) -> Agreement:
    chosen: dict[str, Any] = {
        "kind": AgreementKind.client,
        "valid_from": date(2020, 1, 1),
        "self_billing_agreed": False,
        "auto_approve_percent_over": 20,
        "highest_travel_zone": 4,
    }
    return Agreement(**(chosen | fields))


def test_the_reply_has_the_number_and_the_price_up_to_the_highest_zone(
    exchange: Exchange, story: Story
) -> None:
    decision = exchange.tell(story.post(highest_zone=3), NOW)
    assert isinstance(decision, Decision)
    assert decision.reply["job_number"] == job_number(story.job_id)
    prices = decision.reply["price_by_zone"]
    assert isinstance(prices, list)
    assert [(price.zone, price.per_hour.amount, price.travel.amount) for price in prices] == [
        (1, Decimal("95.00"), Decimal("29.00")),
        (2, Decimal("95.00"), Decimal("59.00")),
        (3, Decimal("95.00"), Decimal("99.00")),
    ]


TERMS: dict[str, Any] = {
    "minimum_hours": Decimal("2.00"),
    "step_minutes": 30,
    "qualified_prices": [
        QualifiedPrice(
            kind_of_work=KindOfWork.installation,
            client_per_hour=eur(price),
            contractor_per_hour=eur("90.00"),
            certification=RequiredCertification(manufacturer="Agfeo", product_line="ES", level=level),
        )
        for level, price in ((1, "110.00"), (3, "120.00"), (2, "90.00"))
    ],
    "response_surcharges": [
        ResponseSurcharge(
            response_time=ResponseTime.four_hours, client_flat=eur("80.00"), contractor_flat=eur("60.00")
        )
    ],
}


@pytest.mark.parametrize(
    ("level", "hours", "billed", "per_hour", "total"),
    [
        (3, "2.25", "2.50", "120.00", "409.00"),
        (2, "0.50", "2.00", "110.00", "329.00"),
        (None, "3.00", "3.00", "95.00", "394.00"),
    ],
)
def test_the_price_is_that_of_the_certification_with_minimum_step_and_promised_time(
    story: Story, level: int | None, hours: str, billed: str, per_hour: str, total: str
) -> None:
    exchange = Exchange()
    card = story.rate_card()
    version = card.versions[0].model_copy(update=TERMS)
    exchange.know(story.client(), card.model_copy(update=TERMS | {"versions": [version]}))
    asked = [RequiredCertification(manufacturer="Agfeo", product_line="ES", level=level)] if level else []
    decision = exchange.tell(
        story.post(
            required_certifications=asked,
            estimated_hours=Decimal(hours),
            response_time=ResponseTime.four_hours,
            kind_of_work=KindOfWork.installation,
            highest_zone=1,
        ),
        NOW,
    )
    assert isinstance(decision, Decision)
    prices: Any = decision.reply["price_by_zone"]
    (price,) = prices
    assert (price.per_hour, price.estimated_total) == (eur(per_hour), eur(total))
    assert (price.response_surcharge, price.billed_hours) == (eur("80.00"), Decimal(billed))


def test_no_price_is_lost_on_its_way_through_the_database(story: Story) -> None:
    version = story.rate_card().versions[0].model_copy(update=TERMS)
    tariff = _tariff(story.rate_card_id, version)
    assert all(getattr(tariff, one.name) for one in fields(tariff))
    card = RateCard(story.rate_card_id, (tariff,))
    rate_card_id, stored = _write_rate_card(card)
    assert _rate_card(rate_card_id, json.loads(stored)) == card


def test_the_event_carries_what_was_posted_and_the_tariff_in_force(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    (posted,) = exchange.events(JobPosted)
    asked = story.post().model_dump(exclude={"end_customer"})
    assert posted.model_dump().items() >= asked.items()
    assert (posted.rate_card_id, posted.rate_card_version) == (story.rate_card_id, 1)
    assert (posted.client_group, posted.posted_at) == ("huber", NOW)


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a window that has begun": ({"window": -timedelta(hours=1)}, ("window-in-past", "window.starts_at")),
    "a window that begins now": ({"window": timedelta(0)}, ("window-in-past", "window.starts_at")),
    "a window in two years": ({"window": timedelta(days=366)}, ("window-too-far", "window.starts_at")),
    "a postcode nobody has": ({"postcode": "00000"}, ("unknown-postcode", "postcode")),
    "a zone beyond the agreement": ({"highest_zone": 5}, ("zone-not-agreed", "highest_zone")),
    "work without a price": ({"kind_of_work": KindOfWork.dismantling}, ("no-price", "kind_of_work")),
    "a newer kind of work": ({"kind_of_work": KindOfWork.unknown}, ("unknown-word", "kind_of_work")),
    "a newer response time": ({"response_time": ResponseTime.unknown}, ("unknown-word", "response_time")),
    "a newer offer policy": ({"offer_policy": OfferPolicy.unknown}, ("unknown-word", "offer_policy")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_well_formed_but_not_allowed_is_refused(case: str, exchange: Exchange, story: Story) -> None:
    fields, expected = REFUSED[case]
    if "window" in fields:
        fields = {"window": story.window(fields["window"])}
    assert refusal(exchange, story.post(**fields)) == expected


BLOCKED: dict[str, tuple[dict[str, Any], str]] = {
    "blocked": ({"customer_status": CustomerStatus.blocked}, "customer-blocked"),
    "ended": ({"customer_status": CustomerStatus.ended}, "customer-blocked"),
    "a status we do not know": ({"customer_status": CustomerStatus.unknown}, "customer-blocked"),
    "suspended": ({"suspended": True}, "customer-blocked"),
    "no agreement": ({"agreements": []}, "no-client-agreement"),
    "only one as contractor": (
        {"agreements": [agreement(kind=AgreementKind.contractor)]},
        "no-client-agreement",
    ),
    "ended yesterday": ({"agreements": [agreement(valid_until=date(2026, 3, 2))]}, "no-client-agreement"),
    "begins tomorrow": ({"agreements": [agreement(valid_from=date(2026, 3, 4))]}, "no-client-agreement"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_who_may_not_post_is_told_why(case: str, exchange: Exchange, story: Story) -> None:
    fields, code = BLOCKED[case]
    exchange.know(story.client(**fields))
    assert refusal(exchange, story.post()) == (code, "client_id")


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (datetime(2026, 3, 3, 22, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 3, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 3, 21, 59, tzinfo=UTC), True),
        (datetime(2026, 7, 3, 22, 0, tzinfo=UTC), False),
    ],
    ids=["winter, last minute", "winter, next day", "summer, last minute", "summer, next day"],
)
def test_an_agreement_ends_with_its_day_in_germany(now: datetime, allowed: bool) -> None:
    story, exchange = Story(now), Exchange()
    last = date(now.year, now.month, 3)
    exchange.know(story.client(agreements=[agreement(valid_until=last)]), Story(NOW).rate_card())
    if allowed:
        assert isinstance(exchange.tell(story.post(), now), Decision)
    else:
        assert refusal(exchange, story.post(), now) == ("no-client-agreement", "client_id")


def test_an_unknown_partner_is_waited_for_then_refused(exchange: Exchange, story: Story) -> None:
    stranger = uuid7()
    waiting = exchange.tell(story.post(client_id=stranger), NOW)
    assert isinstance(waiting, Waiting)
    assert (waiting.for_, waiting.patience) == (f"partner/{stranger}", timedelta(seconds=5))
    assert isinstance(waiting.otherwise, Rejected)
    assert (waiting.otherwise.code, waiting.otherwise.field) == ("unknown-partner", "client_id")


def test_without_a_rate_card_it_waits_then_there_is_no_price(story: Story) -> None:
    exchange = Exchange()
    exchange.know(story.client())
    waiting = exchange.tell(story.post(), NOW)
    assert isinstance(waiting, Waiting)
    assert isinstance(waiting.otherwise, Rejected)
    assert waiting.otherwise.code == "no-price"


def test_an_id_is_used_once_even_by_somebody_else(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    before = exchange.job(story.job_id)
    assert refusal(exchange, story.post()) == ("job-exists", "job_id")
    assert refusal(exchange, story.post(client_id=uuid7())) == ("job-exists", "job_id")
    assert exchange.job(story.job_id) is before


def unreadable(story: Story, how: str) -> PostJob:
    match how:
        case "to another key":
            sealed = seal(b"{}", public(CONTRACTOR_KEY), story.job_id)
        case "for another job":
            sealed = story.sealed(job_id=uuid7())
        case "not an end customer":
            sealed = story.sealed(plaintext=b'{"name": "nobody"}')
        case _:
            head, key, nonce, text, tag = story.sealed().split(".")
            sealed = ".".join((head, key, nonce, text, tag[::-1]))
    return story.post(end_customer=sealed)


@pytest.mark.parametrize("how", ["to another key", "for another job", "not an end customer", "tampered with"])
def test_what_does_not_open_is_refused(how: str, exchange: Exchange, story: Story) -> None:
    assert refusal(exchange, unreadable(story, how)) == ("sealed-unreadable", "end_customer")


# -- taking it back --------------------------------------------------------------------------------------


def cancel(story: Story, **fields: Any) -> CancelJob:
    chosen: dict[str, Any] = {
        "job_id": story.job_id,
        "client_id": story.client_id,
        "reason": CancelReason.customer_withdrew,
    }
    return CancelJob(**(chosen | fields))


def test_a_job_on_the_board_is_taken_back(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(cancel(story), NOW)
    (cancelled,) = exchange.events(JobCancelled)
    assert (cancelled.client_id, cancelled.contractor_id) == (story.client_id, None)
    assert exchange.work_orders == []
    assert refusal(exchange, cancel(story)) == ("already-cancelled", "job_id")


def test_with_the_job_goes_the_work_order(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(cancel(story), NOW)
    assert exchange.events(JobCancelled)[0].contractor_id == story.contractor_id
    assert exchange.events(WorkOrderTakenBack)[0].contractor_id == story.contractor_id
    assert exchange.work_orders[-1] is None
    exchange.tell(story.assigned(), NOW)
    assert exchange.job(story.job_id).status is Status.cancelled
    assert exchange.work_orders[-1] is None


def test_nobody_else_takes_it_back_and_nobody_once_it_began(exchange: Exchange, story: Story) -> None:
    assert refusal(exchange, cancel(story)) == ("unknown-job", "job_id")
    exchange.tell(story.post(), NOW)
    assert refusal(exchange, cancel(story, client_id=uuid7())) == ("not-your-job", "client_id")
    exchange.tell(story.assigned(), NOW)
    exchange.tell(story.arrival(), NOW)
    assert refusal(exchange, cancel(story)) == ("already-started", "job_id")
