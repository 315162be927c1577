"""Whatever comes in whatever order: completed once at most, and never a word of the end customer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from job_exchange_stories import (
    CONTRACTOR_KEY,
    GATEWAY,
    GATEWAY_KEY,
    MARKER,
    NOW,
    OWN_KEY,
    Exchange,
    Story,
    jwk,
)

from chassis.decisions import Rejected
from contracts import job_exchange_work_orders_v1
from contracts.billing_settlements_v1 import JobSettled
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import (
    ApproveStatement,
    CancelJob,
    CancelReason,
    DisputeReason,
    DisputeStatement,
    ResolveDispute,
)
from contracts.job_exchange_jobs_v1 import JobCancelled, JobCompleted
from contracts.matching_assignments_v1 import AssignmentReleased, AssignmentReleaseReason, JobUnfilled
from contracts.messages import Message
from contracts.seal import unseal
from contracts.topics import Topic
from contracts.values import EndCustomer
from job_exchange.domain.job import DONE, Job, StatementState, Status, WorkOrderState

STATEMENT_IDS = [uuid7() for _ in range(3)]
STORY = Story(NOW)
OTHER = Story(NOW, client_id=STORY.client_id, job_id=STORY.job_id)
"""The same job with another contractor."""


def about(story: Story) -> dict[str, list[Message]]:
    """All that can be said about the job, by whom it concerns."""
    job_id, client_id, contractor_id = story.job_id, story.client_id, story.contractor_id
    job: dict[str, Any] = {"job_id": job_id, "job_number": job_number(job_id), "client_id": client_id}
    statement = [
        story.statement(statement_id=statement_id, hours=Decimal(hours))
        for statement_id in STATEMENT_IDS
        for hours in ("4.00", "9.50")
    ]
    approval = [
        kind(job_id=job_id, client_id=client_id, statement_id=statement_id, **more)
        for statement_id in STATEMENT_IDS
        for kind, more in (
            (ApproveStatement, {}),
            (DisputeStatement, {"reason": DisputeReason.wrong_dates}),
        )
    ]
    resolution = [
        ResolveDispute(job_id=job_id, statement_id=statement_id, hours=Decimal("6.00"))
        for statement_id in STATEMENT_IDS
    ]
    return {
        "post": [story.post()],
        "amend": [
            story.amend(window=story.window(timedelta(days=2)), highest_zone=1),
            story.amend(estimated_hours=Decimal("8.00"), highest_zone=2),
        ],
        "assign": [story.assigned()],
        "arrive": [story.arrival()],
        "state": [*statement],
        "approve": [*approval],
        "resolve": [*resolution],
        "cancel": [CancelJob(job_id=job_id, client_id=client_id, reason=CancelReason.done_otherwise)],
        "release": [
            AssignmentReleased(**job, contractor_id=contractor_id, reason=reason)
            for reason in (AssignmentReleaseReason.released, AssignmentReleaseReason.no_show)
        ],
        "unfilled": [JobUnfilled(**job, removed=[], looked_at=1, offers_made=0)],
        "settle": [JobSettled(**job, contractor_id=contractor_id, settled_at=NOW)],
    }


KINDS = {name: [*messages, *about(OTHER)[name]] for name, messages in about(STORY).items()}
SEALED = KINDS["post"][0].model_dump()["end_customer"]
Step = Message | Literal["forward"]
"""Something said, or whatever brings the job one step on: without these no job would come far."""
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(st.just("forward"), *[st.sampled_from(messages) for messages in KINDS.values()])
    | st.just("forward"),
    min_size=6,
    max_size=30,
)


def forward(job: Job) -> Message:
    """What usually comes next."""
    statement_id = STATEMENT_IDS[min(len(job.statements), len(STATEMENT_IDS) - 1)]
    story = OTHER if job.contractor_id == OTHER.contractor_id else STORY
    match job.status:
        case Status.posted | Status.unfilled:
            return story.assigned()
        case Status.assigned:
            return story.arrival()
        case Status.started | Status.disputed:
            return story.statement(statement_id=statement_id, hours=Decimal("9.50"))
        case Status.stated:
            return ApproveStatement(
                job_id=job.job_id, client_id=job.client_id, statement_id=job.statements[-1].statement_id
            )
        case Status.completed | Status.settled | Status.cancelled:
            return KINDS["settle"][0]


def play(steps: list[Step], *, gateway: bool) -> tuple[Exchange, list[Job]]:
    """Tell all of it to a job on the board; returns the states it went through."""
    exchange = Exchange(gateway=GATEWAY if gateway else None)
    exchange.know(
        STORY.client(), STORY.contractor(key=jwk(CONTRACTOR_KEY)), OTHER.contractor(), STORY.rate_card()
    )
    exchange.tell(KINDS["post"][0], NOW)
    states = [exchange.job(STORY.job_id)]
    for number, step in enumerate(steps):
        message = forward(states[-1]) if step == "forward" else step
        now = NOW + timedelta(minutes=number)
        try:
            exchange.tell(message, now)
        except Rejected:
            assert message.KIND == "command", "an event is never refused"
        exchange.fire(STORY.job_id, now)
        states.append(exchange.job(STORY.job_id))
    return exchange, states


def is_blind(topic: Topic) -> bool:
    return topic is not job_exchange_work_orders_v1.TOPIC


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, gateway=st.booleans())
def test_in_any_order(steps: list[Step], gateway: bool) -> None:
    exchange, states = play(steps, gateway=gateway)
    completed, cancelled = exchange.events(JobCompleted), exchange.events(JobCancelled)
    assert len(completed) + len(cancelled) <= 1
    for before, after in pairwise(states):
        if before.status in DONE:
            assert after.status in DONE
            assert after.statements == before.statements
        if before.status not in (Status.posted, Status.unfilled, Status.assigned):
            assert after.posting is before.posting
        if before.status in (Status.cancelled, Status.settled):
            assert after is before
        assert after.statements[: len(before.statements) - 1] == before.statements[:-1]
    job = states[-1]
    holds(job)
    assert bool(completed) == (job.status in DONE)
    if completed:
        approved = job.statements[-1]
        assert completed[0].statement.statement_id == approved.statement_id
        assert completed[0].statement.hours == approved.approved_hours
        assert completed[0].contractor_id == approved.contractor_id == job.contractor_id


def holds(job: Job) -> None:
    """What the database demands of a job as well."""
    pending = [one for one in job.statements if one.state is StatementState.pending]
    assert bool(pending) == (job.status is Status.stated)
    live = [one for one in job.statements if one.state in (StatementState.pending, StatementState.approved)]
    assert len(live) <= 1
    assert [statement.version for statement in job.statements] == list(range(1, len(job.statements) + 1))
    assert len({statement.statement_id for statement in job.statements}) == len(job.statements)
    on_nobody = job.status in (Status.posted, Status.unfilled, Status.cancelled)
    assert (job.assignment is None) == on_nobody == (job.work_order is WorkOrderState.none)
    assert job.assignment is None or job.assignment.travel_zone <= job.posting.highest_zone
    assert (job.ended_at is not None) == (job.status in (*DONE, Status.cancelled))


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, gateway=st.booleans())
def test_the_paper_is_with_the_contractor_alone(steps: list[Step], gateway: bool) -> None:
    exchange, states = play(steps, gateway=gateway)
    for outgoing in exchange.told:
        if outgoing.message is not None and is_blind(outgoing.topic):
            body = outgoing.message.write()
            assert SEALED.encode() not in body
            assert b"end_customer" not in body
            assert MARKER.encode() not in body
    job = states[-1]
    papers = exchange.work_orders
    newest = papers[-1] if papers else None
    assert (newest is not None) == (job.work_order is WorkOrderState.released)
    if newest is not None:
        assert newest.contractor_id == job.contractor_id
        assert newest.window == job.posting.window
        assert SEALED not in newest.end_customer
        key = {one["kid"]: one for one in (CONTRACTOR_KEY, GATEWAY_KEY)}[newest.sealed_for]
        assert EndCustomer.model_validate_json(unseal(newest.end_customer, key, job.job_id)).name == MARKER
        assert newest.sealed_for != OWN_KEY["kid"]
