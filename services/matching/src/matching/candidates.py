"""All partners in memory, as columns. It proposes; the gate and the database's rows decide.

A radius belongs to the partner, so a search is not "the nearest k" but everybody whose own radius reaches the
job: one comparison of a dot product with a column. What the columns sift is a necessary condition only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from contracts.partner_registry_partners_v1 import Partner
from contracts.values import CustomerStatus, KindOfWork, ResponseTime
from matching.domain.gate import NOWHERE, ClientSide, least_dot
from matching.domain.model import Assignment, Contractor, Job
from matching.domain.ranking import Look, look_over
from matching.translation import contractor_from

_KINDS: dict[KindOfWork, int] = {
    kind: 1 << number for number, kind in enumerate(k for k in KindOfWork if k is not KindOfWork.unknown)
}
_TIMES: dict[ResponseTime, int] = {
    time: 1 << number for number, time in enumerate(t for t in ResponseTime if t is not ResponseTime.unknown)
}
_MEMO_MOST = 2_000

Certified = tuple[np.ndarray, np.ndarray]
"""For one manufacturer and product line, per partner: highest level, and last day (ordinal) of any."""


class PartnerIndex:
    """Fed from the partners topic, idempotent by partner version. One per process."""

    def __init__(self, room: int = 1024) -> None:
        self._slots: dict[UUID, int] = {}
        self._partners: list[Contractor] = []
        self._points = np.zeros((room, 3))
        self._least_dot = np.full(room, NOWHERE)
        self._active = np.zeros(room, dtype=bool)
        self._suspended = np.zeros(room, dtype=bool)
        self._kinds = np.zeros(room, dtype=np.uint8)
        self._times = np.zeros(room, dtype=np.uint8)
        self._insured_from = np.zeros(room, dtype=np.int32)
        self._insured_until = np.full(room, -1, dtype=np.int32)
        self._insured_cents = np.zeros(room, dtype=np.int64)
        self._order = np.zeros(room, dtype=np.uint64)
        self._certified: dict[tuple[str, str], Certified] = {}
        self._memo: dict[tuple[UUID, int, int], tuple[ClientSide, Look]] = {}

    def __len__(self) -> int:
        return len(self._partners)

    # -- in ---------------------------------------------------------------------------------------------

    def put(self, _: str, version: int, message: Partner) -> None:
        """A partner's newest state, as the topic has it; what is older than known is passed over."""
        slot = self._slots.get(message.partner_id)
        if slot is None or self._partners[slot].version < version:
            self.remember(contractor_from(message, version))

    def remove(self, subject: str) -> None:
        """The partner is gone: he reaches nothing any more."""
        slot = self._slots.get(UUID(subject))
        if slot is not None:
            self.remember(replace(self._partners[slot], availability=None))

    def remember(self, contractor: Contractor) -> None:
        """Write one partner's columns."""
        self._memo.clear()
        slot = self._slots.get(contractor.partner_id)
        if slot is None:
            slot = len(self._partners)
            if slot == len(self._active):
                self._grow()
            self._slots[contractor.partner_id] = slot
            self._partners.append(contractor)
        self._partners[slot] = contractor
        availability = contractor.availability
        self._points[slot] = contractor.place or (0.0, 0.0, 0.0)
        self._least_dot[slot] = least_dot(contractor)
        self._active[slot] = contractor.customer_status is CustomerStatus.active
        self._suspended[slot] = contractor.suspended
        self._kinds[slot] = (
            sum(_KINDS.get(kind, 0) for kind in availability.kinds_of_work) if availability else 0
        )
        self._times[slot] = (
            sum(_TIMES.get(time, 0) for time in availability.response_times) if availability else 0
        )
        insurance = contractor.insurance
        self._insured_from[slot] = insurance.valid_from.toordinal() if insurance else 0
        self._insured_until[slot] = insurance.valid_until.toordinal() if insurance else -1
        self._insured_cents[slot] = insurance.sum_cents if insurance else 0
        self._order[slot] = contractor.partner_id.int >> 64
        self._certify(slot, contractor)

    def _certify(self, slot: int, contractor: Contractor) -> None:
        for levels, until in self._certified.values():
            levels[slot], until[slot] = 0, -1
        for held in contractor.certifications:
            levels, until = self._column(held.manufacturer, held.product_line)
            levels[slot] = max(levels[slot], held.level)
            until[slot] = max(until[slot], held.valid_until.toordinal())

    def _column(self, manufacturer: str, product_line: str) -> Certified:
        key = (manufacturer, product_line)
        if key not in self._certified:
            room = len(self._active)
            self._certified[key] = (np.zeros(room, dtype=np.int8), np.full(room, -1, dtype=np.int32))
        return self._certified[key]

    def _grow(self) -> None:
        room = len(self._active)
        for name in (
            "_points", "_active", "_suspended", "_kinds", "_times", "_insured_from", "_insured_cents",
            "_order",
        ):  # fmt: skip
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self._least_dot = np.concatenate([self._least_dot, np.full(room, NOWHERE)])
        self._insured_until = np.concatenate([self._insured_until, np.full(room, -1, dtype=np.int32)])
        self._certified = {
            key: (
                np.concatenate([levels, np.zeros(room, dtype=np.int8)]),
                np.concatenate([until, np.full(room, -1, dtype=np.int32)]),
            )
            for key, (levels, until) in self._certified.items()
        }

    @property
    def partners(self) -> Sequence[Contractor]:
        """All of them, each at the newest version known here. A copy."""
        return tuple(self._partners)

    # -- out --------------------------------------------------------------------------------------------

    def version_of(self, partner_id: UUID) -> int:
        """The version known here, 0 for none."""
        slot = self._slots.get(partner_id)
        return 0 if slot is None else self._partners[slot].version

    def near(self, job: Job, most: int) -> list[Contractor]:
        """The nearest in whose reach the job lies, may they or not."""
        count = len(self._partners)
        if job.place is None or count == 0:
            return []
        dots = self._points[:count] @ np.array(job.place)
        left = np.flatnonzero(dots >= self._least_dot[:count])
        if len(left) > most:
            left = left[dots[left] >= np.partition(dots[left], -most)[-most]]
        nearest = left[np.lexsort((self._order[left], -dots[left]))][:most]
        return [self._partners[slot] for slot in nearest.tolist()]

    def look(self, state: Assignment, client: ClientSide, most: int) -> Look:
        """The nearest who pass all of the gate but capacity, at most `most`; the same within a round."""
        key = (state.job.job_id, state.round, most)
        memo = self._memo.get(key)
        if memo is not None and memo[0] == client:
            return memo[1]
        found = self._search(state, client, most)
        if len(self._memo) >= _MEMO_MOST:
            self._memo.clear()
        self._memo[key] = (client, found)
        return found

    def _search(self, state: Assignment, client: ClientSide, most: int) -> Look:
        job = state.job
        count = len(self._partners)
        if job.place is None or count == 0:
            return Look(count, (), (), {"reach": count}, complete=True)
        dots = self._points[:count] @ np.array(job.place)
        left = np.flatnonzero(dots >= self._least_dot[:count])
        removed: Counter[str] = Counter({"reach": count - len(left)})
        for name, column in self._columns(job):
            kept = left[column(left)]
            removed[name] += len(left) - len(kept)
            left = kept
        nearest = left[np.lexsort((self._order[left], -dots[left]))]
        partners = self._partners
        look = look_over(job, client, state.lost, (partners[slot] for slot in nearest.tolist()), most)
        removed.update(look.removed)
        return replace(look, looked_at=count - len(left) + look.looked_at, removed=removed)

    def _columns(self, job: Job):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """In the gate's order, so that the counts name the first constraint that failed."""
        kind, time = _KINDS.get(job.kind_of_work, 0), _TIMES.get(job.response_time, 0)
        first, last, cents = job.first_day.toordinal(), job.last_day.toordinal(), job.insurance_cents or 0
        yield "customer-status", lambda left: self._active[left]
        yield "suspended", lambda left: ~self._suspended[left]
        yield "kind-of-work", lambda left: (self._kinds[left] & kind) != 0
        yield "response-time", lambda left: (self._times[left] & time) != 0
        yield (
            "insurance",
            lambda left: (
                (self._insured_from[left] <= first)
                & (self._insured_until[left] >= last)
                & (self._insured_cents[left] >= cents)
            ),
        )
        for wanted in job.certifications:
            column = self._certified.get((wanted.manufacturer, wanted.product_line))
            if column is None:
                yield "certification", lambda left: np.zeros(len(left), dtype=bool)
            else:
                levels, until = column
                yield (
                    "certification",
                    lambda left, levels=levels, until=until, level=wanted.level: (
                        (levels[left] >= level) & (until[left] >= last)
                    ),
                )
