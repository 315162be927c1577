"""The gate: named constraints, each a pure function that answers None for pass, or the fact it failed on,
in English and in German.

No command, role or flag passes it. Order matters for explanations only: the first that fails is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self
from uuid import UUID

from contracts.values import CustomerStatus, KindOfWork, RequiredCertification, ResponseTime
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

Words = tuple[str, str]
"""A fact in English and in German."""
Constraint = Callable[[Case], Words | None]


def customer_status(case: Case) -> Words | None:
    status = case.contractor.customer_status
    if status is CustomerStatus.active:
        return None
    return f"customer status is {status.value}", f"Kundenstatus ist {_GERMAN.get(status.value, status.value)}"


def not_suspended(case: Case) -> Words | None:
    return ("suspended", "gesperrt") if case.contractor.suspended else None


def kind_of_work(case: Case) -> Words | None:
    wanted, availability = case.job.kind_of_work, case.contractor.availability
    if wanted is KindOfWork.unknown or availability is None or wanted not in availability.kinds_of_work:
        return _not_offered(wanted.value)
    return None


def response_time(case: Case) -> Words | None:
    wanted, availability = case.job.response_time, case.contractor.availability
    if wanted is ResponseTime.unknown or availability is None or wanted not in availability.response_times:
        return _not_offered(wanted.value)
    return None


def reach(case: Case) -> Words | None:
    """The job lies in the partner's radius, or he works nationwide."""
    availability = case.contractor.availability
    if case.distance_km is None:
        return "place not known", "Ort nicht bekannt"
    if availability is not None and availability.nationwide:
        return None
    radius = None if availability is None else availability.radius_km
    if radius is None:
        return "offers no radius", "bietet keinen Umkreis an"
    if case.distance_km <= radius:
        return None
    km = f"{case.distance_km}"
    return f"{km} km away, radius {radius} km", f"{km.replace('.', ',')} km entfernt, Umkreis {radius} km"


def insurance(case: Case) -> Words | None:
    """In force on every day of the job, with the sum the job asks for."""
    held, job = case.contractor.insurance, case.job
    if held is None:
        return "no liability insurance known", "keine Haftpflichtversicherung bekannt"
    if held.valid_from > job.first_day:
        return (
            f"valid from {held.valid_from}, job begins {job.first_day}",
            f"gilt ab {_day(held.valid_from)}, Auftrag beginnt {_day(job.first_day)}",
        )
    if held.valid_until < job.last_day:
        return (
            f"valid until {held.valid_until}, job ends {job.last_day}",
            f"gilt bis {_day(held.valid_until)}, Auftrag endet {_day(job.last_day)}",
        )
    if job.insurance_cents is not None and held.sum_cents < job.insurance_cents:
        has, asked = held.sum_cents // 100, job.insurance_cents // 100
        return (
            f"insured for {has} EUR, asked for {asked} EUR",
            f"versichert mit {has} EUR, verlangt {asked} EUR",
        )
    return None


def certifications(case: Case) -> Words | None:
    """Each required one at its level or above, valid through the last day of the job."""
    for wanted in case.job.certifications:
        best: date | None = None
        for held in case.contractor.certifications:
            if (
                held.manufacturer == wanted.manufacturer
                and held.product_line == wanted.product_line
                and held.level >= wanted.level
                and (best is None or held.valid_until > best)
            ):
                best = held.valid_until
        if best is None or best < case.job.last_day:
            return _not_certified(wanted, best, case.job.last_day)
    return None


def _not_certified(wanted: RequiredCertification, best: date | None, last_day: date) -> Words:
    name = f"{wanted.manufacturer} {wanted.product_line}".replace("&", "+")
    english, german = f"{name} level {wanted.level}", f"{name} Stufe {wanted.level}"
    if best is None:
        return f"lacks {english}", f"ohne {german}"
    return (
        f"{english} valid until {best}, job ends {last_day}",
        f"{german} gilt bis {_day(best)}, Auftrag endet {_day(last_day)}",
    )


def contractor_agreement(case: Case) -> Words | None:
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
            return (
                f"no contractor agreement on {day}",
                f"keine Rahmenvereinbarung als Auftragnehmer am {_day(day)}",
            )
        day = covered + timedelta(days=1)
    return None


def not_the_client(case: Case) -> Words | None:
    """Neither the client himself nor a company of his group."""
    contractor = case.contractor
    if contractor.partner_id == case.job.client_id:
        return "is the client", "ist der Auftraggeber"
    if contractor.group in case.client.groups:
        return "same group as the client", "gleiche Unternehmensgruppe wie der Auftraggeber"
    return None


def exclusion(case: Case) -> Words | None:
    """Nobody who excluded the client, or whom the client excluded."""
    if case.job.client_id in case.contractor.excluded:
        return "excludes the client", "schließt den Auftraggeber aus"
    if case.contractor.partner_id in case.client.excludes:
        return "excluded by the client", "vom Auftraggeber ausgeschlossen"
    return None


def travel_zone(case: Case) -> Words | None:
    """The zone of the rate card in which he is, within the client's highest."""
    zone, highest = case.travel_zone, case.job.highest_zone
    if zone is None:
        return "beyond the last travel zone", "jenseits der letzten Fahrtzone"
    if zone <= highest:
        return None
    return f"travel zone {zone}, highest agreed {highest}", f"Fahrtzone {zone}, vereinbart bis {highest}"


def not_lost(case: Case) -> Words | None:
    if not case.lost:
        return None
    return "declined or lost this job before", "hat diesen Auftrag abgelehnt oder verloren"


def capacity(case: Case) -> Words | None:
    """Enough of his week is free."""
    asked = case.job.minutes
    if case.free_minutes >= asked:
        return None
    free, week = max(0, case.free_minutes), case.job.week
    return (
        f"{free} min free in {week}, job takes {asked} min",
        f"{free} min frei in {week}, Auftrag braucht {asked} min",
    )


_GERMAN = {
    "blocked": "gesperrt",
    "ended": "beendet",
    "unknown": "unbekannt",
    "installation": "Installation",
    "service": "Service",
    "maintenance": "Wartung",
    "dismantling": "Abbau",
    "four_hours": "vier Stunden",
    "next_business_day": "nächster Arbeitstag",
    "scheduled": "nach Termin",
}


def _not_offered(word: str) -> Words:
    return f"does not offer {word}", f"bietet nicht an: {_GERMAN.get(word, word)}"


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


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
    fact_de: str = ""


def judge(case: Case, gate: tuple[tuple[str, Constraint], ...] = GATE) -> Failed | None:
    """None: he may and can."""
    for name, constraint in gate:
        fact = constraint(case)
        if fact is not None:
            return Failed(name, *fact)
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
