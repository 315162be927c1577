"""How the stack runs services, shown with a stand-in that answers on its port and nothing else."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from servicenetz import service
from servicenetz.stack import Stack, StackError

pytestmark = pytest.mark.stack

STAND_IN = f"""#!{sys.executable}
import http.server, json, os, sys
settings = {{name: value for name, value in os.environ.items() if name.startswith("JOB_EXCHANGE_")}}
if settings.get("JOB_EXCHANGE_FAIL"):
    sys.exit("relation jobs is broken")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(settings | {{"pid": os.getpid()}}).encode())
http.server.HTTPServer(("127.0.0.1", int(settings["JOB_EXCHANGE_HTTP_PORT"])), Answer).serve_forever()
"""


@pytest.fixture(scope="module", autouse=True)
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    program = tmp_path_factory.mktemp("bin") / "job-exchange"
    program.write_text(STAND_IN, encoding="utf-8")
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "program", lambda _name: program)
        yield


@pytest.fixture(scope="module")
def stack(stand_in: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    extra = {"JOB_EXCHANGE_CLOCK": "fast"}
    with Stack(folder, replicas=2, services=["job-exchange"], environment=extra) as running:
        yield running


def settings_of(instance: service.Instance) -> dict[str, str | int]:
    with urllib.request.urlopen(f"{instance.http_url}/health/ready", timeout=5) as answer:
        settings: dict[str, str | int] = json.load(answer)
    return settings


def test_each_replica_has_its_own_port_and_the_same_database(stack: Stack) -> None:
    first, second = (settings_of(instance) for instance in stack.services["job-exchange"].instances)
    assert first["JOB_EXCHANGE_HTTP_PORT"] != second["JOB_EXCHANGE_HTTP_PORT"]
    assert first["JOB_EXCHANGE_DATABASE_URL"] == second["JOB_EXCHANGE_DATABASE_URL"]
    assert first["JOB_EXCHANGE_DATABASE_URL"] == stack.database_url("job-exchange")
    assert first["JOB_EXCHANGE_KAFKA_BOOTSTRAP_SERVERS"] == stack.kafka_bootstrap
    assert first["JOB_EXCHANGE_CLOCK"] == "fast"


def test_the_private_key_is_the_services_alone(stack: Stack) -> None:
    private = Path(str(settings_of(stack.instances[0])["JOB_EXCHANGE_SEALING_KEY_FILE"]))
    assert private.stat().st_mode & 0o077 == 0
    assert "d" in json.loads(private.read_text(encoding="ascii"))
    public = json.loads(stack.sealing_public_key.read_text(encoding="ascii"))
    assert "d" not in public
    assert public["kid"] == "job-exchange-local"


def test_a_killed_replica_comes_back_on_its_port(stack: Stack) -> None:
    killed = stack.instances[0]
    before = settings_of(killed)["pid"]
    killed.kill(comes_back=True)
    killed.wait_until_ready(30)
    assert settings_of(killed)["pid"] != before


def test_a_stopped_replica_stays_away_until_started(stack: Stack) -> None:
    stopped = stack.instances[1]
    stopped.stop()
    assert not stopped.answers()
    stack.wait_until_ready()  # of what should run
    stopped.start()
    stopped.wait_until_ready(30)


def test_a_service_that_cannot_be_prepared_is_named(tmp_path: Path) -> None:
    extra = {"JOB_EXCHANGE_FAIL": "yes"}
    broken = Stack(tmp_path, services=["job-exchange"], environment=extra)
    with pytest.raises(StackError, match=r"job-exchange-1 ended with 1: relation jobs is broken"):
        broken.start()
    assert not any(process.alive for process in broken.processes)
