"""The only file that wires: settings, index, readers, the way out."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from chassis.batch import Replies
from chassis.cli import command
from chassis.reference import IndexReader
from chassis.service import Service
from contracts import matching_standings_v1 as standings_v1
from contracts import partner_registry_partners_v1 as partners_v1
from contracts.replies_v1 import MatchingAccepted, MatchingRejected
from matching import coverage_command, desk_commands
from matching.candidates import PartnerIndex
from matching.inbound import readers
from matching.outbound import route
from matching.planning import Gathering
from matching.settings import Settings
from matching.sight import Memory
from matching.simulation.command import HELP, simulate
from matching.standings import Standings

_BESIDE_SOURCE = Path(__file__).parents[2] / "migrations"
MIGRATIONS = _BESIDE_SOURCE if _BESIDE_SOURCE.is_dir() else Path(__file__).parent / "migrations"


def build(settings: Settings) -> Service:
    """Nothing connects here."""
    memory = Memory(PartnerIndex(), Standings(), settings.policy)
    return Service(
        name="matching",
        readers=readers(
            memory,
            settings.expiry,
            coverage_every=timedelta(seconds=settings.coverage_every_seconds),
            gathering=_gathering(settings, memory),
        ),
        outbound=route,
        replies=Replies(MatchingAccepted, MatchingRejected),
        migrations=MIGRATIONS,
        indexes=(
            IndexReader(partners_v1.TOPIC, memory.index),
            IndexReader(standings_v1.TOPIC, memory.standings),
        ),
    )


def _gathering(settings: Settings, memory: Memory) -> Gathering | None:
    if not settings.gather_seconds:
        return None
    if find_spec("ortools") is None:
        raise SystemExit(
            "MATCHING_GATHER_SECONDS needs OR-tools: pip install 'servicenetz-matching[optimiser]'"
        )
    return Gathering(memory, timedelta(seconds=settings.gather_seconds), settings.plan_seconds)


main = command("matching", Settings, build)
main.command("coverage", help=coverage_command.HELP)(coverage_command.coverage)
main.command("simulate", help=HELP)(simulate)
desk_commands.add_to(main)
