"""XML and PDF per second on one core, from a frozen document of seven lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from itertools import cycle
from pathlib import Path

DOCUMENT = Path(__file__).with_name("document.json")
ABOUT_SECONDS = 4.0


def measure() -> dict[str, float | None]:
    """`xml_per_s`: XRechnung, CII and UBL in turn. `pdf_per_s`: ZUGFeRD, the page set and the XML embedded.

    By seconds of CPU in this one process, so that whatever else the machine does counts little.
    """
    from billing.einvoice import cii, pdf, ubl
    from billing.einvoice.profiles import Format, in_force

    data = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    issued_on = date.fromisoformat(data["issued_on"])
    in_cii, in_ubl = (in_force(one, issued_on) for one in (Format.xrechnung_cii, Format.xrechnung_ubl))
    turns = cycle([(cii.write, in_cii), (ubl.write, in_ubl)])

    def write_xml() -> None:
        write, profile = next(turns)
        write(data, profile)

    embedded = cii.write(data, in_force(Format.zugferd, issued_on))
    return {
        "xml_per_s": _rate(write_xml),
        "pdf_per_s": _rate(lambda: pdf.with_xml(pdf.readable(data), embedded, data)),
    }


def _rate(work: Callable[[], object]) -> float:
    work()  # fonts and layout are loaded once
    begun, done = time.process_time(), 0
    while (spent := time.process_time() - begun) < ABOUT_SECONDS:
        work()
        done += 1
    return round(done / spent, 1)
