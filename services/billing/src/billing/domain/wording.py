"""Texts of documents in the partner's language. A line describes the work, § 14 (4) no. 5 UStG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from contracts.values import KindOfWork, Language, RequiredCertification

LONGEST: Final = 120
"""Characters in a line's text."""

_WORK: Final[Mapping[Language, Mapping[KindOfWork, str]]] = MappingProxyType(
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

_LINES: Final[Mapping[str, Mapping[Language, str]]] = MappingProxyType(
    {
        "travel": {
            "de": "An- und Abfahrt, Pauschale Zone {zone}",
            "en": "Travel, flat rate zone {zone}",
        },
        "surcharge-night": {"de": "Zuschlag Nachtarbeit", "en": "Surcharge for night work"},
        "surcharge-saturday": {"de": "Zuschlag Samstagsarbeit", "en": "Surcharge for Saturday work"},
        "surcharge-sunday": {"de": "Zuschlag Sonntagsarbeit", "en": "Surcharge for Sunday work"},
        "surcharge-holiday": {"de": "Zuschlag Feiertagsarbeit", "en": "Surcharge for public holidays"},
        "surcharge-response": {
            "de": "Zuschlag für die zugesagte Reaktionszeit",
            "en": "Surcharge for the promised response time",
        },
        "fee-late_cancellation": {
            "de": "Pauschale für kurzfristige Absage, {work}, PLZ {postcode}, Termin {days}",
            "en": "Fee for late cancellation, {work}, postcode {postcode}, due {days}",
        },
        "fee-nobody_there": {
            "de": "Pauschale für vergebliche Anfahrt, {work}, PLZ {postcode}, {days}",
            "en": "Fee for a visit in vain, {work}, postcode {postcode}, {days}",
        },
    }
)

_TEXTS: Final[Mapping[str, Mapping[Language, str]]] = MappingProxyType(
    {
        "invoice": {"de": "Rechnung", "en": "Invoice"},
        "self-billed-invoice": {"de": "Gutschrift", "en": "Self-billed invoice (Gutschrift)"},
        "invoice-correction": {"de": "Rechnungskorrektur", "en": "Invoice correction (Rechnungskorrektur)"},
        "self-billed-correction": {
            "de": "Korrektur der Gutschrift Nr. {original}",
            "en": "Correction of self-billed invoice (Korrektur der Gutschrift Nr.) {original}",
        },
        "basis": {
            "de": "Preise nach Abrechnungspauschale Version {card}, festgelegt bei der Ausschreibung. "
            "Grundlage: Leistungsnachweis Version {statement}, Auftrag {job}.",
            "en": "Prices by rate card version {card}, fixed when the job was posted. "
            "Based on statement version {statement}, job {job}.",
        },
        "self-billed": {
            "de": "Gutschrift: vom Leistungsempfänger ausgestellt (§ 14 Abs. 2 Satz 5 UStG). Bitte prüfen Sie sie; "
            "sie verliert mit Ihrem Widerspruch die Wirkung einer Rechnung.",
            "en": "Gutschrift: issued by the recipient of the service (§ 14 (2) sentence 5 UStG). Please check it; "
            "it ceases to have effect as an invoice when you object to it.",
        },
        "invoice-replaces": {
            "de": "Ersetzt die aufgehobene Rechnung Nr. {original}.",
            "en": "Replaces the reversed invoice no. {original}.",
        },
        "self-billed-replaces": {
            "de": "Ersetzt die aufgehobene Gutschrift Nr. {original}.",
            "en": "Replaces the reversed self-billed invoice no. {original}.",
        },
        "invoice-reversed": {
            "de": "Rechnungskorrektur zur Rechnung Nr. {original} vom {day}: sie wird in voller Höhe aufgehoben.",
            "en": "Correction of invoice no. {original} of {day}: it is reversed in full.",
        },
        "self-billed-reversed": {
            "de": "Korrektur der Gutschrift Nr. {original} vom {day}: sie wird in voller Höhe aufgehoben.",
            "en": "Correction of self-billed invoice (Korrektur der Gutschrift) no. {original} of {day}: "
            "it is reversed in full.",
        },
        "client-terms": {
            "de": "Zahlbar bis {due} ohne Abzug.",
            "en": "Payable by {due} without deduction.",
        },
        "contractor-terms": {"de": "Wir zahlen bis {due}.", "en": "We pay by {due}."},
        "correction-terms": {"de": "Der Betrag wird verrechnet.", "en": "The amount is set off."},
        "withheld": {
            "de": "Bauabzugsteuer (§ 48 EStG): {percent} % von {base} EUR = {amount} EUR werden einbehalten und für "
            "Ihre Rechnung an das Finanzamt abgeführt.",
            "en": "Building withholding tax (Bauabzugsteuer, § 48 EStG): {percent} % of {base} EUR = {amount} EUR is "
            "kept back and paid to the tax office on your account.",
        },
        "means-58": {"de": "SEPA-Überweisung", "en": "SEPA credit transfer"},
        "means-1": {"de": "Nach Vereinbarung", "en": "As agreed"},
        "means-97": {"de": "Verrechnung", "en": "Set-off"},
    }
)


def says(what: str, language: Language, **values: object) -> str:
    """A fixed text, with its values."""
    return _TEXTS[what][language].format(**values)


def line(
    code: str,
    language: Language,
    *,
    kind_of_work: KindOfWork,
    postcode: str,
    days: tuple[date, date],
    zone: int,
    certifications: Sequence[RequiredCertification],
) -> str:
    """The text of a line by its code. The work's names activity, place, days and what certificates it took."""
    if code == "work":
        return _work_done(language, kind_of_work, postcode, days, certifications)
    work = _WORK[language][kind_of_work]
    text = _LINES[code][language].format(zone=zone, work=work, postcode=postcode, days=_days(language, days))
    return text[:LONGEST]


def _work_done(
    language: Language,
    kind_of_work: KindOfWork,
    postcode: str,
    days: tuple[date, date],
    certifications: Sequence[RequiredCertification],
) -> str:
    where = f"vor Ort, PLZ {postcode}" if language == "de" else f"on site, postcode {postcode}"
    text = f"{_WORK[language][kind_of_work]} {where}, {_days(language, days)}"
    for certification in certifications:
        more = f", {certification.manufacturer} {certification.product_line}"
        if len(text) + len(more) <= LONGEST:
            text += more
    return text


def _days(language: Language, days: tuple[date, date]) -> str:
    first, last = days
    return day(language, first) if first == last else f"{day(language, first)}–{day(language, last)}"


@lru_cache(maxsize=1024)
def day(language: Language, of: date) -> str:
    """A day as people of this language write it."""
    return f"{of:%d.%m.%Y}" if language == "de" else f"{of:%d %b %Y}"
