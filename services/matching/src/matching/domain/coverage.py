"""Coverage: what a partner is qualified for, by the gate's own constraints, and when a change of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from chassis.decisions import Decision
from contracts.matching_coverage_v1 import MOST_REACHES, Certified, Coverage, Reach
from contracts.values import KindOfWork, OfferPolicy, RequiredCertification, ResponseTime
from matching.domain.gate import WITHOUT_CAPACITY, ClientSide, case_of, certifications, judge
from matching.domain.model import Contractor, Job, TravelZone

SOON = timedelta(seconds=2)
"""When to ask again for a measurement that is being made."""
SHARES = 10_000
_NOBODY = UUID(int=0)
_NO_CLIENT = ClientSide(frozenset(), frozenset())
_AT_HIS_DOOR = Job(
    job_id=_NOBODY,
    job_number="A00000000",
    client_id=_NOBODY,
    client_group=None,
    postcode="",
    place=None,
    kind_of_work=KindOfWork.unknown,
    response_time=ResponseTime.unknown,
    certifications=(),
    first_day=date.min,
    last_day=date.min,
    ends_at=datetime.combine(date.min, time(), UTC),
    hours=Decimal(1),
    insurance_cents=None,
    highest_zone=1,
    policy=OfferPolicy.sequential,
    per_hour=Decimal(0),
    zones=(TravelZone(1, 1, Decimal(0)),),
)
"""A job that asks for nothing: who does not pass for it passes for none."""


class Skill(NamedTuple):
    """A certification at this level or above; the empty one asks for none."""

    manufacturer: str
    product_line: str
    level: int


ANY = Skill("", "", 0)
Key = tuple[Skill, ResponseTime]


@dataclass(frozen=True, slots=True)
class Measured:
    """How many postcodes are reached by whom it takes; who could be given some job on this day."""

    day: date
    partners: int
    postcodes: int
    reached: tuple[tuple[Skill, ResponseTime, int], ...]


def qualifications(contractor: Contractor, day: date) -> Iterator[Key]:
    """All that he could be asked for on this day: each certification up to his level, each response time.

    Kind of work, capacity and the sum insured are left out: those are a job's, not the network's.
    """
    availability = contractor.availability
    if availability is None or not availability.kinds_of_work or not availability.response_times:
        return
    job = replace(
        _AT_HIS_DOOR,
        place=contractor.place,
        kind_of_work=min(availability.kinds_of_work),
        response_time=min(availability.response_times),
        first_day=day,
        last_day=day,
    )
    if judge(case_of(job, contractor, _NO_CLIENT), WITHOUT_CAPACITY) is not None:
        return
    skills = [ANY, *(skill for skill in sorted(_held(contractor)) if _is_certified(contractor, job, skill))]
    for response_time in sorted(availability.response_times - {ResponseTime.unknown}):
        for skill in skills:
            yield skill, response_time


def _held(contractor: Contractor) -> set[Skill]:
    return {
        Skill(held.manufacturer, held.product_line, level)
        for held in contractor.certifications
        for level in range(1, held.level + 1)
    }


def _is_certified(contractor: Contractor, job: Job, skill: Skill) -> bool:
    asked = replace(job, certifications=(_required(skill),))
    return certifications(case_of(asked, contractor, _NO_CLIENT)) is None


def _required(skill: Skill) -> RequiredCertification:
    return RequiredCertification(
        manufacturer=skill.manufacturer, product_line=skill.product_line, level=skill.level
    )


def tell(
    state: Measured | None, found: Measured | None, country: str, now: datetime, every: timedelta
) -> Decision[Measured | None]:
    """Timer: a new measurement is told when it is another one than was told last. None: it is being made."""
    if found is None:
        return Decision(state, timers={"measure": now + SOON})
    timers = {"measure": now + every}
    if state is not None and replace(state, day=found.day) == found:
        return Decision(state, timers=timers)
    event = Coverage(
        country=country,
        day=found.day,
        measured_at=now,
        partners=found.partners,
        postcodes=found.postcodes,
        reaches=[
            Reach(
                certification=None
                if skill == ANY
                else Certified(
                    manufacturer=skill.manufacturer, product_line=skill.product_line, level=skill.level
                ),
                response_time=response_time,
                postcodes=count,
                share=share(count, found.postcodes),
            )
            for skill, response_time, count in found.reached[:MOST_REACHES]
        ],
    )
    return Decision(found, [event], timers=timers)


def share(count: int, of: int) -> Decimal:
    """Rounded down: 1 is all of it."""
    return Decimal(SHARES * count // of if of else 0).scaleb(-4)
