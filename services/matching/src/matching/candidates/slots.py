"""Partner id → row, without a Python object for each: ids in order, and a dict of those that came since."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import numpy as np

from matching.candidates.columns import Columns

RECENT_LEAST, RECENT_SHARE = 4_096, 8
"""Ids are put in order again when more than these, and more than one in so many, are new."""
_HALF = (1 << 64) - 1


class Slots:
    """A partner keeps his row for life."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._recent: dict[UUID, int] = {}
        self._high = np.zeros(0, dtype=np.uint64)
        self._slots = np.zeros(0, dtype=np.int32)

    def find(self, partner_id: UUID) -> int | None:
        """His row; None for one who was never seen."""
        slot = self._recent.get(partner_id)
        if slot is not None or not len(self._high):
            return slot
        whole = partner_id.int
        high, low = whole >> 64, whole & _HALF
        at = int(self._high.searchsorted(np.uint64(high)))
        while at < len(self._high) and self._high.item(at) == high:
            slot = self._slots.item(at)
            if self._columns.low.item(slot) == low:
                return slot
            at += 1
        return None

    def find_all(self, partner_ids: Iterable[UUID]) -> tuple[int, ...]:
        """Rows of those who are known."""
        return tuple(slot for each in partner_ids if (slot := self.find(each)) is not None)

    def add(self, partner_id: UUID, slot: int) -> None:
        self._recent[partner_id] = slot
        if len(self._recent) > max(RECENT_LEAST, len(self._columns) // RECENT_SHARE):
            self.settle()

    def settle(self) -> None:
        """Everybody's id in order; nobody is recent any more."""
        high = self._columns.high[: len(self._columns)]
        order = high.argsort()
        self._high, self._slots = high[order], order.astype(np.int32)
        self._recent.clear()
