"""What a partner is qualified for on a day, by the gate's own constraints; where, is for `matching.coverage`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from contracts.values import KindOfWork, OfferPolicy, RequiredCertification, ResponseTime
from matching.domain.gate import WITHOUT_CAPACITY, ClientSide, case_of, judge
from matching.domain.model import Contractor, Job, TravelZone

EVERYWHERE_KM = 100_000
_NOBODY = UUID(int=0)
_NO_CLIENT = ClientSide(frozenset(), frozenset())
_ROUND_THE_CORNER = Job(
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
    zones=(TravelZone(1, EVERYWHERE_KM, Decimal(0)),),
)
"""A job at the partner's own door that asks for nothing: what he fails for it, he fails for every job."""


class Skill(NamedTuple):
    """A certification at this level or above; the empty one asks for none."""

    manufacturer: str
    product_line: str
    level: int


ANY = Skill("", "", 0)


def qualifications(contractor: Contractor, day: date) -> Iterator[tuple[Skill, ResponseTime]]:
    """All that he could be asked for on this day: each certification up to his level, each response time.

    Kind of work, capacity and the sum insured are left out: they are a job's, not the network's.
    """
    availability = contractor.availability
    if availability is None:
        return
    kind = next((kind for kind in KindOfWork if kind in availability.kinds_of_work), KindOfWork.unknown)
    job = replace(_ROUND_THE_CORNER, place=contractor.place, kind_of_work=kind, first_day=day, last_day=day)
    classes = [each for each in ResponseTime if each in availability.response_times]
    for response_time in classes:
        asked = replace(job, response_time=response_time)
        if judge(case_of(asked, contractor, _NO_CLIENT), WITHOUT_CAPACITY) is not None:
            continue
        yield ANY, response_time
        for skill in sorted(_skills(contractor)):
            certified = RequiredCertification.model_construct(**skill._asdict())
            case = case_of(replace(asked, certifications=(certified,)), contractor, _NO_CLIENT)
            if judge(case, WITHOUT_CAPACITY) is None:
                yield skill, response_time


def _skills(contractor: Contractor) -> set[Skill]:
    return {
        Skill(held.manufacturer, held.product_line, level)
        for held in contractor.certifications
        for level in range(1, held.level + 1)
    }
