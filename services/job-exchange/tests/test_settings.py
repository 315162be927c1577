"""What the service does not start without, and the one sentence it says then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from job_exchange_stories import GATEWAY_KEY, OWN_KEY, published, write_key
from typer.testing import CliRunner

from job_exchange.app import main

REQUIRED = {
    "JOB_EXCHANGE_DATABASE_URL": "postgresql+asyncpg://nobody@localhost/none",
    "JOB_EXCHANGE_KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    "JOB_EXCHANGE_DEVELOPMENT": "true",
}


def said(*keys: tuple[str, Path]) -> str:
    """What `run` says before it ends; every case here ends before anything connects."""
    environment = REQUIRED | {f"JOB_EXCHANGE_{name}": str(file) for name, file in keys}
    result = CliRunner().invoke(main, ["run"], env=environment)
    assert result.exit_code == 2
    return result.output


def test_without_a_key_it_says_how_to_make_one() -> None:
    output = said()
    assert "JOB_EXCHANGE_SEALING_KEY_FILE" in output
    assert "python -m contracts new-key" in output
    assert len(output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "key",
    [published(OWN_KEY), OWN_KEY | {"kid": None}, {"kty": "oct", "k": "c2VjcmV0"}],
    ids=["public half only", "without a name", "of another kind"],
)
def test_a_file_that_holds_no_private_key(key: dict[str, Any], tmp_path: Path) -> None:
    output = said(("SEALING_KEY_FILE", write_key(tmp_path / "key.json", key)))
    assert "holds no private key" in output
    assert "c2VjcmV0" not in output


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "cannot be read" in said(("SEALING_KEY_FILE", tmp_path / "nowhere.json"))
    torn = tmp_path / "torn.json"
    torn.write_text('{"d": "geheim')
    output = said(("SEALING_KEY_FILE", torn))
    assert "is not JSON" in output
    assert "geheim" not in output


def test_the_gateways_private_key_does_not_belong_here(tmp_path: Path) -> None:
    own = ("SEALING_KEY_FILE", write_key(tmp_path / "own.json", OWN_KEY))
    output = said(own, ("GATEWAY_PUBLIC_KEY_FILE", write_key(tmp_path / "gateway.json", GATEWAY_KEY)))
    assert "private key" in output
    assert GATEWAY_KEY["d"] not in output
