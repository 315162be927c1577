"""Which version of which standard a document is written in: data, by the day of issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final


class Syntax(Enum):
    """How EN 16931 is written down."""

    cii = "cii"
    ubl = "ubl"


class Format(Enum):
    """The files that every document gets. The value is how the file's name ends."""

    zugferd = ".pdf"
    xrechnung_cii = ".cii.xml"
    xrechnung_ubl = ".ubl.xml"


@dataclass(frozen=True, slots=True)
class Profile:
    """A version of a standard.

    valid_from: the first day of issue it is used for. guideline: BT-24. process: BT-23, which only
    XRechnung asks for. source: who says so.
    """

    format: Format
    valid_from: date
    name: str
    syntax: Syntax
    guideline: str
    process: str
    source: str


_XRECHNUNG_3 = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
_PEPPOL_BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"

PROFILES: Final = (
    Profile(
        Format.xrechnung_cii,
        date(2024, 2, 1),
        "XRechnung 3.0 (CII D16B)",
        Syntax.cii,
        _XRECHNUNG_3,
        _PEPPOL_BILLING,
        "KoSIT, Standard XRechnung 3.0.x, to be used from 2024-02-01",
    ),
    Profile(
        Format.xrechnung_ubl,
        date(2024, 2, 1),
        "XRechnung 3.0 (UBL 2.1)",
        Syntax.ubl,
        _XRECHNUNG_3,
        _PEPPOL_BILLING,
        "KoSIT, Standard XRechnung 3.0.x, to be used from 2024-02-01",
    ),
    Profile(
        Format.zugferd,
        date(2024, 2, 1),
        "ZUGFeRD 2 / Factur-X 1.0, profile EN 16931",
        Syntax.cii,
        "urn:cen.eu:en16931:2017",
        _PEPPOL_BILLING,
        "FeRD, ZUGFeRD 2.x, profile EN 16931 (COMFORT)",
    ),
)
"""A new version is a new row with its first day; the old rows stay, for they say how old documents were made."""


class NoProfile(Exception):
    """No version of this standard is known for that day."""


def in_force(wanted: Format, on: date) -> Profile:
    """The newest version whose first day is not after `on`. Raises NoProfile."""
    known = [profile for profile in PROFILES if profile.format is wanted and profile.valid_from <= on]
    if not known:
        raise NoProfile(f"no version of {wanted.name} is known for documents of {on}")
    return max(known, key=lambda profile: profile.valid_from)
