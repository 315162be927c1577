"""What one would write first: every partner compared, with numpy, column by column."""

import numpy as np

from matching.candidates import PartnerIndex
from matching.candidates.columns import ACTIVE, KIND, NOT_SUSPENDED, TIME
from matching.candidates.distances import BEYOND, tenths
from matching.candidates.points import nearness
from matching.candidates.sieve import Asked
from matching.domain.policy import POLICY


class Scan:
    """The same columns, each contiguous."""

    def __init__(self, index: PartnerIndex) -> None:
        columns, count = index.columns, len(index)
        rows = columns.rows[:count]
        self.flags, self.reach = rows["flags"].copy(), rows["reach"].copy()
        self.cents = rows["insured_cents"].copy()
        agreed = rows["agreed"]
        self.first = np.maximum(rows["insured_from"], agreed[:, ::2].min(axis=1))
        self.last = np.minimum(rows["insured_until"], agreed[:, 1::2].max(axis=1))
        self.certified = rows["certified"].T.copy()
        self.against = columns.against.take(rows["place"], axis=1)
        self.merit, self.high = columns.merit[:count].copy(), columns.high[:count].copy()

    def search(self, asked: Asked, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and points of the best; what the gate asks beyond columns is left to who reads them."""
        need = ACTIVE | NOT_SUSPENDED | KIND[asked.job.kind_of_work] | TIME[asked.job.response_time]
        far = tenths(self.against, asked.place)
        fit = self.flags & need == need
        fit &= far < self.reach
        fit &= far <= min(asked.farthest, BEYOND)
        fit &= self.first <= asked.first
        fit &= self.last >= asked.last
        fit &= self.cents >= asked.cents
        for _, lowest, highest in asked.wanted:
            held = np.zeros(len(fit), dtype=bool)
            for column in self.certified:
                held |= (column >= lowest) & (column <= highest) & (column & 0xFFFF >= asked.last)
            fit &= held
        rows = fit.nonzero()[0]
        points = nearness(asked.job.response_time, POLICY).of(far[rows]) + self.merit[rows]
        order = np.lexsort((self.high[rows], -points))[:most]
        return rows[order], points[order]
