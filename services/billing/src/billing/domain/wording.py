"""Texts of document lines in the partner's language. A line describes the work, § 14 (4) no. 5 UStG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from contracts.values import KindOfWork, Language, RequiredCertification

LONGEST = 120
"""Characters in a line's text."""

_WORK: Mapping[Language, Mapping[KindOfWork, str]] = MappingProxyType(
    {
        "de": {
            KindOfWork.installation: "Installation",
            KindOfWork.service: "Servicearbeiten",
            KindOfWork.maintenance: "Wartung",
            KindOfWork.dismantling: "Abbau",
            KindOfWork.unknown: "Technikerleistung",
        },
        "en": {
            KindOfWork.installation: "Installation",
            KindOfWork.service: "Service work",
            KindOfWork.maintenance: "Maintenance",
            KindOfWork.dismantling: "Dismantling",
            KindOfWork.unknown: "Technician's work",
        },
    }
)


def work_done(
    language: Language,
    kind_of_work: KindOfWork,
    postcode: str,
    performed_from: date,
    performed_to: date,
    certifications: Sequence[RequiredCertification],
) -> str:
    """Activity, place by postcode, days, and as many of the certifications as there is room for."""
    days = _day(language, performed_from)
    if performed_to != performed_from:
        days += f"–{_day(language, performed_to)}"
    where = f"PLZ {postcode}" if language == "de" else f"postcode {postcode}"
    line = f"{_WORK[language][kind_of_work]} vor Ort, {where}, {days}"
    if language == "en":
        line = f"{_WORK[language][kind_of_work]} on site, {where}, {days}"
    for certification in certifications:
        more = f", {certification.manufacturer} {certification.product_line}"
        if len(line) + len(more) <= LONGEST:
            line += more
    return line


def travel(language: Language, zone: int) -> str:
    """The way there and back."""
    return f"An- und Abfahrt, Pauschale Zone {zone}" if language == "de" else f"Travel, flat rate zone {zone}"


def _day(language: Language, day: date) -> str:
    return f"{day:%d.%m.%Y}" if language == "de" else f"{day:%d %b %Y}"
