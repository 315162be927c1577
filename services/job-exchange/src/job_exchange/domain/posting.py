"""A client posts a job, and may take it back until the work has begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from chassis.decisions import Changed, Decision, Outcome, Rejected, Waiting
from contracts.ids import job_number
from contracts.job_exchange_commands_v1 import AmendJob, CancelJob, PostJob
from contracts.job_exchange_jobs_v1 import FeeBasis, JobCancelled, JobPosted, WorkOrderTakenBack
from contracts.values import CustomerStatus, KindOfWork, OfferPolicy, ResponseTime, ZonePrice
from job_exchange.domain import end_customers
from job_exchange.domain import job as jobs
from job_exchange.domain.assignment import RELEASE_WORK_ORDER
from job_exchange.domain.days import day_of
from job_exchange.domain.end_customers import SealedEndCustomer
from job_exchange.domain.job import DONE, ON_THE_BOARD, Job, Posting, Status, WorkOrderState
from job_exchange.domain.partners import ClientAgreement, Partner
from job_exchange.domain.rate_cards import Asked, RateCard, Tariff, tariff_on

REFERENCE_DATA_PATIENCE: Final = timedelta(seconds=5)
"""A partner or rate card may be on its way to us; after this it is unknown."""
LONGEST_AHEAD: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a posting is judged by, beside itself.

    client: None, when the registry's copy has no such partner (yet).
    rate_cards: all that are known.
    postcode_known: whether there is one place in Germany with this postcode.
    end_customer_opens: whether the sealed data opens with our key, for this job, and is an end customer.
    original: the job that is to be made good, where the posting names one.
    """

    client: Partner | None
    rate_cards: Sequence[RateCard]
    postcode_known: bool
    end_customer_opens: bool
    original: Job | None = None


def post(job: Job | None, command: PostJob, around: Surroundings, now: datetime) -> Outcome[Job]:
    """Put a job on the board, at the prices of today. The reply tells the client his price by travel zone."""
    if job is not None:
        raise Rejected("job-exists", "There is a job with this id already; choose a new one.", "job_id")
    if around.client is None:
        return Waiting(
            f"partner/{command.client_id}",
            REFERENCE_DATA_PATIENCE,
            Rejected("unknown-partner", "The registry does not know this partner.", "client_id"),
        )
    agreement = agreement_to_post(around.client, day_of(now))
    _check_job(command, around.postcode_known)
    check_terms(command, agreement, now)
    _check_rework(command, around.original)
    tariff = tariff_on(around.rate_cards, day_of(now))
    if tariff is None:
        return Waiting(
            "price-list/current",
            REFERENCE_DATA_PATIENCE,
            Rejected("no-price", "No rate card is in force today.", "kind_of_work"),
        )
    asked = Asked(
        command.kind_of_work, command.required_certifications, command.estimated_hours, command.response_time
    )
    prices = tariff.prices_for(asked, command.highest_zone)
    if not prices:
        raise Rejected("no-price", "The rate card has no price for this kind of work.", "kind_of_work")
    if not around.end_customer_opens:
        raise Rejected(
            "sealed-unreadable",
            "The end customer's data does not open: seal it to job-exchange's published key, for this job.",
            "end_customer",
        )
    return _posted(command, around.client, agreement, tariff, prices, now)


def agreement_to_post(client: Partner, today: date) -> ClientAgreement:
    """What lets him post or amend a job today. Raises Rejected."""
    if client.customer_status is not CustomerStatus.active:
        raise Rejected("customer-blocked", "The distributor's customer account is not active.", "client_id")
    if client.suspended:
        raise Rejected("customer-blocked", "The partner is suspended.", "client_id")
    agreement = client.client_agreement_on(today)
    if agreement is None:
        raise Rejected(
            "no-client-agreement", "No framework agreement lets this partner post jobs today.", "client_id"
        )
    return agreement


def _check_job(command: PostJob, postcode_known: bool) -> None:
    """What no amendment changes. Raises Rejected."""
    _known_word("kind_of_work", command.kind_of_work, KindOfWork.unknown)
    _known_word("offer_policy", command.offer_policy, OfferPolicy.unknown)
    if not postcode_known:
        raise Rejected("unknown-postcode", "There is no place with this postcode in Germany.", "postcode")


def check_terms(command: PostJob | AmendJob, agreement: ClientAgreement, now: datetime) -> None:
    """What a posting says and an amendment may say otherwise. Raises Rejected."""
    _known_word("response_time", command.response_time, ResponseTime.unknown)
    if command.window.starts_at <= now:
        raise Rejected("window-in-past", "The time window has begun already.", "window.starts_at")
    if command.window.starts_at > now + LONGEST_AHEAD:
        raise Rejected("window-too-far", "Jobs are taken up to 365 days ahead.", "window.starts_at")
    if command.highest_zone > agreement.highest_travel_zone:
        raise Rejected(
            "zone-not-agreed",
            f"The framework agreement goes up to travel zone {agreement.highest_travel_zone}.",
            "highest_zone",
        )


def _known_word(field: str, word: object, unknown: object) -> None:
    """A word of a newer contract says nothing here. Raises Rejected."""
    if word is unknown:
        raise Rejected("unknown-word", f"The value of {field} is not known here.", field)


def _check_rework(command: PostJob, original: Job | None) -> None:
    """Made good is what was done for this client. Raises Rejected."""
    if command.rework_of is None:
        return
    if original is None or original.client_id != command.client_id or original.status not in DONE:
        raise Rejected("no-such-work", "No work of yours was completed under this job.", "rework_of")


def _posted(
    command: PostJob,
    client: Partner,
    agreement: ClientAgreement,
    tariff: Tariff,
    prices: list[ZonePrice],
    now: datetime,
) -> Decision[Job]:
    posting = Posting(
        client_id=command.client_id,
        postcode=command.postcode,
        kind_of_work=command.kind_of_work,
        required_certifications=tuple(command.required_certifications),
        window=command.window,
        estimated_hours=command.estimated_hours,
        approves_itself_up_to_hours=_limit(command.estimated_hours, agreement),
        response_time=command.response_time,
        insurance_sum=command.insurance_sum,
        highest_zone=command.highest_zone,
        offer_policy=command.offer_policy,
        rate_card_id=tariff.rate_card_id,
        rate_card_version=tariff.version,
        own_reference=command.own_reference,
        summary=command.summary,
        posted_at=now,
        rework_of=command.rework_of,
    )
    job = Job(command.job_id, job_number(command.job_id), posting)
    told = JobPosted(**as_asked(job, client))
    sealed = SealedEndCustomer(job.job_id, command.end_customer)
    return Decision(
        job,
        [told],
        reply={"job_number": job.job_number, "price_by_zone": prices},
        also=[Changed(end_customers.ROWS, str(job.job_id), sealed)],
    )


def as_asked(job: Job, client: Partner) -> dict[str, Any]:
    """The job as others are told of it, blind."""
    posting = job.posting
    return {
        "job_id": job.job_id,
        "job_number": job.job_number,
        "client_id": posting.client_id,
        "client_group": client.group,
        "postcode": posting.postcode,
        "kind_of_work": posting.kind_of_work,
        "required_certifications": list(posting.required_certifications),
        "window": posting.window,
        "estimated_hours": posting.estimated_hours,
        "response_time": posting.response_time,
        "insurance_sum": posting.insurance_sum,
        "highest_zone": posting.highest_zone,
        "offer_policy": posting.offer_policy,
        "rate_card_id": posting.rate_card_id,
        "rate_card_version": posting.rate_card_version,
        "own_reference": posting.own_reference,
        "summary": posting.summary,
        "posted_at": posting.posted_at,
        "rework_of": posting.rework_of,
    }


def _limit(estimated_hours: Decimal, agreement: ClientAgreement) -> Decimal:
    return estimated_hours * (100 + agreement.auto_approve_percent_over) / 100


def _fee_basis(job: Job) -> FeeBasis | None:
    """What billing reckons a fee by, where somebody loses the job by it."""
    posting = job.posting
    if job.assignment is None:
        return None
    return FeeBasis(
        window_starts_at=posting.window.starts_at,
        postcode=posting.postcode,
        kind_of_work=posting.kind_of_work,
        travel_zone=job.assignment.travel_zone,
        rate_card_id=posting.rate_card_id,
        rate_card_version=posting.rate_card_version,
        own_reference=posting.own_reference,
    )


def cancel(job: Job | None, command: CancelJob, now: datetime) -> Decision[Job]:
    """The client takes the job back; a contractor who had it loses his work order."""
    job = jobs.of_client(job, command.client_id)
    if job.status is Status.cancelled:
        raise Rejected("already-cancelled", "The job is cancelled already.", "job_id")
    if job.status not in ON_THE_BOARD and job.status is not Status.assigned:
        raise Rejected("already-started", "The work has begun; the job can no longer be cancelled.", "job_id")
    events: list[object] = [
        JobCancelled(
            job_id=job.job_id,
            job_number=job.job_number,
            client_id=job.client_id,
            contractor_id=job.contractor_id,
            reason=command.reason,
            cancelled_at=now,
            fee_basis=_fee_basis(job),
        )
    ]
    if job.contractor_id is not None and job.work_order is WorkOrderState.released:
        events.append(
            WorkOrderTakenBack(job_id=job.job_id, job_number=job.job_number, contractor_id=job.contractor_id)
        )
    gone = replace(job.without_contractor(), status=Status.cancelled, ended_at=now)
    return Decision(gone, events, timers={RELEASE_WORK_ORDER: None})
