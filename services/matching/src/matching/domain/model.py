"""What matching knows: partners, jobs, capacity, and who has or is offered which job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.values import (
    Certification,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    RequiredCertification,
    ResponseTime,
    VisitTerms,
)
from matching.domain.places import Place
from matching.domain.standing import NEWCOMER, Deed

BERLIN = ZoneInfo("Europe/Berlin")


def day_of(moment: datetime) -> date:
    """The day in Germany."""
    return moment.astimezone(BERLIN).date()


def week_of(day: date) -> str:
    """The ISO week of a day in Germany, such as 2026-W53."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


# -- partners ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """Days an agreement holds, both included; no end: until it is ended."""

    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Insurance:
    """Liability insurance; the sum in cents."""

    sum_cents: int
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Availability:
    """What a partner offers: where, how many minutes a week, what, how fast."""

    radius_km: int | None
    nationwide: bool
    weekly_minutes: int
    kinds_of_work: frozenset[KindOfWork]
    response_times: frozenset[ResponseTime]
    standing_offer: bool


@dataclass(frozen=True, slots=True)
class Contractor:
    """A partner as matching knows him, at one version of the partners topic. Clients are partners too."""

    partner_id: UUID
    version: int
    place: Place | None
    customer_status: CustomerStatus
    group: str | None
    suspended: bool
    agreements: tuple[Term, ...]
    insurance: Insurance | None
    certifications: tuple[Certification, ...]
    availability: Availability | None
    excluded: frozenset[UUID]

    @property
    def weekly_minutes(self) -> int:
        return self.availability.weekly_minutes if self.availability else 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What of a partner's time in one week is taken. known, before: what the database has."""

    partner_id: UUID
    week: str
    offered_minutes: int
    reserved_minutes: int
    before_minutes: int
    known: bool

    @classmethod
    def unused(cls, partner_id: UUID, week: str) -> Self:
        return cls(partner_id, week, 0, 0, 0, known=False)

    @property
    def key(self) -> str:
        return capacity_key(self.partner_id, self.week)

    def reserve(self, minutes: int, offered_minutes: int) -> Capacity:
        """Take minutes; what is offered counts as it is at this moment."""
        taken = self.reserved_minutes + minutes
        if taken > offered_minutes:
            raise ValueError("more reserved than offered: the gate was not asked")
        return replace(self, reserved_minutes=taken, offered_minutes=offered_minutes)

    def give_back(self, minutes: int) -> Capacity:
        if minutes > self.reserved_minutes:
            raise ValueError("more given back than reserved")
        return replace(self, reserved_minutes=self.reserved_minutes - minutes)


def capacity_key(partner_id: UUID, week: str) -> str:
    return f"{partner_id}/{week}"


# -- prices --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TravelZone:
    """A zone ends at so many kilometres; what the contractor gets for the way, flat, in euros."""

    zone: int
    up_to_km: int
    contractor_flat: Decimal


@dataclass(frozen=True, slots=True)
class QualifiedHour:
    """What the contractor gets for the hour of work that asks for this certification, in euros."""

    kind_of_work: KindOfWork
    certification: RequiredCertification
    per_hour: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """A published version of a rate card, the contractor's side of it. Euros per hour by kind of work.

    qualified: the first that covers what a job asks for goes before the plain hour. response: flat, in euros.
    """

    version: int
    per_hour: Mapping[KindOfWork, Decimal]
    zones: tuple[TravelZone, ...]
    qualified: tuple[QualifiedHour, ...] = ()
    response: Mapping[ResponseTime, Decimal] = field(default_factory=dict)
    visit: VisitTerms = field(default_factory=VisitTerms)

    def hour(self, work: KindOfWork, asked: Sequence[RequiredCertification]) -> Decimal | None:
        """The hour's price for what a job asks for; None: this version has none for this work."""
        fitting = (
            one.per_hour
            for one in self.qualified
            if one.kind_of_work is work and any(one.certification.covers(each) for each in asked)
        )
        return next(fitting, self.per_hour.get(work))


@dataclass(frozen=True, slots=True)
class RateCard:
    """All published versions."""

    rate_card_id: UUID
    tariffs: tuple[Tariff, ...]

    def tariff(self, version: int) -> Tariff | None:
        return next((tariff for tariff in self.tariffs if tariff.version == version), None)


# -- jobs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """A posted job as the gate sees it. Days and week are Germany's; prices are those fixed at posting.

    hours: what it takes of his capacity; paid_hours: what he is paid for, with step and minimum (None: the same).
    response_flat: for the promised response time, in euros.
    """

    job_id: UUID
    job_number: str
    client_id: UUID
    client_group: str | None
    postcode: str
    place: Place | None
    kind_of_work: KindOfWork
    response_time: ResponseTime
    certifications: tuple[RequiredCertification, ...]
    first_day: date
    last_day: date
    ends_at: datetime
    hours: Decimal
    insurance_cents: int | None
    highest_zone: int
    policy: OfferPolicy
    per_hour: Decimal
    zones: tuple[TravelZone, ...]
    starts_at: datetime | None = None
    paid_hours: Decimal | None = None
    response_flat: Decimal = Decimal(0)

    @property
    def minutes(self) -> int:
        """Estimated hours in minutes; hours come in quarters."""
        return int(self.hours * 60)

    @property
    def week(self) -> str:
        """The week whose capacity the job takes: the one it begins in."""
        return week_of(self.first_day)


class Phase(StrEnum):
    """searching: will look again soon. awarding: a standing offer is about to be taken. held: a dispatcher's."""

    SEARCHING = "searching"
    OFFERED = "offered"
    AWARDING = "awarding"
    ASSIGNED = "assigned"
    STARTED = "started"
    COMPLETED = "completed"
    UNFILLED = "unfilled"
    HELD = "held"
    CANCELLED = "cancelled"


OPEN = (Phase.SEARCHING, Phase.OFFERED, Phase.AWARDING, Phase.UNFILLED, Phase.HELD)
"""Nobody has the job yet."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one candidate is asked."""

    offer_id: UUID
    contractor_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """One partner as a round saw him: enough to judge and to place him again.

    version: of the partners topic. reserved_minutes: of his week, unlocked. sums: his standing.
    terms: in ten-thousandths, in the order of policy.TERMS; none for who failed, and then `constraint` and facts.
    assumed: the database did not know him yet, so that nothing can be judged again.
    """

    partner_id: UUID
    version: int
    distance_km: float | None
    travel_zone: int | None
    reserved_minutes: int = 0
    sums: tuple[int, ...] = NEWCOMER
    terms: tuple[int, ...] = ()
    score: int | None = None
    constraint: str | None = None
    fact: str = ""
    fact_de: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One decision on whom to ask, with all that it hung on. Kept as it was; `replay` makes it again.

    client_version: 0 when the client was not known. seen: who passed, in order, then who did not.
    asked: those who were asked, taken at their word, or given it by hand. proposed: by the plan for many jobs, before
    all others.
    job: as it was then, if it was amended before; else it was as posted.
    """

    number: int
    at: datetime
    policy_version: str
    client_version: int
    lost: tuple[UUID, ...]
    volunteers: tuple[UUID, ...]
    looked_at: int
    removed: Mapping[str, int]
    seen: tuple[Seen, ...]
    asked: tuple[UUID, ...]
    proposed: UUID | None = None
    job: Job | None = None


class ActKind(StrEnum):
    """What a dispatcher can do to a job."""

    HELD = "held"
    RANKED_AGAIN = "ranked-again"
    GIVEN_BY_HAND = "given-by-hand"


@dataclass(frozen=True, slots=True)
class Act:
    """What a dispatcher did to a job, and why. by: who, as an actor; contractor_id: to whom he gave it."""

    kind: ActKind
    at: datetime
    by: str
    reason: str
    contractor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What is only ever added to: rounds, dispatchers' acts, and deeds that count for standings."""

    job_id: UUID
    rounds: tuple[Round, ...] = ()
    acts: tuple[Act, ...] = ()
    deeds: tuple[Deed, ...] = ()

    def plus(self, rounds: Sequence[Round], acts: Sequence[Act], deeds: Sequence[Deed]) -> Record:
        return Record(self.job_id, (*self.rounds, *rounds), (*self.acts, *acts), (*self.deeds, *deeds))


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who does a job, and how it came to that.

    contractor_id: who is offered the job (the first of those asked), or has it.
    offers: what is open; several when the best few are asked at once. reserved_minutes: kept free in the job's week.
    lost: who declined, let an offer pass, or had the job and lost it, since the job's last amendment.
    volunteers: looked at in any case.
    candidates: the best of the last round, and near ones who failed, until somebody has the job.
    stars: the client's rating; 0 for none.
    travel_zone: of who has it, fixed at award. posted_as: the job before its first amendment; None: never amended.
    """

    job: Job
    phase: Phase = Phase.SEARCHING
    round: int = 0
    contractor_id: UUID | None = None
    offers: tuple[Offer, ...] = ()
    reserved_minutes: int = 0
    lost: tuple[UUID, ...] = ()
    volunteers: tuple[UUID, ...] = ()
    offers_made: int = 0
    candidates: tuple[Seen, ...] = ()
    policy_version: str = ""
    stars: int = 0
    travel_zone: int | None = None
    posted_as: Job | None = None

    @property
    def offer(self) -> Offer | None:
        """The open offer, or the first of several."""
        return self.offers[0] if self.offers else None

    def offer_to(self, contractor_id: UUID) -> Offer | None:
        return next((offer for offer in self.offers if offer.contractor_id == contractor_id), None)

    def nobody(self, phase: Phase, *lost: UUID | None) -> Assignment:
        """The same job with nobody asked and nothing reserved."""
        gone = (*self.lost, *(each for each in lost if each is not None and each not in self.lost))
        stays = tuple(volunteer for volunteer in self.volunteers if volunteer not in gone)
        return replace(
            self,
            phase=phase,
            contractor_id=None,
            offers=(),
            reserved_minutes=0,
            lost=gone,
            volunteers=stays,
            travel_zone=None,
        )

    def without(self, offer: Offer) -> Assignment:
        """One of several offers is gone, the others stay; who had it has lost the job."""
        rest = tuple(each for each in self.offers if each != offer)
        return replace(
            self, offers=rest, contractor_id=rest[0].contractor_id, lost=(*self.lost, offer.contractor_id)
        )


@dataclass(frozen=True, slots=True)
class Engagement:
    """A job that is open or not yet begun, of somebody who concerns it as contractor or as client."""

    job_id: UUID
    phase: Phase
    as_client: bool
    week: str
    minutes: int
