"""The readable page as PDF/A-3b, and the XML embedded in it: ZUGFeRD / Factur-X."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal

import fontpkg_fira_sans
import typst
from facturx import generate_from_binary

from billing.einvoice.made import Wrong
from billing.einvoice.page import page

Data = Mapping[str, Any]
ATTACHMENT = "factur-x.xml"


@cache
def _compiler() -> typst.Compiler:
    """One for the life of the process: it keeps fonts and layout in memory. No font of the machine is used."""
    fonts = resources.files(fontpkg_fira_sans) / "files"
    layout = resources.files("billing.einvoice") / "layout.typ"
    return typst.Compiler(str(layout), font_paths=[str(fonts)], ignore_system_fonts=True)


def readable(data: Data, *, format: Literal["pdf", "png"] = "pdf") -> bytes:  # noqa: A002  # typst's own word
    """The page alone: PDF/A-3b, or `png` (first page). Raises Wrong, as for a name in a script that no font has."""
    options: dict[str, Any] = (
        {"pdf_standards": "a-3b", "pdf_tags": False} if format == "pdf" else {"ppi": 110.0}
    )
    issued = datetime.fromisoformat(data["issued_on"]).replace(tzinfo=UTC)
    try:
        made = _compiler().compile(
            format=format,
            sys_inputs={"page": json.dumps(page(data), ensure_ascii=False)},
            timestamp=issued,
            **options,
        )
    except typst.TypstError as error:
        raise Wrong(f"{data['number']}: {error.message}") from error
    content = made[0] if isinstance(made, list) else made
    if content is None:
        raise Wrong(f"{data['number']}: nothing was set")
    return content


def with_xml(readable_pdf: bytes, xml: bytes, data: Data) -> bytes:
    """The PDF with the XML in it, and the metadata that say so."""
    title = f"{data['title']} {data['number']}"
    made: bytes = generate_from_binary(
        readable_pdf,
        xml,
        flavor="factur-x",
        level="en16931",
        check_xsd=False,  # done before, see files.py
        check_schematron=False,  # would need a server, and without one says yes
        pdf_metadata={
            "author": data["issuer"]["name"],
            "keywords": "Factur-X, ZUGFeRD",
            "title": title,
            "subject": title,
        },
        lang=data["language"],
        afrelationship="alternative",
    )
    return made
