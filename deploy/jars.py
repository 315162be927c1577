"""Apache Kafka's jars: which ones (`lock`), and how they get here (`install`).

Runs inside .venv, because it needs jgo. `kafka.lock.json` names every jar by Maven coordinate and SHA-256,
so an install resolves nothing and takes nothing else.

    .venv/bin/python deploy/jars.py lock              after changing ROOTS
    .venv/bin/python deploy/jars.py install FOLDER    what the bootstrap does
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import jgo
from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("kafka.lock.json")
ROOTS = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    # without a binding slf4j throws the broker's log away; same version as the log4j-core Kafka asks for
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
DOWNLOADS_AT_ONCE = 6


class Jar(TypedDict):
    """One line of the lock file."""

    coordinate: str  # group:artifact:version, always a plain jar
    sha256: str


class JarError(Exception):
    """A sentence for the person at the keyboard."""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(context: MavenContext, coordinate: str) -> Path:
    """Path of the jar in Maven's local repository; downloads it when it is not there."""
    group, artifact, version = coordinate.split(":")
    path: Path = context.project(group, artifact).at_version(version).artifact("", "jar").resolve()
    return path


def lock() -> int:
    """Resolve ROOTS and write the lock file."""
    context = MavenContext()
    coordinates = sorted(
        {
            f"{found.groupId}:{found.artifactId}:{found.version}"
            for root in ROOTS
            for found in jgo.resolve(root)
        }
    )
    jars = [Jar(coordinate=name, sha256=_sha256(_fetch(context, name))) for name in coordinates]
    LOCK.write_text(json.dumps({"roots": ROOTS, "jars": jars}, indent=1) + "\n", encoding="utf-8")
    return len(jars)


def _place(context: MavenContext, jar: Jar, folder: Path) -> None:
    source = _fetch(context, jar["coordinate"])
    if _sha256(source) != jar["sha256"]:
        source.unlink()  # a download cut short, or not the file we locked: never again from the cache
        source = _fetch(context, jar["coordinate"])
        if _sha256(source) != jar["sha256"]:
            source.unlink()
            message = f"{jar['coordinate']} is not the file that was locked (its SHA-256 differs)."
            raise JarError(message)
    shutil.copyfile(source, folder / source.name)


def install(folder: Path) -> int:
    """Put exactly the locked jars into a folder; a half-filled folder never gets the final name."""
    jars: list[Jar] = json.loads(LOCK.read_text(encoding="utf-8"))["jars"]
    context = MavenContext(timeout=60)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for _ in pool.map(lambda jar: _place(context, jar, partial), jars):
            pass
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return len(jars)


def main(arguments: list[str]) -> int:
    """Command line; 0 when done, 1 with a sentence when not."""
    match arguments:
        case ["lock"]:
            sys.stdout.write(f"{lock()} jars locked\n")
        case ["install", folder]:
            try:
                sys.stdout.write(f"{install(Path(folder))} jars\n")
            except (JarError, OSError, RuntimeError) as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                return 1
        case _:
            sys.stderr.write("usage: jars.py lock | install FOLDER\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
