"""Structured logs: one JSON object a line, or colours for a person. Nothing from a message's body is ever logged."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog

LIBRARIES = ("aiokafka", "faststream", "uvicorn.access", "alembic", "asyncio")
"""Said at WARNING or above only."""
AGAIN_SECONDS = 10.0


class Calm(logging.Filter):
    """Lets a library say the same thing once in ten seconds, and tells how often it was.

    While the broker is away aiokafka says so 150 times a second in each process: nobody would find anything else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(LIBRARIES):
            return True
        # what differs in the arguments, such as a port, is the same thing
        what, now = (record.name, str(record.msg)), self._clock()
        at, since = self._said.get(what, (-AGAIN_SECONDS, 0))
        if now - at < AGAIN_SECONDS:
            self._said[what] = at, since + 1
            return False
        self._said[what] = now, 0
        if since:
            record.msg, record.args = f"{record.getMessage()} (and {since} times more before)", ()
        return True


def configure(level: str, form: Literal["json", "console"], service: str) -> None:
    """Send the service's logs and those of libraries through one form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)  # what a command answers stands alone on stdout
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(Calm())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in LIBRARIES:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
