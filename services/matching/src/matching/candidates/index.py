"""The partners in memory: fed from their topic, searched for the best who may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO
from uuid import UUID

import numpy as np

from contracts.partner_registry_partners_v1 import Partner
from contracts.values import ResponseTime
from matching.candidates import snapshot
from matching.candidates.columns import Columns, listed_alike
from matching.candidates.distances import BEYOND
from matching.candidates.points import Nearness, nearness
from matching.candidates.postings import Lots, Postings
from matching.candidates.sieve import IN_REACH, Asked, Sieve, asked
from matching.candidates.slots import Slots
from matching.domain.gate import ClientSide
from matching.domain.model import Assignment, Contractor, Job
from matching.domain.policy import POLICY, Policy
from matching.domain.ranking import TOLD, Look, look_over, own_points
from matching.domain.standing import NEWCOMER, Sums
from matching.standings import Standings
from matching.translation import contractor_from

LOOSE_LEAST, LOOSE_SHARE = 1_024, 128
"""Postings are made anew when more partners than these, and more than one in so many, have changed."""
COUNTED_ALWAYS = 5_000
"""Of so many partners it is always counted what removed them; of more only when not enough are found."""
FIRST_ROWS, GROWTH, MOST_ROWS = 1_024, 6, 1 << 15
"""So many rows are looked at first, then so many times more, at most so many at once."""
_MEMO_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the best, in order, with the points of the terms that need no database. complete: that is all."""

    slots: np.ndarray
    points: np.ndarray
    complete: bool


class PartnerIndex:
    """Idempotent by partner version. One per process; not for several threads."""

    def __init__(
        self,
        room: int = 1024,
        *,
        policy: Policy = POLICY,
        loose_least: int = LOOSE_LEAST,
        first_rows: int = FIRST_ROWS,
    ) -> None:
        self.columns = Columns(room)
        self._slots = Slots(self.columns)
        self._policy = policy
        self._near: dict[ResponseTime, Nearness] = {}
        self._standings: Standings | None = None
        self._loose_least = loose_least
        self._first_rows = first_rows
        self._loose: list[int] = []
        self._loose_array = np.zeros(0, dtype=np.int64)
        self._postings: Postings | None = None
        self._memo: dict[tuple[UUID, int, int], tuple[object, Look]] = {}

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def loose(self) -> int:
        """How many have changed since the postings were made."""
        return len(self._loose)

    @property
    def partners(self) -> Iterator[Contractor]:
        """All of them, each as he is known here now, put together one by one; also for another thread."""
        columns = self.columns.copy()
        return (columns.contractor(slot) for slot in range(len(columns)))

    def rank_by(self, policy: Policy, standings: Standings) -> None:
        """Whose terms count by which weights. The standings tell of every change from now on."""
        self._policy = policy
        self._standings = standings
        self._near.clear()
        self.columns.merit[: len(self)] = own_points(NEWCOMER, policy)
        standings.listen(self._heard)
        self.merge()

    def _heard(self, partner_id: UUID, sums: Sums) -> None:
        self.weigh(partner_id, own_points(sums, self._policy))

    # -- in ------------------------------------------------------------------------------------------------

    def put(self, _: str, version: int, message: Partner) -> None:
        """A partner's newest state, as the topic has it; what is older than known is passed over."""
        if self.version_of(message.partner_id) < version:
            self.remember(contractor_from(message, version))

    def remove(self, subject: str) -> None:
        """The partner is gone: he reaches nothing any more."""
        slot = self._slots.find(UUID(subject))
        if slot is not None:
            self.remember(replace(self.columns.contractor(slot), availability=None))

    def remember(self, contractor: Contractor) -> None:
        """Write one partner's columns."""
        self._memo.clear()
        columns = self.columns
        slot = self._slots.find(contractor.partner_id)
        if slot is None:
            slot = columns.add(contractor.partner_id)
            self._slots.add(contractor.partner_id, slot)
            columns.write(slot, contractor)
            if self._standings is not None:
                sums = self._standings.of(contractor.partner_id)
                columns.merit[slot] = own_points(sums, self._policy)
            self._loose.append(slot)
            return
        before, more = columns.where(slot), columns.is_unlisted(slot)
        columns.write(slot, contractor)
        # of more certifications than a row holds `where` knows nothing
        if more or columns.is_unlisted(slot) or not listed_alike(columns.where(slot), before):
            self._loosen(slot)

    def weigh(self, partner_id: UUID, merit: int) -> None:
        """Points of the terms that are his own whatever the job, such as his rating."""
        slot = self._slots.find(partner_id)
        if slot is not None and self.columns.merit.item(slot) != merit:
            self._memo.clear()
            self.columns.merit[slot] = merit
            self._loosen(slot)

    def _loosen(self, slot: int) -> None:
        """The postings do not know it: he is looked at apart from them, until they are made anew."""
        if self.columns.loosen(slot):
            self._loose.append(slot)

    def merge(self) -> None:
        """Make the postings anew: nobody is loose any more."""
        self.columns.settle()
        self._loose.clear()
        self._postings = Postings(self.columns)

    def save(self, file: BinaryIO) -> None:
        """Write it all, for `load`."""
        snapshot.save(self.columns, file)

    def load(self, file: BinaryIO) -> None:
        """Take over what was saved, in place of what is here. Raises ValueError where it cannot be read."""
        self.columns = snapshot.load(file)
        self._slots = Slots(self.columns)
        self._slots.settle()
        self._memo.clear()
        if self._standings is None:
            self.merge()
        else:
            self.rank_by(self._policy, self._standings)

    # -- out -----------------------------------------------------------------------------------------------

    def version_of(self, partner_id: UUID) -> int:
        """The version known here, 0 for none."""
        slot = self._slots.find(partner_id)
        return 0 if slot is None else self.columns.version(slot)

    def near(self, job: Job, most: int) -> list[Contractor]:
        """The nearest in whose reach the job lies, may they or not."""
        wanted = self.asked(job, ClientSide(frozenset(), frozenset()), ())
        if wanted is None:
            return []
        self._settle()
        nearest = _Best(self.columns, most)
        sieve = Sieve(self.columns, wanted, self._nearness(job.response_time))
        for slots in self._in_reach(wanted):
            nearest.add(*sieve.reached(slots))
        return [self.columns.contractor(slot) for slot in nearest.found.slots.tolist()]

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look:
        """The best who pass all of the gate but capacity, at most `most`; the same within a round.

        Best by the terms that need no database; ties by contractor id. What removed the others is counted over all
        partners when fewer were found, or where they are few; else only those found are counted.
        """
        key = (state.job.job_id, state.round, most)
        hung_on = (client, state.lost, state.job)
        memo = self._memo.get(key)
        if memo is not None and memo[0] == hung_on:
            return memo[1]
        look = self._look(state, client, most)
        if len(self._memo) >= _MEMO_MOST:
            self._memo.clear()
        self._memo[key] = (hung_on, look)
        return look

    def _look(self, state: Assignment, client: ClientSide, most: int) -> Look:
        wanted = self.asked(state.job, client, state.lost)
        if wanted is None:
            return Look(len(self), (), (), {"reach": len(self)}, complete=True)
        found = self.search(wanted, most)
        partners = (self.columns.contractor(slot) for slot in found.slots.tolist())
        look = replace(look_over(state.job, client, state.lost, partners), complete=found.complete)
        return self._counted(look, wanted) if found.complete or len(self) <= COUNTED_ALWAYS else look

    def _counted(self, look: Look, wanted: Asked) -> Look:
        """With what removed everybody else, and the best of them."""
        sieve = Sieve(self.columns, wanted, self._nearness(wanted.job.response_time))
        removed: Counter[str] = Counter()
        failing = _Best(self.columns, TOLD)
        for slots in self._in_reach(wanted):
            counted, *others = sieve.census(slots)
            removed += counted
            failing.add(*others)
        removed["reach"] = len(self) - removed.pop(IN_REACH, 0)
        partners = (self.columns.contractor(slot) for slot in failing.found.slots.tolist())
        failed = look_over(wanted.job, wanted.client, wanted.lost, partners).failed
        return replace(look, looked_at=len(self), failed=failed, removed=removed)

    def _in_reach(self, wanted: Asked) -> Iterator[np.ndarray]:
        """Rows of all in reach and some more, a part at a time."""
        yield self._loose_slots()
        if self._postings is not None:
            near = self._nearness(wanted.job.response_time)
            lots = self._postings.lots(self._postings.everybody, wanted.place, BEYOND, near)
            while (taken := lots.take(MOST_ROWS, None)) is not None:
                slots, _ = taken
                yield slots.compress(self.columns.is_settled(slots))

    def asked(self, job: Job, client: ClientSide, lost: Sequence[UUID]) -> Asked | None:
        """A job in numbers, for `search`; None where nobody can be near, since its place is not known."""
        return asked(job, client, tuple(lost), self.columns, self._slots)

    def search(self, wanted: Asked, most: int) -> Found:
        """The best `most` rows."""
        best = _Best(self.columns, most)
        if wanted.nobody:
            return best.found
        self._settle()
        near = self._nearness(wanted.job.response_time)
        sieve = Sieve(self.columns, wanted, near)
        lots = self._lots(wanted, near)
        loose = self._loose_slots()
        slots = lots.first(self._first_rows) if lots is not None else loose[:0]
        if len(loose):
            slots = np.concatenate([loose, slots])
        for begin in range(0, len(slots), MOST_ROWS):
            part = slots[begin : begin + MOST_ROWS]
            best.add(*sieve.passing(part, min(max(len(loose) - begin, 0), len(part)), None, best.least))
        rows = self._first_rows
        while lots is not None:
            rows = min(rows * GROWTH, MOST_ROWS)
            least = best.least
            taken = lots.take(rows, least)
            if taken is None:
                break
            slots, away = taken
            for begin in range(0, len(slots), MOST_ROWS):
                end, least = begin + MOST_ROWS, best.least
                merit = None if least is None else least - away[begin:end]
                best.add(*sieve.passing(slots[begin:end], 0, merit, least))
        return best.found

    def _lots(self, wanted: Asked, near: Nearness) -> Lots | None:
        if self._postings is None:
            return None
        posting = self._postings.rarest(wanted.products)
        if posting is None:
            return None
        return self._postings.lots(posting, wanted.place, wanted.farthest, near)

    def _nearness(self, response_time: ResponseTime) -> Nearness:
        near = self._near.get(response_time)
        if near is None:
            near = self._near[response_time] = nearness(response_time, self._policy)
        return near

    def _loose_slots(self) -> np.ndarray:
        if len(self._loose_array) != len(self._loose):
            self._loose_array = np.array(self._loose, dtype=np.int64)
        return self._loose_array

    def _settle(self) -> None:
        if len(self._loose) > max(self._loose_least, len(self) // LOOSE_SHARE):
            self.merge()


class _Best:
    """The best so far: by points, ties by contractor id."""

    def __init__(self, columns: Columns, most: int) -> None:
        self._columns = columns
        self._most = most
        self._slots = np.zeros(0, dtype=np.int64)
        self._points = np.zeros(0, dtype=np.int64)

    @property
    def least(self) -> int | None:
        """Who has fewer points need not come; None while there is room."""
        return int(self._points[-1]) if len(self._points) == self._most else None

    @property
    def found(self) -> Found:
        return Found(self._slots, self._points, complete=len(self._slots) < self._most)

    def add(self, slots: np.ndarray, points: np.ndarray) -> None:
        if not len(slots):
            return
        if len(self._slots):
            slots, points = np.concatenate([self._slots, slots]), np.concatenate([self._points, points])
        if len(slots) > self._most:
            least = np.partition(points, -self._most)[-self._most]
            kept = (points >= least).nonzero()[0]
            slots, points = slots.take(kept), points.take(kept)
        order = np.lexsort((self._columns.low.take(slots), self._columns.high.take(slots), -points))
        order = order[: self._most]
        self._slots, self._points = slots.take(order), points.take(order)
