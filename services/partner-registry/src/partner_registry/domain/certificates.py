"""Certificates of one partner. CRM and distributor speak about them: the newest word counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from contracts.values import Certification

MOST = 200
"""As many as a message about a partner may hold."""

Certificates = tuple[Certification, ...]
Line = tuple[str, str]
"""Manufacturer and product line."""


def line_of(certificate: Certification) -> Line:
    return certificate.manufacturer, certificate.product_line


def in_order(certificates: Iterable[Certification]) -> Certificates:
    """Each once, always in the same order, so that the same certificates are the same value."""
    by_content = {(*line_of(c), c.level, c.valid_until): c for c in certificates}
    return tuple(by_content[content] for content in sorted(by_content))


def with_recorded(held: Certificates, shown: Certification) -> Certificates:
    """A shown certificate replaces what was held for its product line."""
    return in_order([*(c for c in held if line_of(c) != line_of(shown)), shown])


def without_line(held: Certificates, line: Line) -> Certificates:
    return tuple(c for c in held if line_of(c) != line)


def merged(
    held: Certificates, said_before: Iterable[Certification], says_now: Iterable[Certification]
) -> Certificates:
    """What is held after a new CRM record.

    A CRM repeats itself: only product lines about which it now says something else than last time are taken
    over, so that the next full export does not undo what the distributor's people recorded or withdrew
    meanwhile. Of more certificates than a message may hold, those that end first are left out.
    """
    before, now = _by_line(said_before), _by_line(says_now)
    changed = {line for line in before.keys() | now.keys() if before.get(line) != now.get(line)}
    kept = [c for c in held if line_of(c) not in changed]
    taken = [c for line in changed for c in now.get(line, ())]
    longest_first = sorted(in_order([*kept, *taken]), key=lambda c: c.valid_until, reverse=True)
    return in_order(longest_first[:MOST])


def _by_line(certificates: Iterable[Certification]) -> Mapping[Line, Certificates]:
    lines: dict[Line, list[Certification]] = defaultdict(list)
    for certificate in in_order(certificates):
        lines[line_of(certificate)].append(certificate)
    return {line: tuple(of_line) for line, of_line in lines.items()}
