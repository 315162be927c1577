"""Jobs as clients post them, right and wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.ids import uuid7
from contracts.job_exchange_commands_v1 import PostJob
from contracts.seal import seal
from contracts.values import (
    EndCustomer,
    KindOfWork,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
    eur,
)
from dealers import names
from dealers.course import Course
from dealers.members import KINDS, PRODUCTS
from dealers.places import postcodes, towns, weights

BERLIN = ZoneInfo("Europe/Berlin")
NOWHERE = "00000"
"""No place has this postcode."""
SUMMARIES = {
    KindOfWork.installation: (
        "Telefonanlage montieren",
        "Switch und Telefone anschließen",
        "DECT-Zellen setzen",
    ),
    KindOfWork.service: ("Anlage ohne Amt, Fehler suchen", "Türsprechstelle geht nicht"),
    KindOfWork.maintenance: ("Jahreswartung Anlage", "Notstrom und Sicherung prüfen"),
    KindOfWork.dismantling: ("Alte Anlage abbauen", "Verteiler räumen"),
}
WINDOW_DAYS = 18
SOON = timedelta(seconds=25)
"""Far enough that the posting is decided before its window begins, near enough to wait for."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A job to post, and what its seal holds. `client_id` is who posts it, for the actor."""

    command: PostJob
    client_id: UUID
    end_customer: EndCustomer


def post(
    client_id: UUID,
    highest_zone: int,
    course: Course,
    sealing_key: dict[str, Any],
    lots: Random,
    now: datetime,
) -> Posting:
    """A job of this client as its course wants it. `highest_zone`: what his agreement allows."""
    job_id = uuid7(now)
    postcode = _postcode(lots, course)
    kind = lots.choices(KINDS, (45, 30, 15, 10))[0]
    customer = names.end_customer(lots, postcode)
    sealed_for = uuid7(now) if course.posting == "sealed_for_another" else job_id
    command = PostJob(
        job_id=job_id,
        client_id=uuid7(now) if course.posting == "stranger" else client_id,
        postcode=NOWHERE if course.posting == "unknown_postcode" else postcode,
        kind_of_work=kind,
        required_certifications=_certifications(lots, course),
        window=_window(lots, course, now),
        estimated_hours=Decimal(lots.randint(4, 32)) / 4,
        response_time=lots.choices(
            (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours), (75, 20, 5)
        )[0],
        insurance_sum=eur(3_000_000) if lots.random() < 0.1 else None,
        highest_zone=highest_zone,
        offer_policy=OfferPolicy.direct if lots.random() < 0.3 else OfferPolicy.sequential,
        own_reference=OwnReference(
            order_number=f"{now:%y}-{lots.randint(10_000, 99_999)}", cost_centre="4711"
        ),
        summary=lots.choice(SUMMARIES[kind]),
        end_customer=seal(customer.model_dump_json().encode(), sealing_key, sealed_for),
    )
    return Posting(command, client_id, customer)


def _postcode(lots: Random, course: Course) -> str:
    if course.anywhere:
        return lots.choice(postcodes())
    return lots.choice(lots.choices(towns(), weights())[0].postcodes)


def _certifications(lots: Random, course: Course) -> list[RequiredCertification]:
    products = lots.sample(PRODUCTS, 3 if course.anywhere else lots.choices((0, 1, 2), (40, 50, 10))[0])
    return [
        RequiredCertification(
            manufacturer=maker, product_line=line, level=4 if course.anywhere else lots.randint(1, 2)
        )
        for maker, line in products
    ]


def _window(lots: Random, course: Course, now: datetime) -> Window:
    if course.starts_soon:
        return Window(starts_at=now + SOON, ends_at=now + SOON + timedelta(hours=8))
    if course.posting == "past_window":
        return Window(starts_at=now - timedelta(hours=3), ends_at=now + timedelta(hours=3))
    day = working_day(now.astimezone(BERLIN).date() + timedelta(days=lots.randint(1, WINDOW_DAYS)))
    return window_on(day, 8, 17)


def working_day(day: date) -> date:
    """This day, or the Monday after its weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def window_on(day: date, first_hour: int, last_hour: int) -> Window:
    """From and to these hours in Germany."""
    return Window(
        starts_at=datetime.combine(day, time(first_hour), BERLIN).astimezone(UTC),
        ends_at=datetime.combine(day, time(last_hour), BERLIN).astimezone(UTC),
    )
