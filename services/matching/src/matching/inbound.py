"""What matching listens to, and who decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chassis.decisions import Changed, Decision, More, Outcome, Row, Waiting
from chassis.routes import Given, Reader, TimerRoute, acting_for, distributor, on, on_timer
from contracts.billing_rate_cards_v1 import RateCard
from contracts.job_exchange_jobs_v1 import (
    JobAmended,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobPosted,
    JobStarted,
)
from contracts.matching_commands_v1 import (
    AboutJob,
    AcceptOffer,
    AssignByHand,
    DeclineOffer,
    HoldJob,
    RankAgain,
    RateContractor,
    ReleaseAssignment,
    ReportNoShow,
    Volunteer,
)
from contracts.partner_registry_partners_v1 import Partner
from matching.domain import amending, assignment, contractors, coverage, standing
from matching.domain.coverage import Measured
from matching.domain.gathering import gather, propose
from matching.domain.model import Assignment, day_of
from matching.domain.search import give_up
from matching.domain.view import Expiry
from matching.measuring import Measuring
from matching.planning import Gathering
from matching.sight import Decide, Memory, Sight, Unseen, seeing
from matching.store import (
    ASSIGNMENTS,
    CAPACITY,
    CONTRACTORS,
    COUNTRY,
    COVERAGE,
    ENGAGEMENTS,
    FRESH_DEEDS,
    HELD,
    LOADS,
    RATE_CARDS,
    REACH,
    RECORDS,
    STANDINGS,
    VERSIONS,
)
from matching.translation import amended, contractor_from, job_from, rate_card_from

PATIENCE = timedelta(days=1)
"""How long a job waits for its rate card and its client to become known; then it is a dispatcher's turn."""


def readers(
    memory: Memory,
    expiry: Expiry,
    *,
    coverage_every: timedelta = timedelta(minutes=5),
    gathering: Gathering | None = None,
) -> tuple[Reader, ...]:
    """The table of contents: topic, message, what it is about, decision."""

    def seen(decide: Callable[[Any, Any, Sight], Decision[Any] | None]) -> Decide:
        return seeing(memory, decide)

    measuring = Measuring(memory.index)

    return (
        Reader(
            "assignments",
            tables=(ASSIGNMENTS, HELD, CAPACITY, CONTRACTORS, LOADS, ENGAGEMENTS, REACH, RATE_CARDS, RECORDS,
                    *([gathering.proposals] if gathering else [])),
            routes=(
                on(JobPosted, ASSIGNMENTS, posted(memory, expiry, gathering), needs=rate_card_and_client),
                on(JobAmended, ASSIGNMENTS, asked_anew(memory, expiry), needs=rate_card_and_client),
                on(JobCancelled, ASSIGNMENTS, seen(lambda s, _, v: assignment.cancel(s, v) if s else None),
                   needs=record),
                on(JobStarted, ASSIGNMENTS,
                   seen(lambda s, m, v: assignment.start(s, m.contractor_id, v) if s else None), needs=record),
                on(JobCompleted, ASSIGNMENTS,
                   seen(lambda s, m, v: assignment.complete(s, minutes_of(m), v) if s else None), needs=record),
                on(AcceptOffer, ASSIGNMENTS, seen(assignment.accept),
                   by=acting_for("contractor_id"), needs=his_row_held),
                on(DeclineOffer, ASSIGNMENTS, seen(lambda s, m, v: assignment.decline(s, m, v, expiry)),
                   by=acting_for("contractor_id"), needs=record),
                on(Volunteer, ASSIGNMENTS, seen(lambda s, m, v: assignment.volunteer(s, m, v, expiry)),
                   by=acting_for("contractor_id"), needs=his_row),
                on(AssignByHand, ASSIGNMENTS, seen(assignment.assign_by_hand),
                   by=distributor, needs=his_row_held),
                on(HoldJob, ASSIGNMENTS, seen(assignment.hold), by=distributor, needs=record),
                on(RankAgain, ASSIGNMENTS, seen(lambda s, m, v: assignment.rank_again(s, m, v, expiry)),
                   by=distributor, needs=record),
                on(ReleaseAssignment, ASSIGNMENTS, seen(lambda s, m, v: assignment.release(s, m, v, expiry)),
                   by=acting_for("contractor_id"), needs=record),
                on(ReportNoShow, ASSIGNMENTS,
                   seen(lambda s, m, v: assignment.report_no_show(s, m, v, expiry)),
                   by=acting_for("client_id"), needs=record),
                on(RateContractor, ASSIGNMENTS, seen(assignment.rate), by=acting_for("client_id"), needs=record),
            ),
            timers=(
                on_timer("offer-expires", ASSIGNMENTS,
                         seen(lambda s, _, v: assignment.expire(s, v, expiry)), needs=its_record),
                on_timer("award", ASSIGNMENTS,
                         seen(lambda s, _, v: assignment.take_standing_offer(s, v, expiry)), needs=its_record),
                on_timer("recheck", ASSIGNMENTS, seen(lambda s, _, v: assignment.recheck(s, v, expiry)),
                         needs=its_record),
                on_timer("search", ASSIGNMENTS, seen(lambda s, _, v: assignment.search_again(s, v, expiry)),
                         needs=its_record),
                *([planned(memory, expiry, gathering)] if gathering else []),
            ),
        ),
        Reader(
            "contractors",
            tables=(CONTRACTORS, VERSIONS, ENGAGEMENTS, FRESH_DEEDS, STANDINGS, COVERAGE, measuring),
            routes=(
                on(Partner, CONTRACTORS, partner_changed, needs=what_hangs_on_him),
            ),
            timers=(
                on_timer("measure", COVERAGE, coverage_measured(measuring, coverage_every)),
                on_timer("look-again", CONTRACTORS, partner_settled,
                         needs=lambda key: [ENGAGEMENTS.row(key)]),
                on_timer("count", STANDINGS, deeds_counted,
                         needs=lambda key: [FRESH_DEEDS.locked(key)]),
            ),
            wakes=True,
        ),
        Reader(
            "rate-cards",
            tables=(RATE_CARDS,),
            routes=(on(RateCard, RATE_CARDS, lambda _, m, __: Decision(rate_card_from(m))),),
            wakes=True,
        ),
    )  # fmt: skip


def posted(memory: Memory, expiry: Expiry, gathering: Gathering | None) -> Decide:
    """A job needs its rate card's version and its client before anybody can be looked for."""

    def decide(state: Assignment | None, event: JobPosted, given: Given) -> Outcome[Any]:
        card = given.one(RATE_CARDS, event.rate_card_id)
        tariff = card.tariff(event.rate_card_version) if card else None
        job = job_from(event, tariff)
        if tariff is None:
            return Waiting(f"{RATE_CARDS.name}/{event.rate_card_id}", PATIENCE, give_up(job))
        if given.one(CONTRACTORS, event.client_id) is None:
            return Waiting(f"{CONTRACTORS.name}/{event.client_id}", PATIENCE, give_up(job))
        sight = Sight(given, memory)
        try:
            if state is None and gathering is not None and gathering.wanted(job, sight):
                return gather(job, given.now, gathering.wait)
            return assignment.post(state, job, sight, expiry)
        except Unseen as unseen:
            return More(unseen.wants)

    return decide


def asked_anew(memory: Memory, expiry: Expiry) -> Decide:
    """Other certifications, hours or promises are other prices, by the version of the posting."""

    def decide(state: Assignment | None, event: JobAmended, given: Given) -> Outcome[Any]:
        card = given.one(RATE_CARDS, event.rate_card_id)
        tariff = card.tariff(event.rate_card_version) if card else None
        amend = seeing(
            memory,
            lambda s, m, v: amending.amend(s, amended(s.job, m, tariff), v, expiry) if s else None,
        )
        return amend(state, event, given)

    return decide


def planned(memory: Memory, expiry: Expiry, gathering: Gathering) -> TimerRoute:
    """The plan's choice, as a timer of each job it is about."""

    def decide(state: Assignment | None, _: str, given: Given) -> Outcome[Any]:
        if state is None:
            return Decision(state)
        proposal = given.one(gathering.proposals, state.job.job_id)
        return seeing(memory, lambda s, _, v: propose(s, proposal, v, expiry))(state, _, given)

    return on_timer(
        "plan",
        ASSIGNMENTS,
        decide,
        needs=lambda job_id: (*its_record(job_id), gathering.proposals.row(job_id)),
    )


def coverage_measured(measuring: Measuring, every: timedelta) -> Decide:
    """Every few minutes, by the memory of the replica that fires."""

    def decide(state: Measured | None, _: str, given: Given) -> Outcome[Any]:
        day = day_of(given.now)
        if not given.has(measuring, day):
            return More([measuring.row(day)])
        return coverage.tell(state, given.one(measuring, day), COUNTRY, given.now, every)

    return decide


def rate_card_and_client(event: JobPosted | JobAmended) -> Iterable[Row]:
    return RATE_CARDS.row(event.rate_card_id), CONTRACTORS.row(event.client_id), RECORDS.locked(event.job_id)


def record(message: JobEvent | AboutJob) -> Iterable[Row]:
    """What is added to a job's record costs nothing to ask for."""
    return (RECORDS.locked(message.job_id),)


def its_record(job_id: str) -> Iterable[Row]:
    return (RECORDS.locked(job_id),)


def his_row(command: Volunteer) -> Iterable[Row]:
    return CONTRACTORS.row(command.contractor_id), RECORDS.locked(command.job_id)


def his_row_held(command: AcceptOffer | AssignByHand) -> Iterable[Row]:
    """Under lock from the start, and with his other offers: an award is decided in one go."""
    return (
        HELD.locked(command.contractor_id),
        ENGAGEMENTS.row(command.contractor_id),
        RECORDS.locked(command.job_id),
    )


def minutes_of(event: JobCompleted) -> int:
    """The hours of the approved statement; they come in quarters."""
    return int(event.statement.hours * 60)


def what_hangs_on_him(partner: Partner) -> Iterable[Row]:
    return ENGAGEMENTS.row(partner.partner_id), VERSIONS.locked(partner.partner_id)


def partner_changed(state: Any, partner: Partner, given: Given) -> Outcome[Any]:
    engagements = given.one(ENGAGEMENTS, partner.partner_id) or ()
    decision = contractors.remember(state, contractor_from(partner, given.version), engagements, given.now)
    if decision.state is state:
        return decision
    versions = (*(given.one(VERSIONS, partner.partner_id) or ()), decision.state)
    return replace(decision, also=[Changed(VERSIONS.name, str(partner.partner_id), versions)])


def deeds_counted(state: Any, _: str, given: Given) -> Outcome[Any]:
    return standing.count(state, given.one(FRESH_DEEDS, state.partner_id) or (), given.now)


def partner_settled(state: Any, _: str, given: Given) -> Outcome[Any]:
    if state is None:
        return Decision(state)
    return contractors.look_again(state, given.one(ENGAGEMENTS, state.partner_id) or ())
