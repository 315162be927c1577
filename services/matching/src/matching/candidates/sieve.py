"""The gate on many rows at once, but for capacity: exact, save for rows marked ODD, which the gate itself judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import numpy as np

from contracts.values import RequiredCertification
from matching.candidates.columns import (
    ACTIVE,
    EXCLUDES,
    KIND,
    MOST_PRODUCTS,
    NEVER,
    NOT_SUSPENDED,
    ODD,
    SETTLED,
    SUM_UNIT,
    TIME,
    UNLISTED,
    Columns,
    certified,
    day_number,
    enough,
    word,
)
from matching.candidates.distances import BEYOND, tenths
from matching.candidates.points import Nearness
from matching.candidates.slots import Slots
from matching.domain.gate import WITHOUT_CAPACITY, ClientSide, case_of, judge
from matching.domain.model import Job, TravelZone
from matching.domain.places import Place

IN_REACH = "in reach"
UNKNOWN_PRODUCT = -1
_NOTHING = 0xFFFF_FFFF
_DAY_MASK = 0xFFFF
_ONE_BY_ONE = 8


@dataclass(slots=True)
class Asked:
    """A job in the columns' numbers.

    kind, time: bits; NEVER for what nobody has. needed: the word that nobody may be below.
    wanted: product, lowest and highest certification that will do, packed.
    himself, excluded, losers: rows of the client, of whom he excludes, and of those who lost the job.
    zones: where travel zones end, in tenths of a kilometre, and whether they are agreed; farthest: the last that is.
    """

    job: Job
    client: ClientSide
    lost: frozenset[UUID]
    place: Place
    kind: int
    time: int
    first: int
    last: int
    cents: int
    needed: np.uint64
    wanted: tuple[tuple[int, int, int], ...]
    groups: tuple[int, ...]
    himself: tuple[int, ...]
    excluded: tuple[int, ...]
    losers: tuple[int, ...]
    zones: tuple[tuple[int, bool], ...]
    farthest: int

    @property
    def nobody(self) -> bool:
        """It is plain that nobody can pass."""
        return NEVER in (self.kind, self.time) or not self.zones or UNKNOWN_PRODUCT in self.products

    @property
    def products(self) -> tuple[int, ...]:
        return tuple(product for product, _, _ in self.wanted)


def asked(
    job: Job, client: ClientSide, lost: tuple[UUID, ...], columns: Columns, slots: Slots
) -> Asked | None:
    """None where nobody can be near, since the job's place is not known."""
    if job.place is None:
        return None
    kind, time = KIND.get(job.kind_of_work, NEVER), TIME.get(job.response_time, NEVER)
    zones = _zones(job.zones, job.highest_zone)
    first, last, cents = day_number(job.first_day), day_number(job.last_day), job.insurance_cents or 0
    return Asked(
        job=job,
        client=client,
        lost=frozenset(lost),
        place=job.place,
        kind=kind,
        time=time,
        first=first,
        last=last,
        cents=cents,
        needed=np.uint64(word(ACTIVE | NOT_SUSPENDED | kind | time, (first, last), cents)),
        wanted=tuple([_wanted(each, columns) for each in job.certifications]),
        groups=tuple(
            [number for group in client.groups if (number := columns.groups.known(group)) is not None]
        ),
        himself=slots.find_all((job.client_id,)),
        excluded=slots.find_all(client.excludes),
        losers=slots.find_all(lost),
        zones=zones,
        farthest=zones[-1][0] if zones else -1,
    )


@lru_cache(maxsize=1_000)
def _zones(travel: tuple[TravelZone, ...], highest: int) -> tuple[tuple[int, bool], ...]:
    """Neighbours that are both agreed, or both not, are one; what is not agreed at the end is left out."""
    zones: list[tuple[int, bool]] = []
    end = -1
    for zone in travel:
        end, agreed = max(end, min(zone.up_to_km * 10, BEYOND)), zone.zone <= highest
        if zones and zones[-1][1] == agreed:
            zones.pop()
        zones.append((end, agreed))
    if zones and not zones[-1][1]:
        zones.pop()
    return tuple(zones)


def _wanted(required: RequiredCertification, columns: Columns) -> tuple[int, int, int]:
    product = columns.products.known((required.manufacturer, required.product_line))
    if product is None:
        return UNKNOWN_PRODUCT, _NOTHING, _NOTHING
    packed = product & MOST_PRODUCTS
    return product, certified(packed, required.level, 0), certified(packed, 15, _DAY_MASK)


class Sieve:
    """Who of some rows passes for one job."""

    def __init__(self, columns: Columns, asked: Asked, near: Nearness) -> None:
        self._columns = columns
        self._asked = asked
        self._near = near

    def passing(
        self,
        slots: np.ndarray,
        loose: int = 0,
        least_merit: np.ndarray | None = None,
        at_least: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows that pass, and their points. The first `loose` are loose; of the others, who is so is left out.

        least_merit, at_least: who has less merit, or fewer points, is of no interest.
        """
        asked, columns = self._asked, self._columns
        fit = enough(columns.words.take(slots), asked.needed | SETTLED)
        if loose:
            fit[:loose] = enough(columns.words.take(slots[:loose]), asked.needed)
        if least_merit is not None:
            fit &= columns.merit.take(slots) >= least_merit
        slots = slots.take(fit.nonzero()[0])
        rows = columns.rows.take(slots)
        far = self._distances(rows)
        fit = far < rows["reach"]
        for holds in self._certified(rows):
            fit &= holds
        if asked.farthest < BEYOND or len(asked.zones) > 1:
            fit &= self._zoned(far)
        if asked.cents % SUM_UNIT:
            fit &= rows["insured_cents"] >= asked.cents
        points = self._near.of(far)
        points += columns.merit.take(slots)
        if at_least is not None:
            fit &= points >= at_least
        kept = fit.nonzero()[0]
        fit = self._may(rows, slots, kept)
        return slots.take(kept).compress(fit), points.take(kept).compress(fit)

    def census(self, slots: np.ndarray) -> tuple[Counter[str], np.ndarray, np.ndarray]:
        """Of those in reach: how many each constraint removes, in the gate's order; who fails, with his points."""
        rows = self._columns.rows.take(slots)
        far = self._distances(rows)
        kept = (far < rows["reach"]).nonzero()[0]
        rows, slots, far = rows.take(kept), slots.take(kept), far.take(kept)
        points = self._near.of(far) + self._columns.merit.take(slots)
        removed = Counter({IN_REACH: len(slots)})
        failing = np.zeros(len(slots), dtype=bool)
        odd = rows["flags"] & (EXCLUDES | ODD) != 0
        for name, holds in self._in_order(rows, slots, far):
            fails = ~failing & ~holds() & ~odd
            removed[name] += int(np.count_nonzero(fails))
            failing |= fails
        for at in odd.nonzero()[0].tolist():
            constraint = self.judged(int(slots[at]))
            if constraint is not None:
                removed[constraint] += 1
                failing[at] = True
        return removed, slots.compress(failing), points.compress(failing)

    def reached(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows whose reach it is, and how near, the nearer the more."""
        rows = self._columns.rows.take(slots)
        far = self._distances(rows)
        kept = (far < rows["reach"]).nonzero()[0]
        return slots.take(kept), -far.take(kept)

    def judged(self, slot: int) -> str | None:
        """The constraint that the gate itself names for him; None: he passes."""
        contractor = self._columns.contractor(slot)
        lost = contractor.partner_id in self._asked.lost
        failed = judge(case_of(self._asked.job, contractor, self._asked.client, lost=lost), WITHOUT_CAPACITY)
        return failed.constraint if failed else None

    def _excludes(self, slot: int) -> str | None:
        return "exclusion" if self._asked.job.client_id in self._columns.whole[slot].excluded else None

    # -- the constraints -----------------------------------------------------------------------------------

    def _in_order(
        self, rows: np.ndarray, slots: np.ndarray, far: np.ndarray
    ) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
        """One by one, by the gate's names and in its order, but for `reach`."""
        asked, flags, agreed = self._asked, rows["flags"], rows["agreed"]
        yield "customer-status", lambda: flags & ACTIVE != 0
        yield "suspended", lambda: flags & NOT_SUSPENDED != 0
        yield "kind-of-work", lambda: flags & asked.kind != 0
        yield "response-time", lambda: flags & asked.time != 0
        yield (
            "insurance",
            lambda: (
                (rows["insured_from"] <= asked.first)
                & (rows["insured_until"] >= asked.last)
                & (rows["insured_cents"] >= asked.cents)
            ),
        )
        for holds in self._certified(rows):
            yield "certification", holds.view
        yield (
            "contractor-agreement",
            lambda: (agreed[:, ::2].min(axis=1) <= asked.first) & (agreed[:, 1::2].max(axis=1) >= asked.last),
        )
        yield "not-the-client", lambda: self._of_no_group(rows) & _none_of(asked.himself, slots)
        yield "exclusion", lambda: _none_of(asked.excluded, slots)
        yield "travel-zone", lambda: self._zoned(far)
        yield "lost-before", lambda: _none_of(asked.losers, slots)

    def _certified(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """For each that is wanted: who holds it, high enough and long enough."""
        if not self._asked.wanted:
            return
        held = rows["certified"]
        lasting = held & _DAY_MASK >= self._asked.last
        for _, lowest, highest in self._asked.wanted:
            fit = held - np.uint32(lowest) <= highest - lowest
            fit &= lasting
            found: np.ndarray = fit.view(np.uint64).ravel() != 0  # any of the eight
            if self._columns.unlisted:
                found |= rows["flags"] & UNLISTED != 0
            yield found

    def _distances(self, rows: np.ndarray) -> np.ndarray:
        return tenths(self._columns.against.take(rows["place"], axis=1), self._asked.place)

    def _zoned(self, far: np.ndarray) -> np.ndarray:
        """In a travel zone that is agreed."""
        zones = self._asked.zones
        if len(zones) == 1:
            return far <= zones[0][0]
        ends = np.array([end for end, _ in zones])
        return np.array([*(agreed for _, agreed in zones), False]).take(ends.searchsorted(far))

    def _may(self, rows: np.ndarray, slots: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Not the client, nor of his groups; no exclusion on either side; has not lost the job."""
        asked, columns = self._asked, self._columns
        slots = slots.take(kept)
        fit = np.ones(len(kept), dtype=bool)
        for group in asked.groups:
            fit &= rows["group"][kept] != group
        for barred in (asked.himself, asked.excluded, asked.losers):
            if barred:
                fit &= _none_of(barred, slots)
        if columns.whole:
            flags = rows["flags"][kept] & (EXCLUDES | ODD)
            for at in flags.nonzero()[0].tolist():
                slot = int(slots[at])
                fit[at] &= (self.judged(slot) if flags[at] & ODD else self._excludes(slot)) is None
        return fit

    def _of_no_group(self, rows: np.ndarray) -> np.ndarray:
        """Of none of the client's groups."""
        fit = np.ones(len(rows), dtype=bool)
        for group in self._asked.groups:
            fit &= rows["group"] != group
        return fit


def _none_of(barred: tuple[int, ...], slots: np.ndarray) -> np.ndarray:
    if len(barred) > _ONE_BY_ONE:
        return np.isin(slots, barred, invert=True)
    fit = np.ones(len(slots), dtype=bool)
    for each in barred:
        fit &= slots != each
    return fit
