"""Migrations: the chassis' own tables first, then the service's, each with its own version table."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

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
