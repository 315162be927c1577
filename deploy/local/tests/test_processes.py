"""What the stack promises about its child processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from servicenetz.processes import Process, ProcessError, Watch, sweep

SLEEP = [sys.executable, "-S", "-c", "import time; print('here', flush=True); time.sleep(600)"]
IGNORE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
DEAF = [sys.executable, "-S", "-c", f"{IGNORE}; time.sleep(600)"]


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Dead, whether or not somebody has collected it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = Process("sleeper", tmp_path, lambda: SLEEP)
    yield process
    process.kill()


def said(process: Process, word: str) -> bool:
    return process.log.exists() and word in process.log.read_text(encoding="utf-8")


def test_it_runs_and_its_output_is_in_its_log(sleeper: Process) -> None:
    sleeper.start()
    sleeper.wait_for(lambda: said(sleeper, "here"), 10)
    assert sleeper.pid is not None
    assert sleeper.pidfile.read_text(encoding="ascii").startswith(f"{sleeper.pid} ")


def test_starting_twice_starts_once(sleeper: Process) -> None:
    sleeper.start()
    first = sleeper.pid
    sleeper.start()
    assert sleeper.pid == first


def test_stopped_it_is_gone_and_forgotten(sleeper: Process) -> None:
    sleeper.start()
    pid = sleeper.pid
    assert pid is not None
    sleeper.stop()
    assert is_gone(pid)
    assert not sleeper.pidfile.exists()


def test_one_that_will_not_stop_is_killed_after_the_grace(tmp_path: Path) -> None:
    deaf = Process("deaf", tmp_path, lambda: DEAF, stop_grace_s=0.3)
    deaf.start()
    deaf.wait_for(lambda: said(deaf, "deaf"), 10)
    deaf.stop()
    assert deaf.exit_code == -signal.SIGKILL


def test_a_frozen_one_is_stopped_too(sleeper: Process) -> None:
    sleeper.start()
    sleeper.wait_for(lambda: said(sleeper, "here"), 10)
    sleeper.pause()
    sleeper.stop()
    assert sleeper.exit_code == -signal.SIGTERM


def test_the_watch_brings_it_back_unless_it_was_to_stay_away(sleeper: Process) -> None:
    watch = Watch([sleeper])
    sleeper.start()
    watch.start()
    try:
        first = sleeper.pid
        sleeper.kill(comes_back=True)
        assert eventually(lambda: sleeper.alive and sleeper.pid != first)
        assert sleeper.restarts == 1
        sleeper.kill()
        assert not eventually(lambda: sleeper.alive, 1.5)
    finally:
        watch.end()


def test_one_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", "print('no such table'); raise SystemExit(3)"]
    broken = Process("broken", tmp_path, lambda: command)
    broken.start()
    with pytest.raises(ProcessError, match=r"broken ended with 3: no such table"):
        broken.wait_for(lambda: False, 10)


PARENT = """
import sys, time
from pathlib import Path
from servicenetz.processes import Process
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
child = Process("child", Path(sys.argv[1]), lambda: sleep)
child.start()
print(child.pid, flush=True)
if sys.argv[2] == "ends":
    sys.exit(0)
time.sleep(600)
"""


@pytest.mark.parametrize("way", ["is killed", "ends"])
def test_children_end_with_their_parent(tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="ascii") as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if way == "is killed":
            parent.kill()
        parent.wait(10)
    assert eventually(lambda: is_gone(child))


def test_a_thread_that_starts_a_process_may_end_before_it(sleeper: Process) -> None:
    from threading import Thread

    thread = Thread(target=sleeper.start)
    thread.start()
    thread.join()
    assert not eventually(lambda: not sleeper.alive, 0.5)


def test_sweep_kills_what_was_left(sleeper: Process, tmp_path: Path) -> None:
    sleeper.start()
    pid = sleeper.pid
    assert pid is not None
    assert sweep(tmp_path) == ["sleeper"]
    assert eventually(lambda: is_gone(pid))
    assert not sleeper.pidfile.exists()


@pytest.mark.parametrize(
    "text",
    [f"{os.getpid()} 12345.0", "999999999 1.0", "", "nonsense"],
    ids=["ours", "nobody's", "empty", "nonsense"],
)
def test_sweep_leaves_others_alone(tmp_path: Path, text: str) -> None:
    pidfile = tmp_path / "run" / "old.pid"
    pidfile.parent.mkdir()
    pidfile.write_text(text, encoding="ascii")
    assert sweep(tmp_path) == []
    assert not pidfile.exists()
