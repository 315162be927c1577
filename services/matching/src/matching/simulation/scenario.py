"""Who takes part and what comes from outside, drawn before the first decision: the same for every policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from contracts.ids import job_number
from contracts.job_exchange_jobs_v1 import JobPosted
from contracts.values import (
    Certification,
    CustomerStatus,
    KindOfWork,
    OfferPolicy,
    OwnReference,
    RequiredCertification,
    ResponseTime,
    Window,
)
from matching.coverage import postcodes, postcodes_within
from matching.domain.coverage import Skill
from matching.domain.model import (
    BERLIN,
    Availability,
    Contractor,
    Insurance,
    RateCard,
    Tariff,
    Term,
    TravelZone,
    day_of,
)
from matching.postcodes import place_of
from matching.simulation.lots import Lots

PRODUCTS = (
    Skill("Nordfon", "Vermittlung X4", 1),
    Skill("Nordfon", "Cloud Connect", 1),
    Skill("Telvia", "Office 500", 1),
    Skill("Telvia", "DECT Pro", 1),
    Skill("Isarline", "SwitchCore", 1),
    Skill("Komsys", "Alarmserver", 1),
)
"""Invented, as in the demo; how many partners have each falls from first to last."""
HELD_BY = (0.55, 0.45, 0.4, 0.3, 0.2, 0.08)
WANTED = (30, 22, 18, 14, 10, 6)
KINDS = (KindOfWork.installation, KindOfWork.service, KindOfWork.maintenance, KindOfWork.dismantling)
RADII_KM = (30, 40, 60, 60, 80, 80, 100, 120, 150)
WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 0.75, 0.1, 0.04)
"""Jobs posted on a Monday, a Tuesday, …; of 5.24 in all."""
HOURS = (0, 0, 0, 0, 0, 0.2, 1, 4, 8, 10, 11, 10, 7, 8, 9, 9, 8, 6, 3, 2, 1, 0.5, 0.2, 0)
"""Jobs posted in the hour from midnight on; German time."""
REGIONS = (1.0, 1.2, 1.1, 1.0, 1.3, 1.2, 1.1, 1.1, 1.2, 0.9)
"""By the first digit of the postcode."""
NEAR_SHARE, NEAR_KM = 0.67, 50
RATE_CARD = RateCard(
    UUID("01900000-0000-7000-8000-000000000001"),
    (
        Tariff(
            1,
            dict.fromkeys(KINDS, Decimal("72.50")),
            tuple(
                TravelZone(zone, up_to_km, Decimal(up_to_km))
                for zone, up_to_km in enumerate((25, 50, 100, 200, 400, 1_000), start=1)
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The size of a simulated network. begins: a Monday in Germany."""

    partners: int = 1_000
    weeks: int = 4
    jobs_per_week: int = 600
    begins: date = date(2027, 1, 4)


@dataclass(frozen=True, slots=True)
class Dealer:
    """A partner, and how he is: how gladly he accepts, how well he works in stars, when he renews his insurance."""

    contractor: Contractor
    postcode: str
    region: int
    eagerness: float
    quality: float
    posts: bool
    renews_on: date | None


@dataclass(frozen=True, slots=True)
class Posting:
    """A job on the board; withdrawn_at: when the client takes it back, if he does."""

    at: datetime
    job: JobPosted
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Illness:
    """A partner's people are ill: he offers nothing from one day to another."""

    partner_id: UUID
    at: datetime
    until: datetime


@dataclass(frozen=True)
class World:
    """All that is given."""

    scenario: Scenario
    seed: int
    dealers: list[Dealer]
    postings: list[Posting]
    illnesses: list[Illness]
    by_id: dict[UUID, Dealer] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {each.contractor.partner_id: each for each in self.dealers})


def world(scenario: Scenario, seed: int) -> World:
    """The same for the same seed."""
    lots = Lots(seed)
    dealers = [_dealer(scenario, lots.stream("dealer", number)) for number in range(scenario.partners)]
    return World(
        scenario, seed, dealers, _postings(scenario, dealers, lots), _illnesses(scenario, dealers, lots)
    )


def midnight(day: date) -> datetime:
    """The beginning of a day in Germany, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)


# -- partners ------------------------------------------------------------------------------------------


def _dealer(scenario: Scenario, lots: Random) -> Dealer:
    begins = scenario.begins
    postcode = lots.choice(postcodes())
    ends = (
        begins + timedelta(days=lots.randrange(365)) if lots.random() < 0.9 else begins + timedelta(days=365)
    )
    contractor = Contractor(
        partner_id=_id(midnight(begins) - timedelta(days=30), lots),
        version=1,
        place=place_of(postcode),
        customer_status=CustomerStatus.active,
        group=f"verbund-{lots.randint(1, 12)}" if lots.random() < 0.1 else None,
        suspended=lots.random() < 0.01,
        agreements=(Term(begins - timedelta(days=90), None),),
        insurance=Insurance(lots.choice((100, 300, 500)) * 1_000_000, begins - timedelta(days=365), ends),
        certifications=tuple(
            Certification(
                manufacturer=product.manufacturer,
                product_line=product.product_line,
                level=lots.choice((1, 2, 2, 3, 3, 4)),
                valid_until=begins + timedelta(days=lots.randrange(14, 720)),
            )
            for product, share in zip(PRODUCTS, HELD_BY, strict=True)
            if lots.random() < share
        ),
        availability=_availability(lots) if lots.random() < 0.8 else None,
        excluded=frozenset(),
    )
    renews_after = lots.choice((-20, -10, -5, 2, 10))
    return Dealer(
        contractor,
        postcode,
        int(postcode[0]),
        eagerness=lots.uniform(0.5, 1.0),
        quality=lots.triangular(2.0, 5.0, 4.3),
        posts=contractor.availability is None or lots.random() < 0.7,
        renews_on=ends + timedelta(days=renews_after),
    )


def _availability(lots: Random) -> Availability:
    kinds = frozenset(kind for kind in KINDS if lots.random() < 0.75)
    return Availability(
        radius_km=lots.choice(RADII_KM),
        nationwide=lots.random() < 0.01,
        weekly_minutes=60 * lots.choice((8, 16, 16, 24, 40)),
        kinds_of_work=kinds or frozenset({KindOfWork.service}),
        response_times=frozenset(
            (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours)[
                : lots.choice((1, 2, 2, 3))
            ]
        ),
        standing_offer=lots.random() < 0.1,
    )


# -- jobs ----------------------------------------------------------------------------------------------


def _postings(scenario: Scenario, dealers: list[Dealer], lots: Lots) -> list[Posting]:
    draw = lots.stream("postings")
    clients = [dealer for dealer in dealers if dealer.posts]
    if not clients:
        return []
    weights = [REGIONS[dealer.region] for dealer in clients]
    found = []
    for hour in range(scenario.weeks * 7 * 24):
        at = midnight(scenario.begins) + timedelta(hours=hour)
        local = at.astimezone(BERLIN)
        share = WEEKDAYS[local.weekday()] / sum(WEEKDAYS) * HOURS[local.hour] / sum(HOURS)
        for _ in range(_poisson(scenario.jobs_per_week * share, draw)):
            client = draw.choices(clients, weights)[0]
            found.append(_posting(at + timedelta(minutes=draw.random() * 60), client, draw))
    return sorted(found, key=lambda posting: posting.at)


def _posting(at: datetime, client: Dealer, draw: Random) -> Posting:
    response_time = draw.choices(
        (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours), (60, 30, 10)
    )[0]
    product = draw.choices(PRODUCTS, WANTED)[0]
    hours = (
        Decimal(draw.choice((2, 3, 4, 4, 6, 8)))
        if response_time is not ResponseTime.scheduled
        else Decimal(draw.choice((2, 4, 6, 8, 8, 12, 16)))
    )
    starts = _begin_of_work(at, response_time, draw)
    job_id = _id(at, draw)
    job = JobPosted(
        job_id=job_id,
        job_number=job_number(job_id),
        client_id=client.contractor.partner_id,
        client_group=client.contractor.group,
        postcode=_place_of_work(client, draw),
        kind_of_work=draw.choices(KINDS, (45, 35, 15, 5))[0],
        required_certifications=[
            RequiredCertification(
                manufacturer=product.manufacturer,
                product_line=product.product_line,
                level=draw.choice((1, 1, 2, 2, 3)),
            )
        ],
        window=Window(starts_at=starts, ends_at=starts + timedelta(hours=8 if hours <= 8 else 32)),
        estimated_hours=hours,
        response_time=response_time,
        highest_zone=draw.choice((4, 5, 6)),
        offer_policy=draw.choices((OfferPolicy.sequential, OfferPolicy.direct), (85, 15))[0],
        rate_card_id=RATE_CARD.rate_card_id,
        rate_card_version=1,
        own_reference=OwnReference(),
        summary="Simulation",
        posted_at=at,
    )
    withdrawn = at + timedelta(hours=draw.uniform(1, 48)) if draw.random() < 0.04 else None
    return Posting(at, job, withdrawn if withdrawn and withdrawn < starts else None)


def _begin_of_work(at: datetime, response_time: ResponseTime, draw: Random) -> datetime:
    if response_time is ResponseTime.four_hours:
        return at + timedelta(hours=4)
    day = day_of(at) + timedelta(
        days=1 if response_time is ResponseTime.next_business_day else draw.randint(3, 20)
    )
    while day.weekday() >= 5:  # Saturday
        day += timedelta(days=1)
    return midnight(day) + timedelta(hours=8)


def _place_of_work(client: Dealer, draw: Random) -> str:
    """Two of three near the client, who has no hands free; the others anywhere, where he has no hands at all."""
    near = draw.random() < NEAR_SHARE
    return draw.choice(postcodes_within(client.contractor.place, NEAR_KM) if near else postcodes())


# -- illness -------------------------------------------------------------------------------------------


def _illnesses(scenario: Scenario, dealers: list[Dealer], lots: Lots) -> list[Illness]:
    """A little of it always, and now and then a wave that goes through a region for two weeks."""
    waves = lots.stream("waves")
    ill_chance = [
        [0.01 + (0.12 if waves.random() < 0.12 else 0.0) for _ in range(scenario.weeks + 1)]
        for _ in range(10)
    ]
    found = []
    for number, dealer in enumerate(dealers):
        draw = lots.stream("illness", number)
        for week in range(scenario.weeks):
            chance = max(ill_chance[dealer.region][week : week + 2])
            if dealer.contractor.availability is not None and draw.random() < chance:
                day = scenario.begins + timedelta(days=7 * week + draw.randrange(7))
                at = midnight(day) + timedelta(hours=7)
                until = at + timedelta(days=draw.choice((2, 3, 5, 7)))
                found.append(Illness(dealer.contractor.partner_id, at, until))
    return found


def _id(at: datetime, lots: Random) -> UUID:
    return UUID(
        int=(int(at.timestamp() * 1000) << 80)
        | (0x7 << 76)
        | (0b10 << 62)
        | lots.getrandbits(62)
        | (lots.getrandbits(12) << 64)
    )


def _poisson(mean: float, lots: Random) -> int:
    """As many as intervals of a Poisson process fit."""
    count, passed = 0, lots.expovariate(1.0)
    while passed < mean:
        count += 1
        passed += lots.expovariate(1.0)
    return count
