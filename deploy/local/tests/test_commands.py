"""`servicenetz up | down | status` as a person uses them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.stack
COMMAND = str(Path(sys.executable).with_name("servicenetz"))


def servicenetz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, *arguments, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    servicenetz(tmp_path, "down")


def parts(folder: Path) -> list[psutil.Process]:
    pidfiles = (folder / "run").glob("*.pid")
    return [psutil.Process(int(file.read_text(encoding="ascii").split()[0])) for file in pidfiles]


def nothing_runs(processes: list[psutil.Process], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
        ):
            return True
        time.sleep(0.05)
    return False


def test_up_status_up_down_down(folder: Path) -> None:
    assert servicenetz(folder, "status").returncode == 3
    up = servicenetz(folder, "up", "--bare", "--detach")
    assert up.returncode == 0, up.stdout
    address = json.loads((folder / "stack.json").read_text(encoding="utf-8"))["kafka"]
    assert address in up.stdout
    status = servicenetz(folder, "status")
    assert status.returncode == 0
    assert address in status.stdout
    again = servicenetz(folder, "up", "--bare")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    running = parts(folder)
    assert len(running) == 3
    assert "Stopped" in servicenetz(folder, "down").stdout
    assert nothing_runs(running, 0.5)
    assert "Nothing runs" in servicenetz(folder, "down").stdout


def test_ctrl_c_ends_all_of_it(folder: Path) -> None:
    command = [COMMAND, "up", "--bare", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert any("Ctrl-C stops it" in line for line in up.stdout)
        running = parts(folder)
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    assert nothing_runs(running, 0.5)


def test_ctrl_c_while_it_starts_leaves_nothing(folder: Path) -> None:
    command = [COMMAND, "up", "--bare", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        while not (folder / "run" / "kafka.pid").exists():
            time.sleep(0.02)
        running = parts(folder)
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    assert nothing_runs(running, 0.5)
    assert servicenetz(folder, "up", "--bare", "--detach").returncode == 0


def test_kill_9_of_up_leaves_nothing_and_the_next_up_works(folder: Path) -> None:
    assert servicenetz(folder, "up", "--bare", "--detach").returncode == 0
    owner = json.loads((folder / "stack.json").read_text(encoding="utf-8"))["owner"]
    running = parts(folder)
    psutil.Process(owner).kill()
    assert nothing_runs(running)
    status = servicenetz(folder, "status")
    assert status.returncode == 3
    assert servicenetz(folder, "up", "--bare", "--detach").returncode == 0
