"""Sets a checkout up: .venv, the pinned packages, Kafka's jars, our own packages. Standard library only.

    python3 deploy/bootstrap.py            set up what is missing or changed; nothing to do: 0.2 s, no network
    python3 deploy/bootstrap.py --check    say whether something is missing, change nothing

Each step keeps a stamp, the hash of what it was made from, in .venv/stamps; a step whose stamp fits is
skipped. A stamp is written last, so whatever interrupts a step, the next run does that step again.
Exit codes: 0 done, 1 a step failed, 2 this machine lacks something (a sentence says what), 130 interrupted.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "Servicenetz needs Python 3.11 or newer, this is %d.%d: install a newer one, "
        "or name the one you have, as in `make PYTHON=python3.12 demo`.\n" % sys.version_info[:2]
    )
    sys.exit(2)

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "stamps"
STATE = ROOT / ".servicenetz"
LOG = STATE / "setup.log"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
JARS_LOCK = ROOT / "deploy" / "kafka.lock.json"
KAFKA = ROOT / "deploy" / "local" / "src" / "servicenetz" / "kafka.py"
PACKAGES = (
    "contracts",
    "chassis",
    "services/partner-registry",
    "services/job-exchange",
    "services/matching",
    "services/billing",
    "deploy/local",
    "demo",
)
REMOVE_ATTEMPTS = 40
FREE_BYTES_NEEDED = 2_500_000_000
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "60")
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolution|Temporary failure in name|Network is unreachable|Max retries exceeded"
    r"|ConnectTimeout|ConnectionError|Connection refused|Could not resolve|getaddrinfo"
)


class Missing(Exception):
    """This machine lacks something; the sentence says what to do. Exit 2."""


class Failed(Exception):
    """A step did not work for another reason; the log has the whole story. Exit 1."""


def _hash(*parts: bytes | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()


def _own_packages() -> list[str]:
    return [name for name in PACKAGES if (ROOT / name / "pyproject.toml").is_file()]


def _wanted() -> dict[str, str]:
    """The hash of the inputs of each step, in the order of the steps."""
    # A venv knows its own path and interpreter: a moved checkout or another Python needs a new one.
    python = f"{os.path.realpath(sys.base_prefix)} {sys.version}"
    venv = _hash(str(ROOT), python)
    packages = _own_packages()
    return {
        "venv": venv,
        "requirements": _hash(venv, REQUIREMENTS.read_bytes()),
        "jars": _hash(venv, JARS_LOCK.read_bytes()),
        "packages": _hash(
            venv,
            *(part for name in packages for part in (name, (ROOT / name / "pyproject.toml").read_bytes())),
        ),
        "rehearsal": _hash(venv, REQUIREMENTS.read_bytes(), JARS_LOCK.read_bytes(), KAFKA.read_bytes()),
    }


def _stale() -> dict[str, str]:
    """Steps to do, with the stamp each will get."""
    wanted = _wanted()
    done = {}
    for step in wanted:
        with contextlib.suppress(OSError):
            done[step] = (STAMPS / step).read_text(encoding="ascii")
    if not (VENV / "bin" / "python").exists():
        done.clear()
    return {step: stamp for step, stamp in wanted.items() if done.get(step) != stamp}


def _die_with_parent() -> None:
    """In the child: a bootstrap killed by -9 must not leave a pip behind that the next run meets."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Progress:
    """One line for each step; on a terminal it shows that something moves."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.note = ""
        self._terminal = sys.stdout.isatty()
        self._ended = threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Progress":
        if self._terminal:
            self._thread.start()
        else:
            print(f"  … {self.text}", flush=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._ended.set()
        if self._terminal:
            self._thread.join()
        mark = "✓" if kind is None else "✗"
        start = "\r\033[K" if self._terminal else ""
        print(f"{start}  {mark} {self.text:<44}{time.monotonic() - self._begun:6.1f} s", flush=True)

    def _tick(self) -> None:
        for beat in range(10**9):
            if self._ended.wait(0.1):
                return
            spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[beat % 10]
            seconds = time.monotonic() - self._begun
            print(f"\r\033[K  {spinner} {self.text:<44}{seconds:6.1f} s  {self.note}", end="", flush=True)


def _run(
    command: list[str], progress: Progress, each_line: Callable[[str], str | None] | None = None
) -> None:
    """Run a command into the log; the error raised says in one sentence what went wrong."""
    environment = {
        **os.environ,
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_PROGRESS_BAR": "off",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    environment.pop("PYTHONPATH", None)
    if not os.access(Path.home(), os.W_OK):
        environment.setdefault("M2_REPO", str(VENV / "maven"))
    lines: list[str] = []
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a group that can be ended as one
            # safe here: the only other thread draws the spinner
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
        try:
            for line in child.stdout or ():
                log.write(line)
                lines.append(line.strip())
                if each_line is not None:
                    progress.note = each_line(line) or progress.note
            code = child.wait()
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)  # pip's and ensurepip's own children too
            child.wait()
            raise
    if code != 0:
        _explain(lines, progress.text)


def _explain(lines: list[str], step: str) -> None:
    output = "\n".join(lines)
    if "No space left on device" in output:
        raise Missing("The disk is full: make some room (about 2.5 GB) and run this again.")
    if NO_NETWORK.search(output):
        raise Missing(
            f"The first set-up needs the network, and this cannot be fetched: {step}. Connect (or set your proxy, "
            "certificates or mirror, as in PIP_INDEX_URL) and run this again; what is here already is kept."
        )
    errors = [
        *(line for line in reversed(lines) if re.match(r"\w+Error: ", line)),
        *(line for line in lines if line.startswith(("ERROR", "error"))),
        *(lines[-1:] or ["no output"]),
    ]
    raise Failed(f"{step} failed: {errors[0][:300]} (all of it: {LOG.relative_to(ROOT)})")


def _make_venv() -> None:
    with Progress("Python environment") as progress:
        # Always from nothing: an interrupted pip may have left packages that it could not repair itself.
        for attempt in range(REMOVE_ATTEMPTS):
            try:
                shutil.rmtree(VENV)
            except FileNotFoundError:
                break
            except OSError:  # a child of a set-up that was killed by -9 still writes into it
                if attempt == REMOVE_ATTEMPTS - 1:
                    raise
                time.sleep(0.5)
        _run([sys.executable, "-m", "venv", str(VENV)], progress)


def _install_requirements() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    total = len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE | re.IGNORECASE))
    count = iter(range(1, 10**6))

    def note(line: str) -> str | None:
        if line.startswith("Collecting "):
            return f"{next(count)}/{total} {line.split('==', 1)[0].removeprefix('Collecting ').strip()}"
        return "unpacking" if line.startswith("Installing collected") else None

    with Progress(f"{total} Python packages, each checked by hash") as progress:
        # Compiled when first imported: compiling all of it now would double the time.
        arguments = (
            "install",
            "--no-compile",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            str(REQUIREMENTS),
        )
        _run([str(VENV / "bin" / "python"), *PIP, *arguments], progress, note)


def _install_jars() -> None:
    version = json.loads(JARS_LOCK.read_text(encoding="utf-8"))["roots"][0].rsplit(":", 1)[1]
    with Progress(f"Apache Kafka {version}, each jar checked by hash") as progress:
        script = ROOT / "deploy" / "jars.py"
        _run([str(VENV / "bin" / "python"), str(script), "install", "kafka", str(VENV / "kafka")], progress)


def _install_packages() -> None:
    names = _own_packages()
    with Progress(f"our own packages ({len(names)})") as progress:
        failures = []
        for name in names:  # one by one: a package being worked on does not keep the others away
            progress.note = name
            arguments = ("install", "--no-deps", "--no-index", "--no-build-isolation", "-e", str(ROOT / name))
            try:
                _run([str(VENV / "bin" / "python"), *PIP, *arguments], progress)
            except Failed as failure:
                failures.append(f"{name}: {failure}")
        if failures:
            raise Failed("\n".join(failures))


def _rehearse() -> None:
    """Kafka starts without what this brings too, only more slowly: a failure is told and nothing more."""
    with Progress("Kafka's start, rehearsed") as progress:
        try:
            _run([str(VENV / "bin" / "python"), "-m", "servicenetz.rehearsal"], progress)
        except Failed as failure:
            progress.text = f"{failure}"


STEPS: dict[str, Callable[[], None]] = {
    "venv": _make_venv,
    "requirements": _install_requirements,
    "jars": _install_jars,
    "packages": _install_packages,
    "rehearsal": _rehearse,
}


def _check_machine(stale: dict[str, str]) -> None:
    if sys.platform == "win32":
        raise Missing("Servicenetz runs on Linux and macOS: on Windows use WSL.")
    if not os.access(ROOT, os.W_OK):
        raise Missing(f"This user may not write in {ROOT}: work in a clone of your own.")
    if "venv" not in stale:
        return
    try:
        import ensurepip  # noqa: F401 - only to see whether it is there
        import venv  # noqa: F401
    except ImportError:
        raise Missing(
            "This Python comes without venv: install it (Debian, Ubuntu: `apt install python3-venv`) "
            "and run this again."
        ) from None
    free = shutil.disk_usage(ROOT).free
    if free < FREE_BYTES_NEEDED:
        raise Missing(
            f"The disk has {free / 1e9:.1f} GB left and the first set-up takes about "
            f"{FREE_BYTES_NEEDED / 1e9:.1f} GB: make some room and run this again."
        )


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time in a checkout; the kernel lets go of the lock however its holder ends."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is at work in this checkout; waiting for it.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    """Do every stale step, in order."""
    stale = _stale()
    if not stale:
        return
    _check_machine(stale)
    with _alone():
        stale = _stale()  # the one we waited for may have done it all
        interrupted = VENV / "interrupted"
        if interrupted.exists():
            stale = _wanted()
        if not stale:
            return
        LOG.write_text("", encoding="utf-8")
        first = "venv" in stale
        what = "the first time this takes a minute or two" if first else "something has changed"
        print(f"Setting up {ROOT.name} ({what})", flush=True)
        for step, stamp in stale.items():
            (STAMPS / step).unlink(missing_ok=True)
            if step == "requirements":
                interrupted.touch()
            STEPS[step]()
            interrupted.unlink(missing_ok=True)
            STAMPS.mkdir(exist_ok=True)
            (STAMPS / step).write_text(stamp, encoding="ascii")


def main(arguments: list[str]) -> int:
    """Command line; see the module's docstring for the exit codes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments == ["--check"]:
            stale = _stale()
            print("Nothing to set up." if not stale else f"To set up: {', '.join(stale)}")
            return 1 if stale else 0
        if arguments:
            print("usage: bootstrap.py [--check]", file=sys.stderr)
            return 2
        set_up()
    except Missing as sentence:
        print(sentence, file=sys.stderr)
        return 2
    except Failed as sentence:
        print(sentence, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next run picks it up.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
