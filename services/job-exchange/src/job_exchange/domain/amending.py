"""The client changes a job until the work has begun; its place, its kind of work and its prices stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.decisions import Decision, Rejected
from contracts.job_exchange_commands_v1 import AmendJob
from contracts.job_exchange_jobs_v1 import JobAmended
from contracts.values import ZonePrice
from job_exchange.domain import job as jobs
from job_exchange.domain.assignment import replace_work_order
from job_exchange.domain.days import day_of
from job_exchange.domain.end_customers import SealedAnew
from job_exchange.domain.job import ON_THE_BOARD, Job, Posting, Status, WorkOrderState
from job_exchange.domain.partners import Partner
from job_exchange.domain.posting import agreement_to_post, as_asked, check_terms
from job_exchange.domain.rate_cards import Asked, RateCard, tariff_of


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an amendment is judged by, beside itself.

    client: None, when the registry's copy has no such partner.
    rate_cards: all that are known.
    sealed: the end customer for the contractor's new work order; None where he has none, or there is no key for him.
    """

    client: Partner | None
    rate_cards: Sequence[RateCard]
    sealed: SealedAnew | None = None


def wants_work_order(job: Job | None) -> bool:
    """Whether somebody has a paper that an amendment replaces."""
    return job is not None and job.status is Status.assigned and job.work_order is WorkOrderState.released


def amend(job: Job | None, command: AmendJob, around: Circumstances, now: datetime) -> Decision[Job | None]:
    """What the client asks for now, judged as a posting of today at the prices of the posting.

    A contractor who has the job keeps it until matching says otherwise, with a work order for the new window. The same
    once more changes nothing.
    """
    job = jobs.of_client(job, command.client_id)
    if job.status is Status.cancelled:
        raise Rejected("already-cancelled", "The job is cancelled already.", "job_id")
    if job.status not in ON_THE_BOARD and job.status is not Status.assigned:
        raise Rejected("already-started", "The work has begun; the job can no longer be amended.", "job_id")
    amended = _with(job.posting, command)
    if amended == job.posting:
        return Decision(job, reply={"job_number": job.job_number})
    if around.client is None:
        raise Rejected("unknown-partner", "The registry does not know this partner.", "client_id")
    check_terms(command, agreement_to_post(around.client, day_of(now)), now)
    if job.assignment is not None and command.highest_zone < job.assignment.travel_zone:
        raise Rejected(
            "zone-below-award",
            f"The contractor comes from travel zone {job.assignment.travel_zone}, which was fixed at award.",
            "highest_zone",
        )
    prices = _prices(job.posting, command, around.rate_cards)
    status = Status.posted if job.status in ON_THE_BOARD else job.status
    changed = replace(job, posting=amended, status=status)
    told = JobAmended(**as_asked(changed, around.client), amended_at=now)
    reply = {"job_number": job.job_number, "price_by_zone": prices}
    if not wants_work_order(job):
        return Decision(changed, [told], reply=reply)
    paper = replace_work_order(changed, around.sealed, now)
    return replace(paper, events=[told, *paper.events], reply=reply)


def _with(posting: Posting, command: AmendJob) -> Posting:
    """The percentage up to which a statement approves itself stays that of the posting."""
    percentage = posting.approves_itself_up_to_hours / posting.estimated_hours
    return replace(
        posting,
        required_certifications=tuple(command.required_certifications),
        window=command.window,
        estimated_hours=command.estimated_hours,
        approves_itself_up_to_hours=command.estimated_hours * percentage,
        response_time=command.response_time,
        insurance_sum=command.insurance_sum,
        highest_zone=command.highest_zone,
        summary=command.summary,
    )


def _prices(posting: Posting, command: AmendJob, cards: Sequence[RateCard]) -> list[ZonePrice]:
    tariff = tariff_of(cards, posting.rate_card_id, posting.rate_card_version)
    asked = Asked(
        posting.kind_of_work, command.required_certifications, command.estimated_hours, command.response_time
    )
    prices = tariff.prices_for(asked, command.highest_zone) if tariff else []
    if not prices:
        raise Rejected("no-price", "The rate card has no price up to this travel zone.", "highest_zone")
    return prices
