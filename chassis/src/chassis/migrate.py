"""Migrations: the chassis' own tables first, then the service's, each with its own version table."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import database
from chassis.settings import ServiceSettings

CHASSIS = Path(__file__).parent / "migrations"
_VERSION = {
    name: text(f"SELECT version_num FROM {name}")  # noqa: S608  # names of ours
    for name in ("chassis_version", "alembic_version")
}
_LOCK = 7_301_999
"""Advisory lock: two replicas that prepare at once take turns."""


def _config(folder: Path, version_table: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = version_table
    return config


def _both(service: Path) -> list[tuple[Config, str]]:
    return [
        (_config(CHASSIS, "chassis_version"), "chassis_version"),
        (_config(service, "alembic_version"), "alembic_version"),
    ]


async def prepare(
    settings: ServiceSettings, name: str, service: Path, append_only: Collection[str] = ()
) -> None:
    """Bring the database to the newest version, as its owner; then give the service's own role its rights.

    append_only: tables that this role may read and add to, and nothing else: what is in them stays as it is.
    """
    owner = database.connect(settings, name, as_owner=True)
    try:
        await upgrade(owner, service)
        role = make_url(str(settings.database_url)).username
        if settings.owner_database_url is not None and role is not None:
            await _grant(owner, role, append_only)
    finally:
        await owner.dispose()


async def _grant(owner: AsyncEngine, role: str, append_only: Collection[str]) -> None:
    """Rows, not tables: the role neither drops nor alters anything, nor switches a trigger off."""
    quoted = _quoted(role)
    kept = ", ".join([_quoted(name) for name in (*append_only, *_VERSION)])
    async with owner.begin() as db:
        await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for right in (
            f"GRANT USAGE ON SCHEMA public TO {quoted}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
            f"REVOKE UPDATE, DELETE, TRUNCATE ON {kept} FROM {quoted}",
        ):
            await db.execute(text(right))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def upgrade(engine: AsyncEngine, service: Path) -> None:
    """Bring the database to the newest version. Safe to run at any time, by many at once."""
    async with engine.connect() as db:
        await db.execute(text("SET lock_timeout = '30s'"))
        await db.execute(text("SET statement_timeout = 0"))
        await db.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        await db.commit()
        try:
            for config, _ in _both(service):
                await db.run_sync(_upgrade, config)
                await db.commit()
        finally:
            await db.rollback()
            await db.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            await db.commit()
            await db.invalidate()


def _upgrade(connection: Connection, config: Config) -> None:
    script = ScriptDirectory.from_config(config)

    def steps(revision: str, _context: object) -> object:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # what Alembic's own command does

    from alembic.runtime.environment import EnvironmentContext

    with EnvironmentContext(config, script, fn=steps, as_sql=False, destination_rev="head") as environment:
        environment.configure(
            connection=connection,
            version_table=config.attributes["version_table"],
            transaction_per_migration=True,
        )
        with environment.begin_transaction():
            environment.run_migrations()


async def behind(engine: AsyncEngine, service: Path) -> list[str]:
    """What the database lacks, as sentences; empty when it is as new as this program."""
    lacks = []
    async with engine.connect() as db:
        for config, version_table in _both(service):
            head = ScriptDirectory.from_config(config).get_current_head()
            exists = (await db.execute(text("SELECT to_regclass(:name)"), {"name": version_table})).scalar()
            current = (await db.execute(_VERSION[version_table])).scalar() if exists else None
            if current != head:
                lacks.append(f"{version_table} is {current}, this program needs {head}: run `prepare`")
    return lacks
