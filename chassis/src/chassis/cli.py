"""The command of a service: `prepare`, `run`, `dead-letters`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Annotated, TypeVar

import structlog
import typer
import uvloop
from pydantic import ValidationError

from chassis import database, dead_letters_cli, kafka, logs, migrate
from chassis.service import Service, run
from chassis.settings import ServiceSettings

log = structlog.get_logger()

Settings = TypeVar("Settings", bound=ServiceSettings)


def command(name: str, settings_class: type[Settings], build: Callable[[Settings], Service]) -> typer.Typer:
    """The command-line program of a service. `build` wires it; nothing connects before."""
    app = typer.Typer(
        name=name,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help=f"The {name} service. Settings come from the environment, prefixed "
        f"{settings_class.model_config.get('env_prefix', '')}; `{name} settings` lists them.",
    )

    @app.command("run")
    def run_command(
        prepare: Annotated[
            bool,
            typer.Option(
                "--prepare", help="First do what `prepare` does, when broker and database are there."
            ),
        ] = False,
    ) -> None:
        """Run until SIGTERM or Ctrl-C; finishes or gives back its batch first."""
        settings = read_settings(name, settings_class)
        _tune_collector()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(build(settings), settings, prepare=prepare))

    @app.command("prepare")
    def prepare_command() -> None:
        """Bring the database to the newest version and create the topics this service owns. Safe to repeat."""
        settings = read_settings(name, settings_class)
        asyncio.run(_prepare(build(settings), settings))

    @app.command("settings")
    def settings_command() -> None:
        """List the settings: environment variable, default, what it is."""
        prefix = str(settings_class.model_config.get("env_prefix", ""))
        for field_name, field in settings_class.model_fields.items():
            default = "required" if field.is_required() else field.default
            typer.echo(f"{prefix}{field_name.upper():<36} {default!s:<14} {field.description or ''}")

    app.add_typer(
        dead_letters_cli.command(lambda: read_settings(name, settings_class), build), name="dead-letters"
    )
    return app


def read_settings(name: str, settings_class: type[Settings]) -> Settings:
    """The settings from the environment, and the log as they want it. Raises typer.Exit, having said what is wrong."""
    try:
        settings = settings_class()
    except ValidationError as error:
        prefix = str(settings_class.model_config.get("env_prefix", ""))
        for problem in error.errors(include_input=False, include_url=False):
            where = "".join(str(part) for part in problem["loc"][:1]).upper()
            typer.echo(f"{name}: {prefix}{where}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
    logs.configure(settings.log_level, settings.log_format, name)
    return settings


def _tune_collector() -> None:
    """A batch makes tens of thousands of objects and no cycles; looking for some every 700 costs a tenth of the time.

    What is there at start stays for good, so it is left out of every later search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _prepare(service: Service, settings: ServiceSettings) -> None:
    try:
        await migrate.prepare(settings, service.name, service.migrations, service.append_only)
    except database.ERRORS as error:
        raise SystemExit(f"{service.name}: the database cannot be prepared: {error}") from error
    created = await kafka.create_topics(settings, kafka.topics_of(service.name))
    log.info("prepared", topics_created=created)
