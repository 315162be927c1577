"""The gate: named constraints, each a pure function that answers None for pass, or the fact it failed on.

No command, role or flag passes it. Order matters for explanations only: the first that fails is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self
from uuid import UUID

from contracts.values import CustomerStatus, KindOfWork, ResponseTime
from matching.domain.model import Contractor, Job
from matching.domain.places import distance_km, dot_at


@dataclass(frozen=True, slots=True)
class ClientSide:
    """What of the client concerns the gate: whom he excludes, and his groups (at posting, and now)."""

    excludes: frozenset[UUID]
    groups: frozenset[str]

    @classmethod
    def of(cls, job: Job, client: Contractor | None) -> Self:
        """A client who is no longer known excludes nobody; his group is that of the posting."""
        groups = {job.client_group, client.group if client else None} - {None}
        return cls(client.excluded if client else frozenset(), frozenset(str(group) for group in groups))


@dataclass(slots=True)
class Case:
    """One partner and one job.

    free_minutes: of his week, without what is reserved for this very job.
    """

    job: Job
    contractor: Contractor
    distance_km: float | None
    travel_zone: int | None
    free_minutes: int
    lost: bool
    client: ClientSide

    @property
    def zone(self) -> int:
        """The travel zone of a case that has passed. Raises ValueError for one that cannot have."""
        if self.travel_zone is None:
            raise ValueError("nobody passes the gate without a travel zone")
        return self.travel_zone


SLACK_KM = 0.06
"""Distances are judged rounded to 0.1 km; what sifts before the gate may let too many pass."""
EVERYWHERE = -2.0
NOWHERE = 2.0

Constraint = Callable[[Case], str | None]


def customer_status(case: Case) -> str | None:
    status = case.contractor.customer_status
    return None if status is CustomerStatus.active else f"customer status is {status.value}"


def not_suspended(case: Case) -> str | None:
    return "suspended" if case.contractor.suspended else None


def kind_of_work(case: Case) -> str | None:
    wanted, availability = case.job.kind_of_work, case.contractor.availability
    if wanted is KindOfWork.unknown or availability is None or wanted not in availability.kinds_of_work:
        return f"does not offer {wanted.value}"
    return None


def response_time(case: Case) -> str | None:
    wanted, availability = case.job.response_time, case.contractor.availability
    if wanted is ResponseTime.unknown or availability is None or wanted not in availability.response_times:
        return f"does not offer {wanted.value}"
    return None


def reach(case: Case) -> str | None:
    """The job lies in the partner's radius, or he works nationwide."""
    availability = case.contractor.availability
    if case.distance_km is None or availability is None:
        return "place not known" if case.distance_km is None else "offers no radius"
    if availability.nationwide:
        return None
    radius = availability.radius_km
    if radius is None:
        return "offers no radius"
    return None if case.distance_km <= radius else f"{case.distance_km} km away, radius {radius} km"


def insurance(case: Case) -> str | None:
    """In force on every day of the job, with the sum the job asks for."""
    held, job = case.contractor.insurance, case.job
    if held is None:
        return "no liability insurance known"
    if held.valid_from > job.first_day:
        return f"valid from {held.valid_from}, job begins {job.first_day}"
    if held.valid_until < job.last_day:
        return f"valid until {held.valid_until}, job ends {job.last_day}"
    if job.insurance_cents is not None and held.sum_cents < job.insurance_cents:
        return f"insured for {held.sum_cents // 100} EUR, asked for {job.insurance_cents // 100} EUR"
    return None


def certifications(case: Case) -> str | None:
    """Each required one at its level or above, valid through the last day of the job."""
    for wanted in case.job.certifications:
        name = f"{wanted.manufacturer} {wanted.product_line} level {wanted.level}".replace("&", "+")
        best: date | None = None
        for held in case.contractor.certifications:
            if (
                held.manufacturer == wanted.manufacturer
                and held.product_line == wanted.product_line
                and held.level >= wanted.level
                and (best is None or held.valid_until > best)
            ):
                best = held.valid_until
        if best is None:
            return f"lacks {name}"
        if best < case.job.last_day:
            return f"{name} valid until {best}, job ends {case.job.last_day}"
    return None


def contractor_agreement(case: Case) -> str | None:
    """In force on every day of the job; several may follow each other."""
    day, last = case.job.first_day, case.job.last_day
    while day <= last:
        covered = None
        for term in case.contractor.agreements:
            if term.valid_from <= day and (term.valid_until is None or term.valid_until >= day):
                if term.valid_until is None:
                    return None
                covered = max(covered, term.valid_until) if covered else term.valid_until
        if covered is None:
            return f"no contractor agreement on {day}"
        day = covered + timedelta(days=1)
    return None


def not_the_client(case: Case) -> str | None:
    """Neither the client himself nor a company of his group."""
    contractor = case.contractor
    if contractor.partner_id == case.job.client_id:
        return "is the client"
    return "same group as the client" if contractor.group in case.client.groups else None


def exclusion(case: Case) -> str | None:
    """Nobody who excluded the client, or whom the client excluded."""
    if case.job.client_id in case.contractor.excluded:
        return "excludes the client"
    return "excluded by the client" if case.contractor.partner_id in case.client.excludes else None


def travel_zone(case: Case) -> str | None:
    """The zone of the rate card in which he is, within the client's highest."""
    zone, highest = case.travel_zone, case.job.highest_zone
    if zone is None:
        return "beyond the last travel zone"
    return None if zone <= highest else f"travel zone {zone}, highest agreed {highest}"


def not_lost(case: Case) -> str | None:
    return "declined or lost this job before" if case.lost else None


def capacity(case: Case) -> str | None:
    """Enough of his week is free."""
    free, asked = case.free_minutes, case.job.minutes
    return None if free >= asked else f"{max(0, free)} min free in {case.job.week}, job takes {asked} min"


GATE: tuple[tuple[str, Constraint], ...] = (
    ("reach", reach),
    ("customer-status", customer_status),
    ("suspended", not_suspended),
    ("kind-of-work", kind_of_work),
    ("response-time", response_time),
    ("insurance", insurance),
    ("certification", certifications),
    ("contractor-agreement", contractor_agreement),
    ("not-the-client", not_the_client),
    ("exclusion", exclusion),
    ("travel-zone", travel_zone),
    ("lost-before", not_lost),
    ("capacity", capacity),
)
WITHOUT_CAPACITY = GATE[:-1]
"""All that can be judged from the partner alone."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The first constraint that did not hold, and the fact."""

    constraint: str
    fact: str


def judge(case: Case, gate: tuple[tuple[str, Constraint], ...] = GATE) -> Failed | None:
    """None: he may and can."""
    for name, constraint in gate:
        fact = constraint(case)
        if fact is not None:
            return Failed(name, fact)
    return None


def zone_at(job: Job, km: float | None) -> int | None:
    """The first zone of the rate card that reaches so far; None beyond the last."""
    if km is None:
        return None
    return next((zone.zone for zone in job.zones if km <= zone.up_to_km), None)


def case_of(
    job: Job, contractor: Contractor, client: ClientSide, *, free_minutes: int = 0, lost: bool = False
) -> Case:
    """Put a partner and a job side by side."""
    km = distance_km(job.place, contractor.place) if job.place and contractor.place else None
    return Case(job, contractor, km, zone_at(job, km), free_minutes, lost, client)


def least_dot(contractor: Contractor) -> float:
    """The constraint `reach` as a number to sift by: a job whose dot product is less is out of reach."""
    availability = contractor.availability
    if contractor.place is None or availability is None:
        return NOWHERE
    if availability.nationwide:
        return EVERYWHERE
    return NOWHERE if availability.radius_km is None else dot_at(availability.radius_km + SLACK_KM) - 1e-12
