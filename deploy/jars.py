"""Jars, Kafka's and the invoice validators': which ones (`lock`), and how they get here (`install`).

Runs inside .venv, because it needs jgo. `NAME.lock.json` names every jar by Maven coordinate and SHA-256,
so an install resolves nothing and takes nothing else.

    .venv/bin/python deploy/jars.py lock                         after changing SETS
    .venv/bin/python deploy/jars.py install kafka FOLDER         what the bootstrap does
    .venv/bin/python deploy/jars.py install validators FOLDER    what `make validate-invoices` does; once
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import jgo
from jgo.maven import MavenContext

DOWNLOADS_AT_ONCE = 6


@dataclass(frozen=True)
class JarSet:
    """Jars that belong together. whole: with all they depend on."""

    roots: tuple[str, ...]
    whole: bool


SETS = {
    "kafka": JarSet(
        (
            "org.apache.kafka:kafka_2.13:4.3.1",
            # without a binding slf4j throws the broker's log away; same version as the log4j-core Kafka asks for
            "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
        ),
        whole=True,
    ),
    # The schematrons are files in the jars, and Mustang's jar brings what it needs.
    "validators": JarSet(
        (
            "com.helger.phive.rules:phive-rules-en16931:4.3.7",
            "com.helger.phive.rules:phive-rules-xrechnung:4.2.3",
            "org.mustangproject:validator:2.26.0:shaded",
        ),
        whole=False,
    ),
}


class Jar(TypedDict):
    """One line of the lock file."""

    coordinate: str  # group:artifact:version, with :classifier where it is not the plain jar
    sha256: str


class JarError(Exception):
    """A sentence for the person at the keyboard."""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(context: MavenContext, coordinate: str) -> Path:
    """Path of the jar in Maven's local repository; downloads it when it is not there."""
    group, artifact, version, *classifier = coordinate.split(":")
    wanted = context.project(group, artifact).at_version(version).artifact("".join(classifier), "jar")
    path: Path = wanted.resolve()
    return path


def _lock_file(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.lock.json")


def lock() -> int:
    """Resolve all SETS and write their lock files."""
    context = MavenContext(timeout=60)
    number = 0
    for name, wanted in SETS.items():
        coordinates = set(wanted.roots)
        if wanted.whole:
            coordinates = {
                f"{found.groupId}:{found.artifactId}:{found.version}"
                for root in wanted.roots
                for found in jgo.resolve(root)
            }
        jars = [Jar(coordinate=one, sha256=_sha256(_fetch(context, one))) for one in sorted(coordinates)]
        said = json.dumps({"roots": wanted.roots, "jars": jars}, indent=1)
        _lock_file(name).write_text(f"{said}\n", encoding="utf-8")
        number += len(jars)
    return number


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


def install(name: str, folder: Path) -> int:
    """Put exactly the locked jars into a folder; a half-filled folder never gets the final name.

    What was locked stands in the folder too: with the same lock there is nothing to do, and no network is needed.
    """
    lock_text = _lock_file(name).read_text(encoding="utf-8")
    jars: list[Jar] = json.loads(lock_text)["jars"]
    stamp = folder / "installed.lock.json"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == lock_text:
        return len(jars)
    context = MavenContext(timeout=60)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for _ in pool.map(lambda jar: _place(context, jar, partial), jars):
            pass
    (partial / stamp.name).write_text(lock_text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return len(jars)


def main(arguments: list[str]) -> int:
    """Command line; 0 when done, 1 with a sentence when not."""
    match arguments:
        case ["lock"]:
            sys.stdout.write(f"{lock()} jars locked\n")
        case ["install", name, folder] if name in SETS:
            try:
                sys.stdout.write(f"{install(name, Path(folder))} jars\n")
            except (JarError, OSError, RuntimeError) as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                return 1
        case _:
            sys.stderr.write("usage: jars.py lock | install kafka|validators FOLDER\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
