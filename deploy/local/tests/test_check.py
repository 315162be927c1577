"""`servicenetz check` as a person calls it."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from servicenetz.cli import build


def test_it_looks_at_the_checkouts_stack_wherever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "checkout" / ".venv"))
    answer = CliRunner().invoke(build(), ["check"])
    assert answer.exit_code == 2
    assert "No stack is up in" in answer.output
    assert str(tmp_path / "checkout" / ".servicenetz") in answer.output.replace("\n", "")
