"""The only file that wires: what comes in, where it goes, who sends the mail."""

from __future__ import annotations

from pathlib import Path

from chassis.batch import Replies
from chassis.cli import command
from chassis.service import Service
from chassis.settings import ServiceSettings
from contracts.replies_v1 import PartnerRegistryAccepted, PartnerRegistryRejected
from partner_registry.domain.letters import MAIL
from partner_registry.inbound import SERVICE, readers
from partner_registry.mail import Mailer
from partner_registry.outbound import route
from partner_registry.settings import Settings

_IN_SOURCE = Path(__file__).parents[2] / "migrations"
MIGRATIONS = _IN_SOURCE if _IN_SOURCE.exists() else Path(__file__).parent / "migrations"


def build(settings: ServiceSettings) -> Service:
    """The registry, put together. Nothing connects yet."""
    if not isinstance(settings, Settings):
        raise TypeError("the registry is built from its own settings")
    mailer = Mailer(settings.smtp, settings.mail_from, settings.mail_imprint, settings.smtp_timeout_seconds)
    return Service(
        name=SERVICE,
        readers=readers(settings.link_base_url),
        outbound=route,
        replies=Replies(PartnerRegistryAccepted, PartnerRegistryRejected),
        migrations=MIGRATIONS,
        errands={MAIL: mailer.send},
    )


main = command(SERVICE, Settings, build)
