"""The people of the story: a dealer in München without hands, and everybody around Flensburg who might help.

Each of those who cannot take the job fails for another reason.
"""

from __future__ import annotations

from contracts.values import Address, KindOfWork, RequiredCertification, ResponseTime
from dealers.members import Insured, Member, Offering

REQUIRED = RequiredCertification(manufacturer="Nordfon", product_line="Vermittlung X4", level=3)
"""What the story's job asks for."""
PLACE = "24937"
"""Where it is: Flensburg, inner town."""
CLIENT = "STORY-HUBER"
DECLINES = "STORY-CLAUSEN"
"""The nearest one: he could, but his people are out."""

_ALL_TIMES = (ResponseTime.scheduled, ResponseTime.next_business_day, ResponseTime.four_hours)
_WORK = (KindOfWork.installation, KindOfWork.service, KindOfWork.maintenance)


def _offers(radius_km: int | None) -> Offering:
    return Offering(radius_km, 200, _WORK, _ALL_TIMES, standing_offer=False)


def _level(level: int) -> tuple[RequiredCertification, ...]:
    return (REQUIRED.model_copy(update={"level": level}),)


def _dealer(
    number: str,
    name: str,
    street: str,
    postcode: str,
    city: str,
    *,
    certifications: tuple[RequiredCertification, ...] = (),
    offering: Offering | None = None,
    insured: Insured = "long",
    group: str | None = None,
    suspended: bool = False,
) -> Member:
    return Member(
        customer_number=number,
        name=name,
        address=Address(street=street, postcode=postcode, city=city),
        language="de",
        from_crm=True,
        suspended=suspended,
        group=group,
        certifications=certifications,
        offering=offering,
        insured=insured,
        cast=True,
    )


CAST: tuple[Member, ...] = (
    _dealer(
        CLIENT,
        "Huber Kommunikationstechnik GmbH, München",
        "Lindwurmstraße 88",
        "80337",
        "München",
        certifications=_level(4),
        group="verbund-isar",
    ),
    _dealer(
        DECLINES,
        "Systemhaus Clausen GmbH, Flensburg",
        "Norderstraße 14",
        PLACE,
        "Flensburg",
        certifications=_level(3),
        offering=_offers(50),
    ),
    _dealer(
        "STORY-AHRENS",
        "Telefonbau Ahrens GmbH, Flensburg",
        "Fördestraße 31",
        "24944",
        "Flensburg",
        certifications=_level(4),
        offering=_offers(60),
    ),
    _dealer(
        "STORY-LORENZEN",
        "Fernmeldetechnik Lorenzen KG, Husum",
        "Süderstraße 5",
        "25813",
        "Husum",
        certifications=_level(3),
        offering=_offers(80),
    ),
    _dealer(
        "STORY-PETERSEN",
        "Elektro Petersen OHG, Flensburg",
        "Am Friedenshügel 2",
        "24941",
        "Flensburg",
        certifications=_level(1),
        offering=_offers(40),
    ),
    _dealer(
        "STORY-JENSEN",
        "Netzwerkbau Jensen KG, Schleswig",
        "Stadtweg 60",
        "24837",
        "Schleswig",
        certifications=_level(4),
        offering=_offers(60),
        insured="ends_today",
    ),
    _dealer(
        "STORY-ISARNORD",
        "Huber Nord GmbH, Schleswig",
        "Flensburger Straße 7",
        "24837",
        "Schleswig",
        certifications=_level(4),
        offering=_offers(100),
        group="verbund-isar",
    ),
    _dealer(
        "STORY-THOMSEN",
        "Bürokommunikation Thomsen e.K., Flensburg",
        "Hafendamm 9",
        "24939",
        "Flensburg",
        certifications=_level(3),
        offering=_offers(50),
        suspended=True,
    ),
    _dealer(
        "STORY-RIEDEL",
        "Riedel Telekommunikation GmbH, Kiel",
        "Holstenstraße 40",
        "24103",
        "Kiel",
        certifications=_level(4),
        offering=_offers(30),
    ),
)
