"""The work order: sealed to the one who is to have it, waiting by name without a key, taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from job_exchange_stories import CONTRACTOR_KEY, GATEWAY_KEY, MARKER, NOW, OWN_KEY, Exchange, Story, jwk

from chassis.decisions import Decision, Waiting
from contracts.ids import job_number, uuid7
from contracts.job_exchange_jobs_v1 import WorkOrderReleased, WorkOrderTakenBack
from contracts.matching_assignments_v1 import AssignmentReleased, AssignmentReleaseReason, JobUnfilled
from contracts.seal import SealError, unseal
from contracts.values import EndCustomer, Jwk
from job_exchange.domain.job import Status, WorkOrderState
from job_exchange.sealing import Sealing


def opened(sealed: str, key: dict[str, Any], story: Story) -> EndCustomer:
    return EndCustomer.model_validate_json(unseal(sealed, key, story.job_id))


def released(
    story: Story, reason: AssignmentReleaseReason = AssignmentReleaseReason.released
) -> AssignmentReleased:
    return AssignmentReleased(
        job_id=story.job_id,
        job_number=job_number(story.job_id),
        client_id=story.client_id,
        contractor_id=story.contractor_id,
        reason=reason,
    )


def unfilled(story: Story) -> JobUnfilled:
    return JobUnfilled(
        job_id=story.job_id,
        job_number=job_number(story.job_id),
        client_id=story.client_id,
        removed=[],
        looked_at=3,
        offers_made=1,
    )


def test_the_contractor_opens_it_and_nobody_else(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    (work_order,) = exchange.work_orders
    assert work_order.sealed_for == CONTRACTOR_KEY["kid"]
    assert opened(work_order.end_customer, CONTRACTOR_KEY, story).name == MARKER
    for other in (OWN_KEY, GATEWAY_KEY):
        with pytest.raises(SealError):
            unseal(work_order.end_customer, other, story.job_id)
    (notice,) = exchange.events(WorkOrderReleased)
    assert notice.contractor_id == story.contractor_id


def test_for_a_contractor_without_a_key_the_gateway_opens_it(exchange: Exchange, story: Story) -> None:
    exchange.know(story.contractor())
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    (work_order,) = exchange.work_orders
    assert work_order.sealed_for == GATEWAY_KEY["kid"]
    assert opened(work_order.end_customer, GATEWAY_KEY, story).name == MARKER


def test_a_key_that_is_no_key_counts_as_none(exchange: Exchange, story: Story) -> None:
    off_the_curve = Jwk(kty="EC", crv="P-256", x="A" * 43, y="B" * 43, kid="broken")
    exchange.know(story.contractor(key=off_the_curve))
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    assert exchange.work_orders[0].sealed_for == GATEWAY_KEY["kid"]


def test_without_any_key_it_waits_by_name_until_there_is_one(story: Story) -> None:
    exchange = Exchange(gateway=None)
    exchange.know(story.client(), story.contractor(), story.rate_card())
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    job = exchange.job(story.job_id)
    assert (job.status, job.work_order) == (Status.assigned, WorkOrderState.missing_sealing_key)
    exchange.fire(story.job_id, NOW + timedelta(minutes=1))
    assert exchange.told[1:] == []
    exchange.know(story.contractor(key=jwk(CONTRACTOR_KEY)))
    exchange.fire(story.job_id, NOW + timedelta(minutes=2))
    assert opened(exchange.work_orders[0].end_customer, CONTRACTOR_KEY, story).name == MARKER
    assert exchange.job(story.job_id).work_order is WorkOrderState.released
    assert exchange.timers == {}


def test_who_is_done_without_the_paper_gets_none(story: Story) -> None:
    exchange = Exchange(gateway=None)
    exchange.know(story.client(), story.contractor(), story.rate_card())
    for message in (story.post(), story.assigned(), story.arrival(), story.statement()):
        exchange.tell(message, NOW)
    done = exchange.job(story.job_id)
    exchange.know(story.contractor(key=jwk(CONTRACTOR_KEY)))
    exchange.fire(story.job_id, NOW + timedelta(minutes=1))
    assert exchange.job(story.job_id) is done
    assert exchange.work_orders == []
    assert exchange.timers == {}


def test_a_wait_ends_with_the_assignment(story: Story) -> None:
    exchange = Exchange(gateway=None)
    exchange.know(story.client(), story.contractor(), story.rate_card())
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(released(story), NOW)
    assert exchange.timers == {}
    assert exchange.job(story.job_id).status is Status.posted
    assert exchange.events(WorkOrderTakenBack) == []


def test_a_contractor_on_his_way_to_us_is_waited_for(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    late = uuid7()
    waiting = exchange.tell(story.assigned().model_copy(update={"contractor_id": late}), NOW)
    assert isinstance(waiting, Waiting)
    assert waiting.for_ == f"partner/{late}"
    assert isinstance(waiting.otherwise, Decision)


@pytest.mark.parametrize("work_has_begun", [False, True])
def test_a_released_assignment_takes_the_paper_back(
    work_has_begun: bool, exchange: Exchange, story: Story
) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    if work_has_begun:
        exchange.tell(story.arrival(), NOW)
    exchange.tell(released(story, AssignmentReleaseReason.no_show), NOW)
    (_, tombstone) = exchange.work_orders
    assert tombstone is None
    assert exchange.events(WorkOrderTakenBack)[0].contractor_id == story.contractor_id
    assert exchange.job(story.job_id).contractor_id is None
    exchange.tell(story.assigned(), NOW)
    assert opened(exchange.work_orders[-1].end_customer, CONTRACTOR_KEY, story).name == MARKER


def test_what_comes_for_a_job_that_does_not_expect_it_changes_nothing(
    exchange: Exchange, story: Story
) -> None:
    for event in (story.assigned(), released(story), unfilled(story)):
        assert exchange.tell(event, NOW) == Decision(None)
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    before = exchange.job(story.job_id)
    other = uuid7()
    exchange.tell(released(story).model_copy(update={"contractor_id": other}), NOW)
    exchange.tell(story.assigned().model_copy(update={"contractor_id": story.contractor_id}), NOW)
    exchange.tell(unfilled(story), NOW)
    assert exchange.job(story.job_id) is before


def test_an_unfilled_job_may_still_find_somebody(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(unfilled(story), NOW)
    assert exchange.job(story.job_id).status is Status.unfilled
    exchange.tell(story.assigned(), NOW)
    assert exchange.job(story.job_id).status is Status.assigned


def test_a_lost_key_of_our_own_is_an_error_of_ours(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    sealed = exchange.sealed(story.job_id)
    with pytest.raises(SealError) as failed:
        Sealing(GATEWAY_KEY, None).seal_anew(sealed, jwk(CONTRACTOR_KEY))
    assert MARKER not in repr(failed.value)
    assert sealed.ciphertext not in repr(sealed)
