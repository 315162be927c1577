"""Rows by certification × radius tier × cell, as they were at one moment, to look only where the best can be.

A cell is some 30 km wide. A partner of a small tier is looked for in few cells, since none farther away reaches the
job. Who changes later is marked as loose and looked at apart, so a posting may hold too many, never too few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.candidates.columns import PRODUCT_SHIFT, UNLISTED, Columns
from matching.candidates.points import Nearness
from matching.domain.places import EARTH_KM, Place

CELL_DEGREES = ((300_000, (0.32, 0.5)), (1 << 31, (0.2, 0.31)))
"""Latitude and longitude, by the number of partners: about 35 by 35 km in the middle of Germany, or 22 by 22."""
_PLACES_KEPT = 10_000
"""Of so many jobs' places it is kept how far the cells are: more than there are postcodes."""
TIERS = np.array([250, 500, 1_000, 2_000, 60_000])
"""Radius in tenths of a kilometre, at most; the last holds who works nationwide."""
SLACK = 1.0
"""Tenths of a kilometre by which a bound errs on the safe side."""
ANYBODY = 0
"""Instead of a product's number: whatever he is certified for."""
_NOTHING, _TAKEN = -1 << 40, -1 << 41
_LOTS_AT_ONCE = 48
_NO_ROWS = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Posting:
    """Rows in the order of tier and cell: a lot is one of both.

    Where each lot begins and ends, how many are in it, their highest merit; filled: how many lots are not empty.
    """

    rows: np.ndarray
    spans: np.ndarray
    counts: np.ndarray
    merit: np.ndarray
    filled: int


@dataclass(slots=True)
class Lots:
    """The lots of a posting, to be taken those first in which the best may be.

    potential: the most points that anybody in it can have; _TAKEN, or less, where nobody is left or in reach.
    away: the same without his merit.
    """

    posting: Posting
    potential: np.ndarray
    away: np.ndarray

    def first(self, rows: int) -> np.ndarray:
        """About so many rows, of the lots with the highest potential."""
        some = min(int(rows * self.posting.filled / (len(self.posting.rows) + 1)) + 2, _LOTS_AT_ONCE)
        if some < len(self.potential):
            top = self.potential.argpartition(-some)[-some:]
            return self._rows(top.compress(self.potential.take(top) >= _NOTHING))
        return self._rows((self.potential >= _NOTHING).nonzero()[0])

    def take(self, rows: int, at_least: int | None) -> tuple[np.ndarray, np.ndarray] | None:
        """About so many rows with their `away`, of lots whose potential is no less; None when all are taken."""
        lots = (self.potential >= (_NOTHING if at_least is None else at_least)).nonzero()[0]
        if not len(lots):
            return None
        counts = self.posting.counts.take(lots)
        total = int(counts.sum())
        if total > 2 * rows:
            best = self.potential.take(lots).argsort()[::-1]
            lots = lots.take(best[: int(counts.take(best).cumsum().searchsorted(rows)) + 1])
        return self._rows(lots), self.away.take(lots).repeat(self.posting.counts.take(lots))

    def _rows(self, lots: np.ndarray) -> np.ndarray:
        """Rows of these lots, which are taken now."""
        posting = self.posting
        self.potential[lots] = _TAKEN
        spans = posting.spans.take(lots, axis=0).tolist()
        rows = posting.rows
        return np.concatenate([_NO_ROWS, *[rows[start:end] for start, end in spans]], dtype=np.int64)


class Postings:
    """Made anew now and then."""

    def __init__(self, columns: Columns) -> None:
        count = len(columns)
        rows = columns.rows[:count]
        cell_of_place, self._centres, self._spread = _cells(
            -columns.against[:, : len(columns.places.values) + 1], count
        )
        self._cells = len(self._spread)
        self._nearest: dict[Place, np.ndarray] = {}
        reaching = rows["reach"].nonzero()[0]
        tier = TIERS.searchsorted(rows["reach"][reaching].astype(np.int64) - 1)
        lot = tier * self._cells + cell_of_place.take(rows["place"][reaching])
        order = _stable(lot, len(TIERS) * self._cells)
        everybody, lot = reaching.take(order).astype(np.int32), lot.take(order)
        self._by_product = {ANYBODY: self._posting(columns, everybody, lot)}
        self._post_products(columns, everybody, lot)

    def _post_products(self, columns: Columns, everybody: np.ndarray, lot: np.ndarray) -> None:
        products = (columns.rows["certified"][everybody] >> PRODUCT_SHIFT).astype(np.int32)
        for later in range(1, products.shape[1]):
            for earlier in range(later):  # renewed before the old one ends: still one entry
                products[products[:, later] == products[:, earlier], later] = 0
        flags = columns.flags[everybody]
        unlisted = [
            (at, columns.products.number(product))
            for at in (flags & UNLISTED).nonzero()[0].tolist()
            for product in {
                (held.manufacturer, held.product_line)
                for held in columns.whole[int(everybody[at])].certifications
            }
        ]
        products[[at for at, _ in unlisted]] = 0
        at, column = products.nonzero()
        product = products[at, column]
        if unlisted:
            at = np.concatenate([at, [each for each, _ in unlisted]])
            product = np.concatenate([product, [number for _, number in unlisted]])
            by_row = at.argsort(kind="stable")
            at, product = at.take(by_row), product.take(by_row)
        order = _stable(product, int(product.max(initial=0)) + 1)
        at, product = at.take(order), product.take(order)
        begin = 0
        for end in [*(np.diff(product).nonzero()[0] + 1).tolist(), len(product)]:
            if end > begin:
                mine = at[begin:end]
                self._by_product[int(product[begin])] = self._posting(
                    columns, everybody.take(mine), lot.take(mine)
                )
            begin = end

    def _posting(self, columns: Columns, rows: np.ndarray, lot: np.ndarray) -> Posting:
        lots = len(TIERS) * self._cells
        counts = np.bincount(lot, minlength=lots)
        starts = counts.cumsum() - counts
        merit = np.full(lots, _TAKEN)  # nothing is in it
        filled = counts > 0
        if len(rows):
            merit[filled] = np.maximum.reduceat(columns.merit[rows], starts[filled])
        spans = np.stack([starts, starts + counts], axis=1)
        return Posting(rows, spans, counts, merit, int(np.count_nonzero(filled)))

    @property
    def everybody(self) -> Posting:
        return self._by_product[ANYBODY]

    def rarest(self, products: Sequence[int]) -> Posting | None:
        """The shortest list in which everybody is who is certified for all of these; None: nobody is."""
        lists = [self._by_product.get(product) for product in products or (ANYBODY,)]
        found = [each for each in lists if each is not None]
        return None if len(found) < len(lists) else min(found, key=lambda each: len(each.rows))

    def lots(self, posting: Posting, place: Place, farthest: int, near: Nearness) -> Lots:
        """What of it can reach a job at this place, no farther away than so many tenths of a kilometre."""
        nearest = self._nearest.get(place)
        if nearest is None:
            if len(self._nearest) >= _PLACES_KEPT:
                self._nearest.clear()
            nearest = self._nearest[place] = self._how_near(place)
        limits = TIERS if farthest >= TIERS[-1] else np.minimum(TIERS, farthest)
        away = np.where(nearest <= limits[:, None], near.at_most(nearest), _TAKEN).ravel()
        return Lots(posting, away + posting.merit, away)

    def _how_near(self, place: Place) -> np.ndarray:
        """Tenths of a kilometre from here to each cell, at least."""
        arc = np.arccos(np.clip(self._centres @ np.array(place), -1.0, 1.0))
        nearest: np.ndarray = np.maximum(arc * (10 * EARTH_KM) - self._spread, 0.0).astype(np.int64)
        return nearest


def _cells(points: np.ndarray, partners: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell of each place, and of each cell its middle and how far its places are from there at most."""
    high, wide = next(size for most, size in CELL_DEGREES if partners <= most)
    latitude = np.degrees(np.arcsin(points[2]))
    longitude = np.degrees(np.arctan2(points[1], points[0]))
    grid = np.floor(latitude / high) * 10_000 + np.floor(longitude / wide)
    _, cell = np.unique(grid, return_inverse=True)
    middles = np.stack([np.bincount(cell, axis) for axis in points], axis=1)
    length = np.linalg.norm(middles, axis=1, keepdims=True)
    centres: np.ndarray = middles / np.where(length > 0, length, 1.0)
    arc = np.arccos(np.clip((centres.take(cell, axis=0) * points.T).sum(axis=1), -1.0, 1.0))
    spread = np.zeros(len(centres))
    np.maximum.at(spread, cell, arc * (10 * EARTH_KM))
    return cell, centres, spread + SLACK


def _stable(numbers: np.ndarray, limit: int) -> np.ndarray:
    """Their order; 16 bits are sorted in linear time."""
    return (numbers.astype(np.uint16) if limit <= 1 << 16 else numbers).argsort(kind="stable")
