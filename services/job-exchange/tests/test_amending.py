"""Amending a job: what holds afterwards, what is told, the new work order, and every refusal with its word."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from job_exchange_stories import CONTRACTOR_KEY, MARKER, NOW, Exchange, Story, jwk

from chassis.decisions import Decision, Rejected
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import CancelJob, CancelReason
from contracts.job_exchange_jobs_v1 import (
    JobAmended,
    JobCompleted,
    JobPosted,
    WorkOrderReleased,
    WorkOrderTakenBack,
)
from contracts.matching_assignments_v1 import AssignmentReleased, AssignmentReleaseReason, JobUnfilled
from contracts.seal import unseal
from contracts.values import CustomerStatus, EndCustomer, ResponseTime, eur
from job_exchange.domain.job import Status, WorkOrderState

LATER = timedelta(days=3)


def refusal(exchange: Exchange, command: Any) -> tuple[str, str | None]:
    told = len(exchange.told)
    with pytest.raises(Rejected) as refused:
        exchange.tell(command, NOW)
    assert len(exchange.told) == told
    return refused.value.code, refused.value.field


# -- what holds afterwards -------------------------------------------------------------------------------


def test_all_that_may_change_is_what_the_message_says(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    command = story.amend(
        window=story.window(LATER),
        estimated_hours=Decimal("6.50"),
        required_certifications=[],
        response_time=ResponseTime.scheduled,
        insurance_sum=None,
        highest_zone=2,
        summary="Telefonanlage, 30 Nebenstellen",
    )
    decision = exchange.tell(command, NOW + timedelta(hours=1))
    assert isinstance(decision, Decision)
    prices: Any = decision.reply["price_by_zone"]
    assert [price.zone for price in prices] == [1, 2]
    assert decision.reply["job_number"] == job_number(story.job_id)
    (posted,), (amended,) = exchange.events(JobPosted), exchange.events(JobAmended)
    changed = command.model_dump()
    assert amended.model_dump(exclude={"amended_at"}) == posted.model_dump() | changed
    assert amended.amended_at == NOW + timedelta(hours=1)


def test_the_prices_are_those_of_the_posting(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    newer = (
        story.rate_card()
        .versions[0]
        .model_copy(update={"version": 2, "zones": [], "published_at": NOW + timedelta(hours=1)})
    )
    card = story.rate_card()
    exchange.know(card.model_copy(update={"versions": [*card.versions, newer]}))
    exchange.tell(story.amend(highest_zone=4), NOW + timedelta(hours=2))
    assert exchange.events(JobAmended)[0].rate_card_version == 1


def test_a_statement_approves_itself_up_to_the_same_percentage_of_the_new_hours(
    exchange: Exchange, story: Story
) -> None:
    """20 percent were agreed when it was posted; that the client agreed to 50 since changes nothing."""
    exchange.tell(story.post(), NOW)
    agreement = story.client().agreements[0].model_copy(update={"auto_approve_percent_over": 50})
    exchange.know(story.client(agreements=[agreement]))
    exchange.tell(story.amend(estimated_hours=Decimal("7.75"), window=story.window(timedelta(hours=1))), NOW)
    for message in (story.assigned(), story.arrival(), story.statement(hours=Decimal("9.50"))):
        exchange.tell(message, NOW)
    assert exchange.job(story.job_id).status is Status.stated
    assert exchange.job(story.job_id).posting.approves_itself_up_to_hours == Decimal("9.30")


def test_the_same_once_more_changes_nothing(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    command = story.amend(window=story.window(LATER))
    exchange.tell(command, NOW)
    before = exchange.job(story.job_id)
    # not even where it could not be said for the first time any more
    again = exchange.tell(command, NOW + timedelta(days=30))
    assert again == Decision(before, reply={"job_number": job_number(story.job_id)})
    assert len(exchange.events(JobAmended)) == 1


def test_an_unfilled_job_is_on_the_board_again(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(
        JobUnfilled(
            job_id=story.job_id, job_number=job_number(story.job_id), client_id=story.client_id,
            removed=[], looked_at=3, offers_made=1,
        ),
        NOW,
    )  # fmt: skip
    exchange.tell(story.amend(highest_zone=4), NOW)
    assert exchange.job(story.job_id).status is Status.posted


# -- with a contractor -----------------------------------------------------------------------------------


def test_who_has_it_gets_a_work_order_for_the_new_window(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(story.amend(window=story.window(LATER)), NOW)
    assert exchange.job(story.job_id).status is Status.assigned
    first, second = exchange.work_orders
    assert (first.window, second.window) == (story.window(timedelta(days=1)), story.window(LATER))
    assert (second.contractor_id, second.sealed_for) == (story.contractor_id, CONTRACTOR_KEY["kid"])
    opened = unseal(second.end_customer, CONTRACTOR_KEY, story.job_id)
    assert EndCustomer.model_validate_json(opened).name == MARKER
    assert len(exchange.events(WorkOrderReleased)) == 2
    exchange.tell(
        AssignmentReleased(
            job_id=story.job_id, job_number=job_number(story.job_id), client_id=story.client_id,
            contractor_id=story.contractor_id, reason=AssignmentReleaseReason.amended,
        ),
        NOW,
    )  # fmt: skip
    assert exchange.work_orders[-1] is None
    assert exchange.job(story.job_id).status is Status.posted


def test_whoever_is_chosen_meanwhile_gets_the_new_window(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.amend(window=story.window(LATER)), NOW)
    exchange.tell(story.assigned(), NOW)
    assert [order.window for order in exchange.work_orders] == [story.window(LATER)]


def test_without_a_key_now_the_paper_of_before_is_taken_back(story: Story) -> None:
    exchange = Exchange(gateway=None)
    exchange.know(story.client(), story.contractor(key=jwk(CONTRACTOR_KEY)), story.rate_card())
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.know(story.contractor())
    exchange.tell(story.amend(window=story.window(LATER)), NOW)
    assert len(exchange.events(WorkOrderTakenBack)) == 1
    assert exchange.job(story.job_id).work_order is WorkOrderState.missing_sealing_key
    exchange.know(story.contractor(key=jwk(CONTRACTOR_KEY)))
    exchange.fire(story.job_id, NOW + timedelta(minutes=1))
    assert [order and order.window for order in exchange.work_orders] == [
        story.window(timedelta(days=1)),
        None,
        story.window(LATER),
    ]


def test_who_waits_for_his_paper_gets_the_new_one_alone(story: Story) -> None:
    exchange = Exchange(gateway=None)
    exchange.know(story.client(), story.contractor(), story.rate_card())
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(story.amend(window=story.window(LATER)), NOW)
    assert exchange.work_orders == []
    exchange.know(story.contractor(key=jwk(CONTRACTOR_KEY)))
    exchange.fire(story.job_id, NOW + timedelta(minutes=1))
    assert [order.window for order in exchange.work_orders] == [story.window(LATER)]


def test_who_was_chosen_from_a_zone_that_is_too_far_now_does_not_get_it(
    exchange: Exchange, story: Story
) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.amend(highest_zone=1), NOW)
    exchange.tell(story.assigned(travel_zone=2), NOW)
    assert exchange.job(story.job_id).status is Status.posted
    assert exchange.work_orders == []


def test_what_was_amended_is_what_is_completed(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.amend(required_certifications=[], response_time=ResponseTime.scheduled), NOW)
    for message in (story.assigned(), story.arrival(), story.statement()):
        exchange.tell(message, NOW)
    (completed,) = exchange.events(JobCompleted)
    assert completed.required_certifications == []
    assert completed.response_time is ResponseTime.scheduled


# -- refusals --------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a window that has begun": ({"window": -timedelta(hours=1)}, ("window-in-past", "window.starts_at")),
    "a window that begins now": ({"window": timedelta(0)}, ("window-in-past", "window.starts_at")),
    "a window in two years": ({"window": timedelta(days=366)}, ("window-too-far", "window.starts_at")),
    "a zone beyond the agreement": ({"highest_zone": 5}, ("zone-not-agreed", "highest_zone")),
    "a newer response time": ({"response_time": ResponseTime.unknown}, ("unknown-word", "response_time")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_posted_cannot_be_amended_to(case: str, exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    fields, expected = REFUSED[case]
    if "window" in fields:
        fields = {"window": story.window(fields["window"])}
    assert refusal(exchange, story.amend(**fields)) == expected


BLOCKED: dict[str, tuple[dict[str, Any], str]] = {
    "blocked": ({"customer_status": CustomerStatus.blocked}, "customer-blocked"),
    "suspended": ({"suspended": True}, "customer-blocked"),
    "no agreement any more": ({"agreements": []}, "no-client-agreement"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_who_may_not_post_may_not_amend(case: str, exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    fields, code = BLOCKED[case]
    exchange.know(story.client(**fields))
    assert refusal(exchange, story.amend(estimated_hours=Decimal(9))) == (code, "client_id")


def test_the_highest_zone_stays_at_that_of_the_contractor_at_least(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(travel_zone=2), NOW)
    assert refusal(exchange, story.amend(highest_zone=1)) == ("zone-below-award", "highest_zone")
    exchange.tell(story.amend(highest_zone=2), NOW)
    assert exchange.events(JobAmended)[0].highest_zone == 2


def test_a_zone_without_a_price_is_refused(story: Story) -> None:
    exchange = Exchange()
    card = story.rate_card()
    far_only = card.versions[0].model_copy(update={"zones": card.versions[0].zones[1:]})
    exchange.know(story.client(), card.model_copy(update={"versions": [far_only]}))
    exchange.tell(story.post(), NOW)
    assert refusal(exchange, story.amend(highest_zone=1)) == ("no-price", "highest_zone")


def test_it_is_the_clients_own_and_not_begun(exchange: Exchange, story: Story) -> None:
    later = story.amend(window=story.window(LATER), insurance_sum=eur("5.00"))
    assert refusal(exchange, later) == ("unknown-job", "job_id")
    exchange.tell(story.post(), NOW)
    assert refusal(exchange, later.model_copy(update={"client_id": uuid7()})) == ("not-your-job", "client_id")
    exchange.tell(story.assigned(), NOW)
    exchange.tell(story.arrival(), NOW)
    assert refusal(exchange, later) == ("already-started", "job_id")
    exchange.tell(story.statement(), NOW)
    assert refusal(exchange, later) == ("already-started", "job_id")


def test_a_cancelled_job_is_not_amended(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    gone = CancelJob(job_id=story.job_id, client_id=story.client_id, reason=CancelReason.customer_withdrew)
    exchange.tell(gone, NOW)
    assert refusal(exchange, story.amend(highest_zone=4)) == ("already-cancelled", "job_id")
