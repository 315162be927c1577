"""Kafka's start, rehearsed: Java remembers what it loaded, and later starts take less than half the time.

python -m servicenetz.rehearsal    writes JDK 25's AOT cache (JEP 514), some 70 MB, for this place and these jars
"""

import socket
import sys
import tempfile
from pathlib import Path

from servicenetz.kafka import CACHE, Kafka
from servicenetz.processes import ProcessError

ENDS_WITHIN_S = 120.0
"""When the rehearsed Kafka ends, Java puts the cache together: seconds here, more on a busy machine."""


def rehearse() -> None:
    """Start Kafka in a folder that goes again, stop it, keep what it learned. Raises ProcessError."""
    part = CACHE.with_suffix(".part")
    part.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="servicenetz-rehearsal-") as folder:
        kafka = Kafka(Path(folder), _free_port(), _free_port(), learn=part, stop_grace_s=ENDS_WITHIN_S)
        kafka.start()
        try:
            kafka.wait_until_ready()
        finally:
            kafka.ask_to_stop()
            kafka.wait_until_stopped()
    if not part.exists():
        raise ProcessError("Java wrote no cache of Kafka's start.")
    part.rename(CACHE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    try:
        rehearse()
    except ProcessError as error:
        sys.exit(str(error))
