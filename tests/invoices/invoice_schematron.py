"""The official schematrons, EN 16931 by CEN and XRechnung by KoSIT, through Saxon. Strict: a warning is a finding."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

EN16931 = "1.3.16"
XRECHNUNG = "3.0.2"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"


class Schematron:
    """Both schematrons for both syntaxes, compiled once."""

    def __init__(self, jars: Path) -> None:
        self._processor = PySaxonProcessor(license=False)
        self._compiler = self._processor.new_xslt30_processor()
        (en16931,) = jars.glob("phive-rules-en16931-*.jar")
        (xrechnung,) = jars.glob("phive-rules-xrechnung-*.jar")
        self._rules = {
            syntax: (
                self._compile(en16931, f"{EN16931}/{syntax}/EN16931-{syntax.upper()}-validation.xslt"),
                self._compile(xrechnung, f"{XRECHNUNG}/XRechnung-{syntax.upper()}-validation.xslt"),
            )
            for syntax in ("cii", "ubl")
        }

    def _compile(self, jar: Path, name: str) -> PyXsltExecutable:
        with zipfile.ZipFile(jar) as archive:
            sheet = archive.read(f"external/schematron/{name}").decode()
        return self._compiler.compile_stylesheet(stylesheet_text=sheet)

    def findings(self, xml: bytes, syntax: str, *, xrechnung: bool) -> list[str]:
        """What the rules object to, errors and warnings alike. `syntax`: cii or ubl."""
        found: list[str] = []
        for rules in self._rules[syntax][: 2 if xrechnung else 1]:
            report = rules.transform_to_string(xdm_node=self._processor.parse_xml(xml_text=xml.decode()))
            tree = etree.fromstring(report.encode())
            if tree.find(f"{_SVRL}fired-rule") is None:
                found.append("no rule looked at it")
            for finding in tree.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report"):
                said = " ".join("".join(map(str, finding.itertext())).split())
                found.append(f"{finding.get('flag') or 'error'} {finding.get('id')}: {said}")
        return found
