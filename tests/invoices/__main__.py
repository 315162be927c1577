"""`make validate-invoices`: every case in every format before every validator; every broken file rejected."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from invoice_broken import broken
from invoice_cases import cases
from invoice_mustang import Mustang
from invoice_schematron import Schematron
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from billing.einvoice import checks, files
from billing.einvoice.profiles import Format
from billing.einvoice.reading import embedded, read
from billing.einvoice.words import Words
from billing.einvoice.xml import Unreadable

Data = Mapping[str, Any]
JARS = Path(__file__).parents[2] / ".venv" / "validators"


class Judges:
    """All validators. A finding is an error or a warning; nothing is overlooked."""

    def __init__(self, mustang: Mustang, folder: Path) -> None:
        self._schematron = Schematron(JARS)
        self._mustang = mustang
        self._folder = folder

    def findings(self, content: bytes, format_: Format, data: Data | None) -> list[str]:
        """What is wrong with a file. data: what it should say, when that is known."""
        if format_ is not Format.zugferd:
            return self._of_xml(content, format_, data)
        asked = self._folder / "asked.pdf"
        asked.write_bytes(content)
        self._mustang.start(asked)
        try:
            found = self._of_xml(embedded(content), format_, data)
        except Unreadable as error:
            found = [str(error)]
        if data is not None:
            found += _page(content, data)
        return found + self._mustang.findings()

    def _of_xml(self, xml: bytes, format_: Format, data: Data | None) -> list[str]:
        try:
            said = read(xml)
            found = files.against_schema(xml, said.syntax)
        except Unreadable as error:
            return [str(error)]
        found += checks.of_itself(said)
        if data is not None:
            found += checks.against(said, data)
        xrechnung = format_ is not Format.zugferd
        return found + self._schematron.findings(xml, said.syntax.value, xrechnung=xrechnung)


def _page(pdf: bytes, data: Data) -> list[str]:
    """What people read has to be what the XML says: title, number, amounts, and the word."""
    try:
        text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())
    except PyPdfError as error:
        return [f"the page cannot be read: {error}"]
    words = Words(data["language"])
    wanted = [data["title"], data["number"], data["seller"]["name"], data["buyer"]["name"]]
    wanted += [f"{words.amount(data['totals'][name])} €" for name in ("net", "vat", "payable")]
    wanted += [words.amount(line["net"]) for line in data["lines"]]
    found = [f"the page does not say {one}" for one in wanted if " ".join(one.split()) not in text]
    if (checks.WORD in text.lower()) != (data["type_code"] == checks.SELF_BILLED):
        found.append("the page: the word Gutschrift is missing, or where it does not belong")
    return found


def main() -> int:
    """Returns the exit code: 0 when every valid file is valid and every broken one is rejected."""
    begun = time.monotonic()
    made: dict[tuple[str, Format], bytes] = {}
    frozen: dict[str, Data] = {}
    profiles: set[str] = set()
    valid, rejected, number_broken = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder, Mustang(JARS) as mustang:
        judges = Judges(mustang, Path(folder))
        for case in cases():
            frozen[case.name] = case.data
            for file in files.make(case.data):
                made[case.name, file.format] = file.content
                profiles.add(file.profile)
                found = judges.findings(file.content, file.format, case.data)
                valid += not found
                for finding in found:
                    sys.stdout.write(f"NOT VALID {case.name} {file.profile}: {finding}\n")
        sys.stdout.write(
            f"{len(frozen)} documents in {len(Format)} formats: {valid} of {len(made)} files valid\n"
        )
        plain = typst.compile(b"Rechnung", format="pdf")
        for one in broken(made, frozen, plain):
            number_broken += 1
            found = judges.findings(one.content, one.format, frozen[one.frozen] if one.frozen else None)
            rejected += bool(found)
            if not found:
                sys.stdout.write(f"NOT REJECTED {one.name}\n")
            elif "-v" in sys.argv:
                sys.stdout.write(f"rejected {one.name}: {' | '.join(found)[:400]}\n")
    sys.stdout.write(f"{', '.join(sorted(profiles))}; {time.monotonic() - begun:.0f} s\n")
    figures = {"cases": len(made), "valid": valid, "broken": number_broken, "rejected": rejected}
    sys.stdout.write(f"figures: {json.dumps(figures)}\n")
    return 0 if valid == len(made) and rejected == number_broken else 1


if __name__ == "__main__":
    sys.exit(main())
