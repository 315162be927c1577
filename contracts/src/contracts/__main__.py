"""python -m contracts: topics, generate, seal, new-key."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from contracts import catalogue
from contracts.messages import Unreadable
from contracts.values import EndCustomer

_SEAL_EXAMPLE = """example:
  python -m contracts seal --key job-exchange.json --job 019a4c1e-8f00-7a11-8c3d-52f0e61b9d01 < customer.json

customer.json:
  {"name": "Hafenkontor Flensburg GmbH", "contact": "Frau Petersen", "street": "Schiffbrücke 12",
   "postcode": "24939", "city": "Flensburg", "phone": "0461 123456", "notes": "Eingang im Hof, 2. Stock"}

The output goes into the field end_customer of PostJob. It opens for this job only.
"""


class _Told(Exception):
    """What went wrong, for the person at the terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except _Told as told:
        print(f"error: {told}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m contracts", description="The contracts of Servicenetz.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    topics = commands.add_parser("topics", help="all topics in a table")
    topics.set_defaults(run=_topics)

    generate = commands.add_parser("generate", help="write schemas/ and asyncapi.yaml")
    generate.add_argument("--check", action="store_true", help="write nothing; fail when something is stale")
    generate.set_defaults(run=_generate)

    seal = commands.add_parser(
        "seal",
        help="seal an end customer for one job",
        description="Reads an end customer as JSON and prints it sealed (a compact JWE).",
        epilog=_SEAL_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    seal.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the reader's public key, a JWK"
    )
    seal.add_argument("--job", required=True, metavar="UUID", help="the id of the job it belongs to")
    seal.set_defaults(run=_seal)

    new_key = commands.add_parser(
        "new-key",
        help="make a key pair to seal to",
        description="Writes a private JWK to FILE, readable by you alone, and prints its public part.",
        epilog="example:\n  python -m contracts new-key --kid meier-2026 --out private.json > public.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new_key.add_argument("--kid", required=True, help="a name for the key: letters, digits and ._-")
    new_key.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the private key goes")
    new_key.add_argument("--curve", choices=["X25519", "P-256"], default="X25519")
    new_key.set_defaults(run=_new_key)
    return parser


def _say(line: str) -> None:
    print(line)


def _topics(_: argparse.Namespace) -> int:
    head = ("topic", "key", "kept", "data", "owner", "readers", "messages")
    rows = [
        (
            topic.name,
            topic.key,
            topic.cleanup if topic.compacted else _duration(topic.retention),
            topic.data_class,
            topic.owner,
            ", ".join(topic.readers) or "-",
            str(len(topic.messages) or "raw"),
        )
        for topic in catalogue.TOPICS.values()
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, tuple("-" * width for width in widths), *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _duration(kept: timedelta | None) -> str:
    return "by law" if kept is None else f"{kept.days} d"


def _generate(options: argparse.Namespace) -> int:
    from contracts.generate import PACKAGE, stale, write

    if not (PACKAGE / "pyproject.toml").is_file():
        raise _Told("this works in a checkout of the repository only, with the package installed editable")
    if options.check:
        wrong = stale(PACKAGE)
        for path in wrong:
            _say(f"stale: {path}")
        return 1 if wrong else 0
    for path in write(PACKAGE):
        _say(f"written: {path}")
    return 0


def _seal(options: argparse.Namespace) -> int:
    from contracts.seal import SealError, seal

    try:
        job_id = UUID(options.job)
    except ValueError as error:
        raise _Told(f"{options.job!r} is not a UUID") from error
    plaintext = sys.stdin.buffer.read()
    try:
        EndCustomer.check(plaintext)
    except Unreadable as error:
        raise _Told(f"this is not an end customer: {error.detail}") from error
    try:
        _say(seal(plaintext, _key(options.key), job_id))
    except SealError as error:
        raise _Told(f"{options.key}: {error}") from error
    return 0


def _key(path: Path) -> dict[str, object]:
    try:
        key = json.loads(path.read_bytes())
    except OSError as error:
        raise _Told(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _Told(f"{path} is not JSON") from error
    if not isinstance(key, dict):
        raise _Told(f"{path} is not a JWK")
    return key


def _new_key(options: argparse.Namespace) -> int:
    from contracts.seal import new_key, public

    key = new_key(options.kid, options.curve)
    try:
        descriptor = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise _Told(f"{options.out} is there already; a private key is never overwritten") from error
    except OSError as error:
        raise _Told(f"{options.out}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(key, file)
    _say(json.dumps(public(key)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
