"""Who takes part: about a thousand dealers, the same ones for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc.jwk import OKPKey

from contracts.values import (
    Address,
    CustomerStatus,
    Jwk,
    KindOfWork,
    Language,
    RequiredCertification,
    ResponseTime,
)
from dealers import names
from dealers.places import towns, weights

Insured = Literal["long", "expiring", "ends_today", "none"]
"""long: more than a year; expiring: some days from now; ends_today: tomorrow he has none."""

PRODUCTS = (
    ("Nordfon", "Vermittlung X4"),
    ("Nordfon", "Cloud Connect"),
    ("Telvia", "Office 500"),
    ("Telvia", "DECT Pro"),
    ("Isarline", "SwitchCore"),
    ("Komsys", "Alarmserver"),
)
"""Manufacturers and product lines, invented as the dealers are."""
KINDS = (KindOfWork.installation, KindOfWork.service, KindOfWork.maintenance, KindOfWork.dismantling)
RESPONSE_TIMES = (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours)
RADII_KM = (40, 60, 60, 80, 80, 100, 120, 150, 200)


@dataclass(frozen=True, slots=True)
class Offering:
    """What a contractor offers; `radius_km` None is nationwide."""

    radius_km: int | None
    weekly_hours: int
    kinds_of_work: tuple[KindOfWork, ...]
    response_times: tuple[ResponseTime, ...]
    standing_offer: bool


@dataclass(frozen=True)
class Member:
    """A dealer as he means to take part. `from_crm`: the CRM's topic brings him, the registry names him."""

    customer_number: str
    name: str
    address: Address
    language: Language
    from_crm: bool
    status: CustomerStatus = CustomerStatus.active
    suspended: bool = False
    group: str | None = None
    certifications: tuple[RequiredCertification, ...] = ()
    posts: bool = True
    """Has a client agreement."""
    percent_over: int = 10
    highest_zone: int = 6
    offering: Offering | None = None
    """Takes jobs: has a contractor agreement and offers this."""
    insured: Insured = "long"
    sum_insured_eur: int = 3_000_000
    cast: bool = field(default=False, kw_only=True)
    """Belongs to the story, keeps out of everyday life."""

    @property
    def email(self) -> str:
        """Where his mail goes."""
        return f"auftrag@{self.customer_number.lower()}.example"

    @property
    def takes_jobs(self) -> bool:
        """Whether he is a contractor at all."""
        return self.offering is not None

    @cached_property
    def key(self) -> dict[str, Any]:
        """His private key, made from his number, so that every run has it: it guards nothing real."""
        secret = hashlib.sha256(f"servicenetz demo {self.customer_number}".encode()).digest()
        parameters: Any = {"kid": self.customer_number.lower(), "use": "enc"}
        key = OKPKey.import_key(X25519PrivateKey.from_private_bytes(secret), parameters)
        return dict(key.as_dict(private=True))

    @cached_property
    def public_key(self) -> Jwk:
        """What work orders for him are sealed to."""
        return Jwk(kty="OKP", crv="X25519", x=self.key["x"], kid=self.key["kid"])


def members(seed: int, count: int) -> list[Member]:
    """The dealers of everyday life; the first ones are the same whatever the count."""
    lots = Random(seed)
    return [_member(lots, seed, number) for number in range(1, count + 1)]


def _member(lots: Random, seed: int, number: int) -> Member:
    town = lots.choices(towns(), weights())[0]
    offering = _offering(lots) if lots.random() < 0.85 else None
    insured: tuple[Insured, ...] = ("long", "expiring", "ends_today", "none")
    return Member(
        customer_number=f"S{seed}-{number:05}",
        name=f"{names.dealer(lots)}, {town.name}",
        address=Address(street=names.street(lots), postcode=lots.choice(town.postcodes), city=town.name),
        language="en" if lots.random() < 0.05 else "de",
        from_crm=lots.random() < 0.85,
        status=CustomerStatus.blocked if lots.random() < 0.02 else CustomerStatus.active,
        suspended=lots.random() < 0.015,
        group=f"verbund-{lots.randint(1, 12)}" if lots.random() < 0.15 else None,
        certifications=tuple(
            RequiredCertification(manufacturer=maker, product_line=line, level=lots.randint(1, 4))
            for maker, line in PRODUCTS
            if lots.random() < 0.5
        ),
        posts=offering is None or lots.random() < 0.8,
        percent_over=lots.choice((0, 10, 10, 20)),
        highest_zone=lots.choice((4, 5, 6, 6, 6)),
        offering=offering,
        insured=lots.choices(insured, (88, 5, 5, 2))[0],
        sum_insured_eur=lots.choice((1_000_000, 3_000_000, 5_000_000)),
    )


def _offering(lots: Random) -> Offering:
    kinds = tuple(kind for kind in KINDS if lots.random() < 0.75)
    times = 1 + lots.choices((0, 1, 2), (15, 45, 40))[0]
    return Offering(
        radius_km=None if lots.random() < 0.02 else lots.choice(RADII_KM),
        weekly_hours=lots.choice((16, 24, 40, 40, 60, 80)),
        kinds_of_work=kinds or (KindOfWork.service,),
        response_times=RESPONSE_TIMES[:times],
        standing_offer=lots.random() < 0.15,
    )
