"""One of our four services as the stack runs it: any number of processes, each prepares what is not there yet."""

import json
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from joserfc.jwk import OKPKey

from servicenetz.processes import Process, ProcessError

if TYPE_CHECKING:
    from servicenetz.stack import Stack

SERVICES = ("partner-registry", "job-exchange", "matching", "billing")
OWNERS = {"billing": "billing_owner"}
"""Services whose own database role owns no table, and the role that does."""
READY_WITHIN_S = 90.0
HTTP_TIMEOUT_S = 2.0


def is_ready(http_url: str) -> bool:
    """Whether the service process at this address calls itself ready now."""
    try:
        with urllib.request.urlopen(f"{http_url}/health/ready", timeout=HTTP_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except OSError:  # URLError is one, and so is a connection refused
        return False


class Instance(Process):
    """One process of a service."""

    def __init__(
        self, stack: "Stack", service: str, number: int, port: int, environment: Mapping[str, str]
    ) -> None:
        self.service = service
        self.http_port = port
        self.http_url = f"http://127.0.0.1:{port}"
        super().__init__(
            f"{service}-{number}",
            stack.folder,
            lambda: [str(program(service)), "run", "--prepare"],
            environment,
        )

    def answers(self) -> bool:
        """Whether it calls itself ready now."""
        return is_ready(self.http_url)

    def wait_until_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Return once it calls itself ready."""
        self.wait_for(self.answers, seconds, interval_s=0.1)


class Service:
    """A service with all its processes."""

    def __init__(
        self, stack: "Stack", name: str, ports: Sequence[int], environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._environment = _environment(stack, name) | dict(environment)
        prefix = _prefix(name)
        self.instances = [
            Instance(stack, name, number, port, self._environment | {f"{prefix}HTTP_PORT": str(port)})
            for number, port in enumerate(ports, start=1)
        ]

    @property
    def http_ports(self) -> list[int]:
        """Where its processes answer."""
        return [instance.http_port for instance in self.instances]

    def start(self) -> None:
        """Start all its processes."""
        for instance in self.instances:
            instance.start()

    def wait_until_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Return when all its processes are ready."""
        for instance in self.instances:
            instance.wait_until_ready(seconds)

    def kill(self, *, comes_back: bool = False) -> None:
        """`kill -9` of all its processes."""
        for instance in self.instances:
            instance.kill(comes_back=comes_back)

    def stop(self) -> None:
        """Stop all its processes in good order."""
        for instance in self.instances:
            instance.ask_to_stop()
        for instance in self.instances:
            instance.wait_until_stopped()

    def restart(self) -> None:
        """Stop in good order, then start."""
        self.stop()
        self.start()


def _prefix(service: str) -> str:
    return service.upper().replace("-", "_") + "_"


def program(service: str) -> Path:
    """The console script of a service, beside this interpreter."""
    path = Path(sys.executable).parent / service
    if not path.exists():
        raise ProcessError(f"The command `{service}` is not installed: run `make setup`.")
    return path


def _environment(stack: "Stack", service: str) -> dict[str, str]:
    settings = environment(
        service,
        database_url=stack.database_url(service),
        kafka_bootstrap=stack.kafka_bootstrap,
        mail_url=stack.mail.url,
        sealing_key=_sealing_key(stack) if service == "job-exchange" else None,
    )
    if service in OWNERS:
        owner = stack.postgres.url(service, role=OWNERS[service])
        settings[f"{_prefix(service)}OWNER_DATABASE_URL"] = owner
    return settings


def environment(
    service: str, *, database_url: str, kafka_bootstrap: str, mail_url: str, sealing_key: Path | None
) -> dict[str, str]:
    """The settings of a service on this machine, as environment variables."""
    settings = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "HTTP_HOST": "127.0.0.1",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        "DEVELOPMENT": "true",
    }
    if service == "partner-registry":
        settings["SMTP_URL"] = mail_url
        settings["LINK_BASE_URL"] = "http://127.0.0.1"
    if service == "job-exchange" and sealing_key is not None:
        settings["SEALING_KEY_FILE"] = str(sealing_key)
    return {f"{_prefix(service)}{name}": value for name, value in settings.items()}


def _sealing_key(stack: "Stack") -> Path:
    """job-exchange's private key of this folder; made once, with the public half beside it."""
    private = stack.folder / "keys" / "job-exchange.private.json"
    if private.exists():
        return private
    private.parent.mkdir(mode=0o700, exist_ok=True)
    key = OKPKey.generate_key("X25519", parameters={"kid": "job-exchange-local", "use": "enc"})
    stack.sealing_public_key.write_text(json.dumps(key.as_dict(private=False), indent=1), encoding="ascii")
    partial = private.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(key.as_dict(private=True), indent=1), encoding="ascii")
    partial.replace(private)
    return private
