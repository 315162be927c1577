"""Child processes: started so that they end with us, watched, brought back, stopped in good order."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import psutil

LAUNCH = Path(__file__).with_name("launch.py")
STOP_GRACE_S = 20.0
BACKOFF_FIRST_S = 0.5
BACKOFF_LONGEST_S = 30.0
STEADY_AFTER_S = 60.0  # alive this long, a process starts its back-off anew
User = Literal["same", "namespace", "nobody"]  # who a child runs as; see launch.py

WATCH_INTERVAL_S = 0.2
SWEEP_WITHIN_S = 10.0

# The kernel signals a child when the *thread* that started it ends. So one thread, as old as this process,
# starts them all; it ends with the interpreter, and takes with it what a careless caller left running.
_starter = ThreadPoolExecutor(1, thread_name_prefix="starter")


def launcher(death_signal: signal.Signals = signal.SIGKILL, user: User = "same") -> list[str]:
    """What goes in front of a command, so that it ends with the thread that starts it (see launch.py)."""
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(death_signal)), user]


class ProcessError(Exception):
    """A process did not start, or did not become ready; the sentence names its log."""


class Process:
    """One child process that can be started, killed and started again; it writes its output to a log file."""

    def __init__(
        self,
        name: str,
        folder: Path,
        command: Callable[[], Sequence[str]],
        environment: Mapping[str, str] | None = None,
        *,
        user: User = "same",
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        stop_grace_s: float = STOP_GRACE_S,
        before_start: Callable[[], None] | None = None,
    ) -> None:
        """`death_signal` is what it gets when we die; `stop_signal`, then SIGKILL, when we stop it."""
        self.name = name
        self.log = folder / "log" / f"{name}.log"
        self.pidfile = folder / "run" / f"{name}.pid"
        self.restarts = 0
        self.wanted = False
        self.watched = False
        self._command = command
        self._environment = dict(environment or {})
        self._user = user
        self._stop_signal = stop_signal
        self._death_signal = death_signal
        self._stop_grace_s = stop_grace_s
        self._before_start = before_start
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._backoff_s = BACKOFF_FIRST_S
        self._lock = threading.RLock()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.pid is not None

    @property
    def exit_code(self) -> int | None:
        """How the last run ended; negative for a signal."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start it unless it runs."""
        with self._lock:
            self.wanted = True
            if not self.alive:
                self._spawn()

    def _spawn(self) -> None:
        self._started_at = time.monotonic()
        if self._before_start is not None:
            self._before_start()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pidfile.parent.mkdir(parents=True, exist_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment |= {"PYTHONUNBUFFERED": "1"} | self._environment
        with self.log.open("ab") as log:
            self._child = _starter.submit(
                subprocess.Popen,
                [*launcher(self._death_signal, self._user), *self._command()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for us, who stop them in order
            ).result()
        with contextlib.suppress(psutil.NoSuchProcess):
            created = psutil.Process(self._child.pid).create_time()
            self.pidfile.write_text(f"{self._child.pid} {created}\n", encoding="ascii")

    def kill(self, *, comes_back: bool = False) -> None:
        """`kill -9` of the process and what it started; `comes_back`: whoever watches it starts it again."""
        with self._lock:
            self.wanted = comes_back
            self._signal_group(signal.SIGKILL)
            if self._child is not None:
                self._child.wait()

    def pause(self) -> None:
        """Freeze it (SIGSTOP), as a machine that hangs; `resume` lets it go on."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        self._signal_group(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, wait for the grace, then kill it. It stays stopped."""
        self.ask_to_stop()
        self.wait_until_stopped()

    def ask_to_stop(self) -> None:
        """The first half of `stop`, so that several can stop at once."""
        self.wanted = False
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self._stop_signal)
                os.kill(pid, signal.SIGCONT)

    def wait_until_stopped(self) -> None:
        """The second half of `stop`."""
        with self._lock:
            if self._child is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(self._stop_grace_s)
                self._signal_group(signal.SIGKILL)
                self._child.wait()
            self.pidfile.unlink(missing_ok=True)

    def restart(self) -> None:
        """Stop in good order, then start."""
        self.stop()
        self.start()

    def revive(self) -> bool:
        """If it should run and does not, and its back-off has passed, start it again; whether it did."""
        with self._lock:
            if not self.wanted or self.alive:
                return False
            ran_s = time.monotonic() - self._started_at
            if ran_s > STEADY_AFTER_S:
                self._backoff_s = BACKOFF_FIRST_S
            if ran_s < self._backoff_s:
                return False
            self._backoff_s = min(self._backoff_s * 2, BACKOFF_LONGEST_S)
            self.restarts += 1
            self._spawn()
            return True

    def wait_for(self, ready: Callable[[], bool], seconds: float, *, interval_s: float = 0.05) -> None:
        """Return once `ready()`; raise ProcessError if it ends first or takes longer."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive and not self.wanted:
                raise ProcessError(f"{self.name} was stopped before it was ready.")
            if not self.alive and not self.watched:
                raise ProcessError(f"{self.name} ended with {self.exit_code}: {self.last_words()}")
            if time.monotonic() > end:
                raise ProcessError(f"{self.name} was not ready after {seconds:.0f} s: {self.last_words()}")
            time.sleep(interval_s)

    def wait(self, seconds: float) -> int:
        """Wait for it to end by itself; its exit code."""
        if self._child is None:
            raise ProcessError(f"{self.name} was never started.")
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessError(f"{self.name} took longer than {seconds:.0f} s: {self.last_words()}") from None
        finally:
            self.pidfile.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line of its log, and where the log is."""
        lines = (
            self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        )
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
        return f"{last[:300]} (all of it: {self.log})"

    def _signal_group(self, number: signal.Signals) -> None:
        """To the process and all in its session's group, also when the leader is dead already."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)


class Watch:
    """A thread that brings processes back that should run and do not."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin watching."""
        for process in self._processes:
            process.watched = True
        self._thread.start()

    def end(self) -> None:
        """Stop watching; what runs keeps running."""
        for process in self._processes:
            process.watched = False
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(WATCH_INTERVAL_S):
            for process in self._processes:
                try:
                    process.revive()
                except (
                    ProcessError,
                    OSError,
                ) as error:  # a full disk, say: told in its log, tried again later
                    with process.log.open("a", encoding="utf-8") as log:
                        log.write(f"could not be started: {error}\n")


def sweep(folder: Path) -> list[str]:
    """Kill what an earlier stack in this folder left and forget its pidfiles; names of what was killed.

    A pidfile counts only if the process was created when it says, since process ids are used again.
    """
    killed = []
    for pidfile in sorted((folder / "run").glob("*.pid")):
        with contextlib.suppress(ValueError, psutil.Error, ProcessLookupError):
            pid, created = pidfile.read_text(encoding="ascii").split()
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(created)) < 0.05:
                os.killpg(process.pid, signal.SIGKILL)
                _wait_until_gone(process)
                killed.append(pidfile.stem)
        pidfile.unlink(missing_ok=True)
    return killed


def _wait_until_gone(process: psutil.Process) -> None:
    """A dead process that its new parent does not collect is gone too."""
    end = time.monotonic() + SWEEP_WITHIN_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.02)
