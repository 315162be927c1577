"""The only file that wires."""

from __future__ import annotations

from pathlib import Path

from billing import inbound, office, outbound
from billing.domain.issuing import RENDER
from billing.rendering import Renderer
from billing.settings import Settings
from billing.tables import APPEND_ONLY
from chassis import database
from chassis.batch import Replies
from chassis.cli import command
from chassis.service import Service
from contracts.replies_v1 import BillingAccepted, BillingRejected

_SOURCE = Path(__file__).parents[2] / "migrations"
MIGRATIONS = _SOURCE if _SOURCE.is_dir() else Path(__file__).parent / "migrations"


def build(settings: Settings) -> Service:
    """Billing, put together. Nothing connects yet."""
    renderer = Renderer(lambda: database.connect(settings, "billing files"))
    return Service(
        name="billing",
        readers=inbound.readers(settings.terms()),
        outbound=outbound.route,
        replies=Replies(BillingAccepted, BillingRejected),
        migrations=MIGRATIONS,
        append_only=APPEND_ONLY,
        errands={RENDER: renderer.render} if settings.makes_files else {},
        closes=[renderer.close],
    )


main = command("billing", Settings, build)
main.add_typer(office.documents, name="documents")
main.add_typer(office.ledger, name="ledger")
main.add_typer(office.holds, name="holds")
