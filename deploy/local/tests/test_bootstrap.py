"""What deploy/bootstrap.py says and does when the machine is not as it should be."""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
SCRIPT = CHECKOUT / "deploy" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, working on an empty checkout."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "STAMPS": tmp_path / ".venv" / "stamps",
        "STATE": tmp_path / ".servicenetz",
        "LOG": tmp_path / ".servicenetz" / "setup.log",
    }.items():
        monkeypatch.setattr(module, name, path)
    return module


class Steps:
    """Steps that only note that they were done; one of them may be interrupted."""

    def __init__(self, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.interrupt_at: str | None = None
        self._module = module
        monkeypatch.setattr(
            module, "STEPS", {name: lambda name=name: self._do(name) for name in module.STEPS}
        )

    def _do(self, name: str) -> None:
        if name == self.interrupt_at:
            raise KeyboardInterrupt
        if name == "venv":
            shutil.rmtree(self._module.VENV, ignore_errors=True)
            (self._module.VENV / "bin").mkdir(parents=True)
            (self._module.VENV / "bin" / "python").touch()
        self.done.append(name)


@pytest.fixture
def steps(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(bootstrap, monkeypatch)


EVERYTHING = ["venv", "requirements", "jars", "packages", "rehearsal"]


def test_the_second_time_nothing_is_done(bootstrap: ModuleType, steps: Steps) -> None:
    assert bootstrap.main([]) == 0
    assert steps.done == EVERYTHING
    assert bootstrap.main([]) == 0
    assert steps.done == EVERYTHING


def test_a_new_package_is_installed_and_nothing_else(
    bootstrap: ModuleType, steps: Steps, tmp_path: Path
) -> None:
    bootstrap.main([])
    steps.done.clear()
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    assert bootstrap.main([]) == 0
    assert steps.done == ["packages"]


@pytest.mark.parametrize(
    ("step", "again"),
    [
        ("venv", EVERYTHING),
        ("requirements", EVERYTHING),  # half an installed package cannot be repaired by pip
        ("jars", ["jars", "packages", "rehearsal"]),
        ("packages", ["packages", "rehearsal"]),
    ],
)
def test_the_run_after_an_interrupted_one_repairs(
    bootstrap: ModuleType, steps: Steps, step: str, again: list[str]
) -> None:
    steps.interrupt_at = step
    assert bootstrap.main([]) == 130
    steps.interrupt_at = None
    steps.done.clear()
    assert bootstrap.main([]) == 0
    assert steps.done == again


def test_a_moved_checkout_gets_a_new_environment(
    bootstrap: ModuleType, steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.main([])
    steps.done.clear()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    assert bootstrap.main([]) == 0
    assert steps.done == EVERYTHING


def test_without_venv_it_says_which_package_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert bootstrap.main([]) == 2
    assert "apt install python3-venv" in capsys.readouterr().err


def test_without_room_it_says_how_much_is_needed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _path: usage(900_000_000))
    assert bootstrap.main([]) == 2
    assert "0.9 GB left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "error", "sentence"),
    [
        ("WARNING: … NewConnectionError(… Name or service not known)", "Missing", "needs the network"),
        ("OSError: [Errno 28] No space left on device", "Missing", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "Failed", "DO NOT MATCH THE HASHES"),
        ("", "Failed", "no output"),
    ],
)
def test_what_pip_says_becomes_one_sentence(
    bootstrap: ModuleType, output: str, error: str, sentence: str
) -> None:
    with pytest.raises(getattr(bootstrap, error), match=sentence):
        bootstrap._explain(output.splitlines(), "packages")


def test_this_checkout_is_set_up_and_that_is_seen_quickly() -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert time.monotonic() - begun < 1.0
    assert done.stdout.startswith(("Nothing to set up.", "To set up: "))
