"""Makes files in a process of its own: a frozen document per line in, its files per line out, both JSON.

lxml, typst and factur-x are loaded here and nowhere else in the service, and it yields to whoever settles.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from contextlib import suppress
from typing import Any

from billing.einvoice import files
from billing.einvoice.made import File, Wrong
from billing.einvoice.profiles import NoProfile

NICENESS = 19


def _yield_the_cpu() -> None:
    """Run only while nobody else in this machine or container wants to.

    Niceness alone is not enough: it shares out time, but who wakes up still waits for the slice under way to end.
    """
    os.nice(NICENESS)
    if hasattr(os, "SCHED_IDLE"):  # Linux
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _answer(request: bytes) -> dict[str, Any]:
    try:
        return {"files": [_written(file) for file in files.make(json.loads(request))]}
    except (Wrong, NoProfile) as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001  # one document that we cannot make takes no other with it
        return {"refused": f"{type(error).__name__}: {error}"}


def _written(file: File) -> dict[str, Any]:
    return {
        "format": file.format.name,
        "name": file.name,
        "profile": file.profile,
        "content": b64encode(file.content).decode(),
        "sha256": file.sha256,
        "report": file.report,
    }


def main() -> None:
    """Until the other end closes. What a library prints goes to stderr: stdout carries answers only."""
    _yield_the_cpu()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for request in sys.stdin.buffer:
        answers.write(json.dumps(_answer(request), separators=(",", ":")).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
