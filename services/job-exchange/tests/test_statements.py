"""Arrival, statement, approval: whose turn it is, what approves itself, and that it is completed once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from job_exchange_stories import NOW, Exchange, Story

from chassis.decisions import Rejected
from contracts.billing_settlements_v1 import JobSettled
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    CancelJob,
    CancelReason,
    CorrectStatement,
    DisputeReason,
    DisputeStatement,
    ResolveDispute,
)
from contracts.job_exchange_jobs_v1 import (
    JobCancelled,
    JobCompleted,
    JobDisputed,
    JobStarted,
    JobStated,
    StatementCorrected,
)
from contracts.matching_assignments_v1 import AssignmentReleased, AssignmentReleaseReason
from contracts.values import Material, WorkedTime
from job_exchange.domain.job import StatementState, Status

TOO_MANY = Decimal("5.00")
"""Four were estimated, 20 percent over are agreed: 4.8."""


def refusal(exchange: Exchange, command: Any, now: datetime = NOW) -> str:
    with pytest.raises(Rejected) as refused:
        exchange.tell(command, now)
    return refused.value.code


def approve(story: Story, statement_id: UUID | None = None, **fields: Any) -> ApproveStatement:
    chosen = {
        "job_id": story.job_id,
        "client_id": story.client_id,
        "statement_id": statement_id or story.statement_id,
    }
    return ApproveStatement.model_validate(chosen | fields)


def dispute(story: Story, statement_id: UUID | None = None) -> DisputeStatement:
    return DisputeStatement(
        job_id=story.job_id,
        client_id=story.client_id,
        statement_id=statement_id or story.statement_id,
        reason=DisputeReason.hours_too_high,
    )


def resolve(story: Story, hours: str, statement_id: UUID | None = None) -> ResolveDispute:
    return ResolveDispute(
        job_id=story.job_id, statement_id=statement_id or story.statement_id, hours=Decimal(hours)
    )


@pytest.fixture
def assigned(exchange: Exchange, story: Story) -> Exchange:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    return exchange


@pytest.fixture
def started(assigned: Exchange, story: Story) -> Exchange:
    assigned.tell(story.arrival(), NOW)
    return assigned


def test_an_arrival_is_recorded_once(assigned: Exchange, story: Story) -> None:
    assert refusal(assigned, story.arrival(contractor_id=uuid7())) == "not-your-job"
    assert refusal(assigned, story.arrival(arrived_at=NOW + timedelta(minutes=6))) == "arrival-in-future"
    assigned.tell(story.arrival(arrived_at=NOW - timedelta(minutes=20)), NOW)
    (event,) = assigned.events(JobStarted)
    assert (event.contractor_id, event.arrived_at) == (story.contractor_id, NOW - timedelta(minutes=20))
    assert refusal(assigned, story.arrival()) == "already-started"


@pytest.mark.parametrize(
    ("hours", "completed"), [("4.00", True), ("4.75", True), ("5.00", False), ("400", False)]
)
def test_within_the_agreed_limits_it_approves_itself(
    hours: str, completed: bool, started: Exchange, story: Story
) -> None:
    started.tell(story.statement(hours=Decimal(hours)), NOW)
    (stated,) = started.events(JobStated)
    assert stated.within_limits is completed
    assert [event.approved_by for event in started.events(JobCompleted)] == ["limits"] * completed


def test_a_limit_is_met_exactly(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(estimated_hours=Decimal("3.75")), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(story.arrival(), NOW)
    exchange.tell(story.statement(hours=Decimal("4.50")), NOW)
    assert exchange.events(JobStated)[0].within_limits


def test_completion_carries_all_that_billing_needs(started: Exchange, story: Story) -> None:
    materials = [Material(article_number="CAT7-10", quantity=Decimal(3))]
    started.tell(story.statement(materials=materials), NOW)
    (completed,) = started.events(JobCompleted)
    posted = story.post()
    assert completed.own_reference == posted.own_reference
    assert completed.required_certifications == posted.required_certifications
    assert (completed.postcode, completed.kind_of_work) == (posted.postcode, posted.kind_of_work)
    assert (completed.travel_zone, completed.rate_card_id) == (2, story.rate_card_id)
    assert completed.statement.materials == materials
    assert (completed.statement.hours, completed.statement.version) == (Decimal("4.50"), 1)
    assert completed.completed_at == NOW


def test_a_statement_comes_when_it_may(assigned: Exchange, story: Story) -> None:
    assert refusal(assigned, story.statement()) == "not-started"
    assert refusal(assigned, story.statement(contractor_id=uuid7())) == "not-your-job"
    begun = NOW + timedelta(days=1)
    assigned.tell(story.statement(), begun)
    assert assigned.job(story.job_id).status is Status.completed


def test_nobody_states_a_job_that_nobody_has(exchange: Exchange, story: Story) -> None:
    assert refusal(exchange, story.statement()) == "unknown-job"
    exchange.tell(story.post(), NOW)
    assert refusal(exchange, story.statement()) == "not-your-job"


def test_work_is_stated_when_it_is_done(started: Exchange, story: Story) -> None:
    tomorrow, yesterday = NOW.date() + timedelta(days=1), NOW.date() - timedelta(days=1)
    assert refusal(started, story.statement(performed_to=tomorrow)) == "performed-in-future"
    assert refusal(started, story.statement(performed_to=yesterday)) == "days-not-in-order"
    after_midnight_in_berlin = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    started.tell(story.statement(performed_to=tomorrow), after_midnight_in_berlin)


def test_a_second_statement_is_refused(started: Exchange, story: Story) -> None:
    started.tell(story.statement(hours=TOO_MANY), NOW)
    assert refusal(started, story.statement(statement_id=uuid7())) == "second-statement"
    started.tell(approve(story), NOW)
    assert refusal(started, story.statement(statement_id=uuid7())) == "second-statement"
    assert len(started.events(JobCompleted)) == 1


def test_the_client_approves(started: Exchange, story: Story) -> None:
    assert refusal(started, approve(story)) == "no-open-statement"
    started.tell(story.statement(hours=TOO_MANY), NOW)
    assert refusal(started, approve(story, client_id=uuid7())) == "not-your-job"
    assert refusal(started, approve(story, uuid7())) == "not-this-statement"
    started.tell(approve(story), NOW)
    (completed,) = started.events(JobCompleted)
    assert (completed.approved_by, completed.statement.hours) == ("client", TOO_MANY)
    assert refusal(started, approve(story)) == "no-open-statement"
    assert refusal(started, dispute(story)) == "no-open-statement"


def test_after_a_dispute_a_corrected_statement_is_the_next_version(started: Exchange, story: Story) -> None:
    started.tell(story.statement(hours=TOO_MANY), NOW)
    started.tell(dispute(story), NOW)
    (disputed,) = started.events(JobDisputed)
    assert (disputed.statement_id, disputed.reason) == (story.statement_id, DisputeReason.hours_too_high)
    assert refusal(started, approve(story)) == "no-open-statement"
    assert refusal(started, story.statement()) == "second-statement"
    corrected = uuid7()
    started.tell(story.statement(statement_id=corrected), NOW)
    (completed,) = started.events(JobCompleted)
    assert (completed.statement.statement_id, completed.statement.version) == (corrected, 2)
    states = [statement.state for statement in started.job(story.job_id).statements]
    assert states == [StatementState.disputed, StatementState.approved]


def test_the_distributor_resolves_a_dispute(started: Exchange, story: Story) -> None:
    started.tell(story.statement(hours=TOO_MANY), NOW)
    assert refusal(started, resolve(story, "4.25")) == "no-open-statement"
    started.tell(dispute(story), NOW)
    assert refusal(started, resolve(story, "4.25", uuid7())) == "not-this-statement"
    started.tell(resolve(story, "4.25"), NOW)
    (completed,) = started.events(JobCompleted)
    assert (completed.approved_by, completed.statement.hours) == ("distributor", Decimal("4.25"))
    assert started.job(story.job_id).statements[0].hours == TOO_MANY


def released(story: Story) -> AssignmentReleased:
    return AssignmentReleased(
        job_id=story.job_id,
        job_number=job_number(story.job_id),
        client_id=story.client_id,
        contractor_id=story.contractor_id,
        reason=AssignmentReleaseReason.partner_lapsed,
    )


def test_a_statement_falls_with_the_assignment(started: Exchange, story: Story) -> None:
    started.tell(story.statement(hours=TOO_MANY), NOW)
    started.tell(released(story), NOW)
    assert refusal(started, approve(story)) == "no-open-statement"
    successor = replace(story, contractor_id=uuid7(), statement_id=uuid7())
    started.know(successor.contractor())
    started.tell(successor.assigned(), NOW)
    started.tell(successor.arrival(), NOW)
    started.tell(successor.statement(), NOW)
    (completed,) = started.events(JobCompleted)
    assert (completed.contractor_id, completed.statement.version) == (successor.contractor_id, 2)
    states = [statement.state for statement in started.job(story.job_id).statements]
    assert states == [StatementState.dropped, StatementState.approved]


def test_completed_work_is_not_taken_away(started: Exchange, story: Story) -> None:
    started.tell(story.statement(), NOW)
    done = started.job(story.job_id)
    started.tell(released(story), NOW)
    assert started.job(story.job_id) is done
    assert started.work_orders[-1] is not None


def test_settled_is_the_end(started: Exchange, story: Story) -> None:
    settled = JobSettled(
        job_id=story.job_id,
        job_number=job_number(story.job_id),
        client_id=story.client_id,
        contractor_id=story.contractor_id,
        settled_at=NOW,
    )
    started.tell(settled, NOW)
    assert started.job(story.job_id).status is Status.started
    started.tell(story.statement(), NOW)
    started.tell(settled, NOW)
    assert started.job(story.job_id).status is Status.settled
    assert refusal(started, story.statement(statement_id=uuid7())) == "second-statement"


# -- what billing needs --------------------------------------------------------------------------------------


def correction(story: Story, **fields: Any) -> CorrectStatement:
    chosen: dict[str, Any] = {
        "job_id": story.job_id,
        "statement_id": story.statement_id,
        "new_statement_id": uuid7(),
        "hours": Decimal("2.00"),
        "performed_from": NOW.date(),
        "performed_to": NOW.date(),
    }
    return CorrectStatement(**(chosen | fields))


def test_an_approved_statement_is_corrected_by_a_new_version(started: Exchange, story: Story) -> None:
    assert refusal(started, correction(story)) == "not-completed"
    started.tell(story.statement(), NOW)
    assert refusal(started, correction(story, statement_id=uuid7())) == "not-this-statement"
    assert refusal(started, correction(story, new_statement_id=story.statement_id)) == "second-statement"
    tomorrow = NOW.date() + timedelta(days=2)
    assert refusal(started, correction(story, performed_to=tomorrow)) == "performed-in-future"
    second = correction(story)
    started.tell(second, NOW)
    (told,) = started.events(StatementCorrected)
    assert (told.statement.version, told.statement.hours, told.approved_by) == (
        2,
        Decimal("2.00"),
        "distributor",
    )
    third = correction(story, statement_id=second.new_statement_id, hours=Decimal("3.00"))
    started.tell(third, NOW)
    states = [statement.state for statement in started.job(story.job_id).statements]
    assert states == [StatementState.replaced, StatementState.replaced, StatementState.approved]
    assert len(started.events(JobCompleted)) == 1


def stretch(first: int, minutes: int) -> WorkedTime:
    return WorkedTime(
        starts_at=NOW - timedelta(hours=first), ends_at=NOW - timedelta(hours=first, minutes=-minutes)
    )


def test_times_are_in_order_and_are_the_hours(started: Exchange, story: Story) -> None:
    def stated(*worked: WorkedTime) -> Any:
        return story.statement(hours=Decimal("2.00"), worked=list(worked))

    assert refusal(started, stated(stretch(5, 90))) == "times-not-hours"
    assert refusal(started, stated(stretch(3, 60), stretch(5, 60))) == "times-not-in-order"
    assert refusal(started, stated(stretch(5, 90), stretch(4, 30))) == "times-not-in-order"
    started.tell(stated(stretch(5, 60), stretch(3, 60)), NOW)
    (completed,) = started.events(JobCompleted)
    assert len(completed.statement.worked) == 2
    assert completed.approves_itself_up_to_hours == Decimal("4.8")


def test_hours_that_the_distributor_decided_have_no_times_and_so_no_surcharges(
    started: Exchange, story: Story
) -> None:
    started.tell(story.statement(hours=TOO_MANY, worked=[stretch(6, 300)]), NOW)
    started.tell(dispute(story), NOW)
    started.tell(resolve(story, "4.25"), NOW)
    (completed,) = started.events(JobCompleted)
    assert completed.statement.worked == []


def test_a_visit_in_vain_is_told_as_one(started: Exchange, story: Story) -> None:
    started.tell(story.statement(nobody_there=True), NOW)
    (completed,) = started.events(JobCompleted)
    assert completed.statement.nobody_there


def test_rework_names_work_that_was_done_for_this_client(started: Exchange, story: Story) -> None:
    again = story.another_job()
    assert refusal(started, again.post(rework_of=story.job_id)) == "no-such-work"
    started.tell(story.statement(), NOW)
    assert refusal(started, again.post(rework_of=uuid7())) == "no-such-work"
    started.tell(again.post(rework_of=story.job_id), NOW)
    assert started.job(again.job_id).posting.rework_of == story.job_id


def test_who_cancels_after_award_tells_what_a_fee_is_reckoned_by(exchange: Exchange, story: Story) -> None:
    exchange.tell(story.post(), NOW)
    exchange.tell(story.assigned(), NOW)
    exchange.tell(
        CancelJob(job_id=story.job_id, client_id=story.client_id, reason=CancelReason.customer_withdrew), NOW
    )
    (told,) = exchange.events(JobCancelled)
    assert told.cancelled_at == NOW
    assert told.fee_basis.window_starts_at == exchange.job(story.job_id).posting.window.starts_at
    assert told.fee_basis.travel_zone == 2
