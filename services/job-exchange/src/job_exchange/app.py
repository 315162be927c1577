"""The only file that wires."""

from __future__ import annotations

from pathlib import Path

from chassis.batch import Replies
from chassis.cli import command
from chassis.service import Service
from contracts.replies_v1 import JobExchangeAccepted, JobExchangeRejected
from job_exchange import inbound, outbound
from job_exchange.settings import Settings

_SOURCE = Path(__file__).parents[2] / "migrations"
MIGRATIONS = _SOURCE if _SOURCE.is_dir() else Path(__file__).parent / "migrations"


def build(settings: Settings) -> Service:
    """job-exchange, put together. Nothing connects yet."""
    return Service(
        name="job-exchange",
        readers=inbound.readers(settings.sealing()),
        outbound=outbound.route,
        replies=Replies(JobExchangeAccepted, JobExchangeRejected),
        migrations=MIGRATIONS,
    )


main = command("job-exchange", Settings, build)
