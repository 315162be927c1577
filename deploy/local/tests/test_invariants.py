"""What the checker makes of topics, without any: who reads them right finds what is wrong."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from contracts import catalogue
from contracts.envelope import Envelope
from contracts.ids import uuid7
from contracts.job_exchange_commands_v1 import PostJob
from contracts.job_exchange_jobs_v1 import JobAmended, JobCancelled, JobPosted
from contracts.matching_assignments_v1 import JobAssigned, JobUnfilled
from contracts.messages import Message
from contracts.partner_registry_partners_v1 import Partner
from contracts.replies_v1 import JobExchangeRejected
from servicenetz.invariants import jobs, people
from servicenetz.invariants.check import Result, View, undisturbed
from servicenetz.invariants.path import _overtaken
from servicenetz.invariants.snapshot import Seen, Snapshot


@pytest.mark.parametrize(
    ("versions", "overtaken"),
    [([1, 2, 3], False), ([1, 2, 1, 2, 3], False), ([1, 3, 2], True), ([2, 1], True), ([], False)],
)
def test_a_version_that_comes_first_behind_a_later_one_was_overtaken(
    versions: list[int], *, overtaken: bool
) -> None:
    assert _overtaken(versions) is overtaken


def _seen(kind: type[Message], job: UUID, message: Message | None = None) -> Seen:
    topic = catalogue.topic_of(kind).name
    subject = str(job) if message is None else message.subject
    envelope = Envelope(str(uuid7()), "/test", kind.TYPE, subject, datetime.now(UTC), "urn:test")
    return Seen(topic, 0, 0, None, b"", (), envelope, message or kind.model_construct())


def _wrong(job: UUID, *seen: Seen) -> list[str]:
    topics = Snapshot()
    for each in seen:
        topics.records[each.topic].append(each)
    wrong, _ = jobs.all_have_ended(View(topics, {}, posted=[job]))
    return wrong


def test_a_job_that_was_posted_and_never_heard_of_is_missed() -> None:
    job = uuid7()
    assert _wrong(job) == [f"job {job}: heard of nothing at all"]
    assert _wrong(job, _seen(JobPosted, job)) == [f"job {job}: heard of JobPosted"]


@pytest.mark.parametrize("end", [JobCancelled, JobUnfilled])
def test_a_job_that_was_cancelled_or_found_nobody_has_its_end(end: type[Message]) -> None:
    job = uuid7()
    assert _wrong(job, _seen(JobPosted, job), _seen(end, job)) == []


def test_a_refused_posting_has_its_end_and_any_other_refusal_is_none() -> None:
    job = uuid7()
    posting = _seen(PostJob, job)
    assert posting.envelope is not None
    refusal = JobExchangeRejected(
        command_id=UUID(posting.envelope.id), subject=str(job), code="no", message="No."
    )
    other = JobExchangeRejected(command_id=uuid7(), subject=str(job), code="no", message="No.")
    assert _wrong(job, posting, _seen(JobExchangeRejected, job, refusal)) == []
    assert len(_wrong(job, posting, _seen(JobExchangeRejected, job, other))) == 1


EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"


def _example(kind: type[Message], version: int, **fields: object) -> Seen:
    folder = EXAMPLES / catalogue.topic_of(kind).name / catalogue.message_name(kind)
    body = json.loads(min(folder.glob("valid-*.json")).read_bytes())
    seen = _seen(kind, uuid7(), kind.read(json.dumps(body | fields).encode()))
    assert seen.envelope is not None
    return replace(seen, envelope=replace(seen.envelope, subjectversion=version))


@pytest.mark.parametrize(("insured_until", "wrong"), [("2026-11-24", 1), ("2026-11-26", 0)])
def test_who_has_an_amended_job_is_judged_by_it_as_it_is_now(insured_until: str, wrong: int) -> None:
    """Posted for the 24th, when he got it; amended to the 26th, and still with him."""
    insurance = {
        "sum_insured": {"amount": "5000000.00", "currency": "EUR"},
        "valid_from": "2026-01-01",
        "valid_until": insured_until,
    }
    assigned = _example(JobAssigned, 1, partner_version=14)
    topics = Snapshot()
    for seen in (
        _example(JobPosted, 1),
        _example(JobAmended, 2),
        _example(Partner, 14, insurance=insurance),
        assigned,
    ):
        topics.records[seen.topic].append(seen)
    found, _ = people.assignments_are_right(View(topics, {}))
    assert isinstance(assigned.message, JobAssigned)
    who = f"job {assigned.message.job_id}, {assigned.message.contractor_id}"
    assert found == [f"{who}: not insured through the last day"] * wrong


@pytest.mark.parametrize(
    ("movements", "seen"),
    [
        pytest.param([None], 1, id="nothing moves"),
        pytest.param(["a timer fired meanwhile", None], 2, id="a timer fires between topics and tables"),
    ],
)
def test_a_look_counts_only_when_nothing_moved_until_its_end(movements: list[str | None], seen: int) -> None:
    """Standings are counted at each whole minute: what the tables recorded was not on the topics read before."""
    looks = iter(range(1, 3))
    movement = iter(movements)
    results = undisturbed(
        wait=lambda _: None,
        look=lambda: [Result(next(looks), "look", holds=True, detail="")],
        moved=lambda: next(movement),
        within_s=60,
    )
    assert isinstance(results, list)
    assert [result.number for result in results] == [seen]


def test_what_never_rests_is_not_judged() -> None:
    assert undisturbed(wait=lambda _: None, look=list, moved=lambda: "3 messages unsent", within_s=60) == (
        "3 messages unsent"
    )
    assert undisturbed(wait=lambda _: "behind", look=list, moved=lambda: None, within_s=60) == "behind"
