"""What billing listens to, and who decides. Other services' events are translated here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from billing.domain import partners, rate_cards, settlements
from billing.domain.partners import Partner, Party, SelfBillingAgreement
from billing.domain.rate_cards import RateCard
from billing.domain.settlements import CALLED_TIMER, LOOK_AGAIN_TIMER, CompletedWork, Facts, Settlement, Terms
from billing.store import HELD, PARTNERS, RATE_CARDS, SETTLEMENTS
from chassis.decisions import Decision, More, Outcome, Row, Wake
from chassis.routes import Given, Reader, distributor, on, on_timer
from chassis.rows import TableRows
from contracts.billing_commands_v1 import PublishRateCard, ResolveHold
from contracts.job_exchange_jobs_v1 import JobCompleted
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import AgreementKind


def readers(terms: Terms) -> tuple[Reader, ...]:
    """The table of contents: `terms` are what is the same for all settlements, from the settings."""
    return (
        Reader(
            "settlements",
            tables=(SETTLEMENTS, RATE_CARDS, PARTNERS, HELD),
            routes=(
                on(JobCompleted, SETTLEMENTS, partial(_completed, terms), needs=_needs_of_completed),
                on(ResolveHold, SETTLEMENTS, partial(_resolve, terms), by=distributor),
                on(PublishRateCard, RATE_CARDS, _publish, needs=_held_for_rate_card, by=distributor),
            ),
            timers=(
                on_timer(CALLED_TIMER, SETTLEMENTS, partial(_look_again, terms)),
                on_timer(LOOK_AGAIN_TIMER, SETTLEMENTS, partial(_look_again, terms)),
            ),
            wakes=True,
        ),
        Reader(
            "partners",
            tables=(PARTNERS, HELD),
            routes=(on(PartnerPublished, PARTNERS, _keep, needs=_held_for_partner),),
            wakes=True,
        ),
    )


# -- settlements -------------------------------------------------------------------------------------------


def _completed(
    terms: Terms, settlement: Settlement | None, event: JobCompleted, given: Given
) -> Outcome[Settlement]:
    work = _work(event)
    return settlements.settle(settlement, work, _facts(terms, work, given), given.now)


def _resolve(
    terms: Terms, settlement: Settlement | None, command: ResolveHold, given: Given
) -> Outcome[Settlement]:
    work = settlements.open_hold(settlement).work
    if not given.has(RATE_CARDS, work.rate_card_id) or not _partners_given(work, given):
        return More(_needs_of_work(work))
    return settlements.resolve(settlement, command, _facts(terms, work, given), given.now)


def _look_again(
    terms: Terms, settlement: Settlement | None, _: str, given: Given
) -> Outcome[Settlement] | Decision[None]:
    if settlement is None:
        return Decision(None)
    work = settlement.work
    if not given.has(RATE_CARDS, work.rate_card_id) or not _partners_given(work, given):
        return More(_needs_of_work(work))
    return settlements.look_again(settlement, _facts(terms, work, given), given.now)


def _work(event: JobCompleted) -> CompletedWork:
    return CompletedWork(
        job_id=event.job_id,
        job_number=event.job_number,
        client_id=event.client_id,
        contractor_id=event.contractor_id,
        postcode=event.postcode,
        kind_of_work=event.kind_of_work,
        certifications=tuple(event.required_certifications),
        statement_version=event.statement.version,
        hours=event.statement.hours,
        performed_from=event.statement.performed_from,
        performed_to=event.statement.performed_to,
        travel_zone=event.travel_zone,
        rate_card_id=event.rate_card_id,
        rate_card_version=event.rate_card_version,
        own_reference=event.own_reference,
    )


def _needs_of_completed(event: JobCompleted) -> Iterable[Row]:
    return (
        RATE_CARDS.row(event.rate_card_id),
        PARTNERS.row(event.client_id),
        PARTNERS.row(event.contractor_id),
    )


def _needs_of_work(work: CompletedWork) -> list[Row]:
    return [RATE_CARDS.row(work.rate_card_id), PARTNERS.row(work.client_id), PARTNERS.row(work.contractor_id)]


def _partners_given(work: CompletedWork, given: Given) -> bool:
    return given.has(PARTNERS, work.client_id) and given.has(PARTNERS, work.contractor_id)


def _facts(terms: Terms, work: CompletedWork, given: Given) -> Facts:
    return Facts(
        terms=terms,
        card=given.one(RATE_CARDS, work.rate_card_id),
        client=given.one(PARTNERS, work.client_id),
        contractor=given.one(PARTNERS, work.contractor_id),
    )


# -- reference data ----------------------------------------------------------------------------------------


def _publish(card: RateCard | None, command: PublishRateCard, given: Given) -> Decision[RateCard]:
    return rate_cards.publish(card, command, _waiting(RATE_CARDS, command.rate_card_id, given), given.now)


def _keep(_: Partner | None, event: PartnerPublished, given: Given) -> Decision[Partner]:
    partner = Partner(
        partner_id=event.partner_id,
        party=Party(event.name, event.address, event.vat_id, event.tax_number, event.customer_number),
        language=event.language,
        self_billing=tuple(
            SelfBillingAgreement(agreement.valid_from, agreement.valid_until)
            for agreement in event.agreements
            if agreement.kind is AgreementKind.contractor and agreement.self_billing_agreed
        ),
    )
    return partners.keep(partner, _waiting(PARTNERS, event.partner_id, given))


def _held_for_rate_card(command: PublishRateCard) -> Iterable[Row]:
    return (HELD.row(RATE_CARDS, command.rate_card_id),)


def _held_for_partner(event: PartnerPublished) -> Iterable[Row]:
    return (HELD.row(PARTNERS, event.partner_id),)


def _waiting(rows: TableRows[Any], row_id: object, given: Given) -> list[Wake]:
    held = given.one(HELD, HELD.key(rows, row_id)) or ()
    return [Wake(SETTLEMENTS.name, job_id, CALLED_TIMER) for job_id in held]
