"""What billing listens to, and who decides. Other services' events are translated here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from billing import reading
from billing.domain import classes, estimates, issuing, partners, payables, rate_cards, settlements
from billing.domain.partners import Partner
from billing.domain.rate_cards import RateCard
from billing.domain.reversals import Frozen
from billing.domain.settlements import (
    CALLED_TIMER,
    LOOK_AGAIN_TIMER,
    Facts,
    OwnInvoice,
    Settlement,
    Terms,
)
from billing.domain.work import CompletedWork
from billing.store import (
    FEE_CLASSES,
    PARTNERS,
    RATE_CARDS,
    SETTLEMENTS,
    WORK_CLASSES,
)
from billing.translation import cancelled_work, completed_work, partner_from
from billing.views import DOCUMENTS, HELD, OWN_NUMBERS
from chassis.decisions import Decision, More, Outcome, Rejected, Row, Wake
from chassis.routes import Given, Reader, acting_for, distributor, on, on_timer
from chassis.rows import Rows
from contracts.billing_commands_v1 import (
    ClassifyFee,
    ClassifyWork,
    DecideOwnInvoice,
    DecideTax,
    EstimateJob,
    ObjectToSelfBilling,
    PublishRateCard,
    RecordOwnInvoice,
    RecordPayout,
    ResolveHold,
    SubmitOwnInvoice,
)
from contracts.job_exchange_jobs_v1 import JobCancelled, JobCompleted, StatementCorrected
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished

Decide = Callable[[Settlement | None, Any, Facts, Given], Outcome[Any]]


def readers(terms: Terms) -> tuple[Reader, ...]:
    """The table of contents: `terms` are what is the same for all settlements, from the settings."""

    def about(decide: Decide) -> Callable[[Settlement | None, Any, Given], Outcome[Any]]:
        return partial(_with_facts, terms, decide)

    contractor = acting_for("contractor_id")
    return (
        Reader(
            "settlements",
            tables=(
                SETTLEMENTS,
                DOCUMENTS,
                RATE_CARDS,
                PARTNERS,
                WORK_CLASSES,
                FEE_CLASSES,
                HELD,
                OWN_NUMBERS,
            ),
            routes=(
                on(JobCompleted, SETTLEMENTS, partial(_completed, terms), needs=_needs_of_completed),
                on(StatementCorrected, SETTLEMENTS, partial(_corrected, terms)),
                on(JobCancelled, SETTLEMENTS, partial(_cancelled, terms)),
                on(ResolveHold, SETTLEMENTS, about(_resolve), by=distributor),
                on(DecideTax, SETTLEMENTS, about(_decide_tax), by=distributor),
                on(ObjectToSelfBilling, SETTLEMENTS, about(_object), by=contractor),
                on(SubmitOwnInvoice, SETTLEMENTS, about(_submit_own_invoice), by=contractor),
                on(RecordOwnInvoice, SETTLEMENTS, about(_record_own_invoice), by=distributor),
                on(DecideOwnInvoice, SETTLEMENTS, about(_decide_own_invoice), by=distributor),
                on(RecordPayout, SETTLEMENTS, about(_record_payout), by=distributor),
                on(PublishRateCard, RATE_CARDS, _publish, needs=_held_for_rate_card, by=distributor),
                on(EstimateJob, RATE_CARDS, _estimate, needs=_who_asks, by=acting_for("partner_id")),
                on(ClassifyWork, WORK_CLASSES, _classify_work, needs=_held_for_work_class, by=distributor),
                on(ClassifyFee, FEE_CLASSES, _classify_fee, needs=_held_for_fee_class, by=distributor),
            ),
            timers=(
                on_timer(CALLED_TIMER, SETTLEMENTS, about(_look_again)),
                on_timer(LOOK_AGAIN_TIMER, SETTLEMENTS, about(_look_again)),
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
) -> Outcome[Any]:
    if settlement is not None:
        return Decision(settlement)
    work = completed_work(event)
    return _lacking(work, None, given) or issuing.settle(
        None, work, _facts(terms, work, None, given), given.now
    )


def _corrected(
    terms: Terms, settlement: Settlement | None, event: StatementCorrected, given: Given
) -> Outcome[Any]:
    work = completed_work(event)
    return _lacking(work, settlement, given) or issuing.correct(
        settlement, work, _facts(terms, work, settlement, given), given.now
    )


def _cancelled(
    terms: Terms, settlement: Settlement | None, event: JobCancelled, given: Given
) -> Outcome[Any] | Decision[None]:
    work = cancelled_work(event)
    if work is None or settlement is not None:
        return Decision(settlement)
    return _lacking(work, None, given) or issuing.settle(
        None, work, _facts(terms, work, None, given), given.now
    )


def _with_facts(
    terms: Terms, decide: Decide, settlement: Settlement | None, message: Any, given: Given
) -> Outcome[Any]:
    """Decide with all that the settlement's own work asks for; a job that is not known needs nothing."""
    if settlement is None:
        return decide(None, message, Facts(terms, None, None, None), given)
    work = settlement.work
    lacking = _lacking(work, settlement, given)
    return lacking or decide(settlement, message, _facts(terms, work, settlement, given), given)


def _look_again(settlement: Settlement | None, _: str, facts: Facts, given: Given) -> Outcome[Any]:
    if settlement is None:
        return Decision(None)
    return issuing.look_again(settlement, facts, given.now)


def _resolve(settlement: Settlement | None, said: ResolveHold, facts: Facts, given: Given) -> Outcome[Any]:
    return issuing.resolve(settlement, said, facts, given.now)


def _decide_tax(settlement: Settlement | None, said: DecideTax, facts: Facts, given: Given) -> Outcome[Any]:
    return issuing.decide_tax(settlement, said, facts, given.now)


def _object(
    settlement: Settlement | None, said: ObjectToSelfBilling, facts: Facts, given: Given
) -> Outcome[Any]:
    return payables.object_to(settlement, said, facts, given.now)


def _submit_own_invoice(
    settlement: Settlement | None, said: SubmitOwnInvoice, facts: Facts, given: Given
) -> Outcome[Any]:
    if settlements.known(settlement).work.contractor_id != said.contractor_id:
        raise Rejected("not-your-job", "This job was somebody else's.", "contractor_id")
    file = reading.joined(said.content_base64)
    return _take_own_invoice(settlement, reading.own_invoice(file), facts, given, file)


def _record_own_invoice(
    settlement: Settlement | None, said: RecordOwnInvoice, facts: Facts, given: Given
) -> Outcome[Any]:
    return _take_own_invoice(settlement, payables.recorded(said), facts, given)


def _take_own_invoice(
    settlement: Settlement | None, own: OwnInvoice, facts: Facts, given: Given, file: bytes | None = None
) -> Outcome[Any]:
    key = OWN_NUMBERS.key(settlements.known(settlement).work.contractor_id, own.number)
    if not given.has(OWN_NUMBERS, key):
        return More([Row(OWN_NUMBERS.name, key)])
    numbered_so: tuple[str, ...] = given.one(OWN_NUMBERS, key) or ()
    return payables.take_own_invoice(settlement, own, facts, given.now, numbered_so, file)


def _decide_own_invoice(
    settlement: Settlement | None, said: DecideOwnInvoice, facts: Facts, given: Given
) -> Outcome[Any]:
    return payables.decide_own_invoice(settlement, said, facts, given.now)


def _record_payout(
    settlement: Settlement | None, said: RecordPayout, facts: Facts, given: Given
) -> Outcome[Any]:
    return payables.record_payout(settlement, said, facts, given.now)


def _needs_of_completed(event: JobCompleted) -> Iterable[Row]:
    """What nearly every settlement needs, loaded at once for the whole batch."""
    return (
        RATE_CARDS.row(event.rate_card_id),
        PARTNERS.row(event.client_id),
        PARTNERS.row(event.contractor_id),
        WORK_CLASSES.row(event.kind_of_work.value),
    )


def _needs(work: CompletedWork, settlement: Settlement | None) -> list[tuple[Rows[Any], object]]:
    rows: list[tuple[Rows[Any], object]] = [
        (RATE_CARDS, work.rate_card_id),
        (PARTNERS, work.client_id),
        (PARTNERS, work.contractor_id),
        (WORK_CLASSES, work.kind_of_work.value),
    ]
    if work.fee is not None:
        rows.append((FEE_CLASSES, work.fee.value))
    if work.rework_of is not None:
        rows.append((SETTLEMENTS, work.rework_of))
    if settlement is not None and settlement.issued_version is not None:
        rows.append((DOCUMENTS, work.job_id))
    return rows


def _lacking(work: CompletedWork, settlement: Settlement | None, given: Given) -> More | None:
    lacking = [
        Row(rows.name, str(row_id))
        for rows, row_id in _needs(work, settlement)
        if not given.has(rows, row_id)
    ]
    return More(lacking) if lacking else None


def _facts(terms: Terms, work: CompletedWork, settlement: Settlement | None, given: Given) -> Facts:
    return Facts(
        terms=terms,
        card=given.one(RATE_CARDS, work.rate_card_id),
        client=given.one(PARTNERS, work.client_id),
        contractor=given.one(PARTNERS, work.contractor_id),
        work_class=given.one(WORK_CLASSES, work.kind_of_work.value),
        fee_class=given.one(FEE_CLASSES, work.fee.value) if work.fee is not None else None,
        original=given.one(SETTLEMENTS, work.rework_of) if work.rework_of is not None else None,
        documents=_documents(settlement, given) if settlement is not None else {},
    )


def _documents(settlement: Settlement, given: Given) -> Mapping[str, Frozen]:
    """Those that are stored, and those that an earlier decision of this transaction has issued."""
    if settlement.issued_version is None:
        return {}
    stored = given.one(DOCUMENTS, settlement.work.job_id) or {}
    return {**stored, **{one.number: Frozen.of(one) for one in settlement.issued}}


# -- reference data ----------------------------------------------------------------------------------------


def _publish(card: RateCard | None, command: PublishRateCard, given: Given) -> Decision[RateCard]:
    waiting = _waiting(RATE_CARDS, command.rate_card_id, given)
    return rate_cards.publish(card, command, waiting, given.now)


def _estimate(card: RateCard | None, command: EstimateJob, given: Given) -> Decision[RateCard | None]:
    return estimates.estimate(card, command, given.one(PARTNERS, command.partner_id), given.now)


def _who_asks(command: EstimateJob) -> Iterable[Row]:
    return (PARTNERS.row(command.partner_id),)


def _classify_work(known: Any, command: ClassifyWork, given: Given) -> Decision[Any]:
    waiting = _waiting(WORK_CLASSES, command.kind_of_work.value, given)
    return classes.classify_work(known, command, waiting)


def _classify_fee(known: Any, command: ClassifyFee, given: Given) -> Decision[Any]:
    return classes.classify_fee(known, command, _waiting(FEE_CLASSES, command.fee.value, given))


def _keep(_: Partner | None, event: PartnerPublished, given: Given) -> Decision[Partner]:
    return partners.keep(partner_from(event), _waiting(PARTNERS, event.partner_id, given))


def _held_for_rate_card(command: PublishRateCard) -> Iterable[Row]:
    return (HELD.row(RATE_CARDS, command.rate_card_id),)


def _held_for_work_class(command: ClassifyWork) -> Iterable[Row]:
    return (HELD.row(WORK_CLASSES, command.kind_of_work.value),)


def _held_for_fee_class(command: ClassifyFee) -> Iterable[Row]:
    return (HELD.row(FEE_CLASSES, command.fee.value),)


def _held_for_partner(event: PartnerPublished) -> Iterable[Row]:
    return (HELD.row(PARTNERS, event.partner_id),)


def _waiting(rows: Rows[Any], row_id: object, given: Given) -> list[Wake]:
    held = given.one(HELD, HELD.key(rows, row_id)) or ()
    return [Wake(SETTLEMENTS.name, job_id, CALLED_TIMER) for job_id in held]
