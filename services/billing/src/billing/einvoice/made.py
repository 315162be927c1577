"""What is made of a document. Light: the service imports this, the libraries that make it stay in the worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billing.einvoice.profiles import Format


class Wrong(Exception):
    """The document cannot be made, or what was made does not pass our own checks and is not kept."""


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is kept. report: what was checked, and which versions made it."""

    format: Format
    name: str
    profile: str
    content: bytes
    sha256: str
    report: Mapping[str, object]
