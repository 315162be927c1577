"""A partner as 72 bytes that answer the gate, and 28 more that complete him. No Python object is kept for him.

What does not fit (agreements with a gap, more than eight certifications, partners he excludes, days out of range) is
kept whole as well, marked ODD: for him the columns are a necessary condition, and the gate itself decides.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterable, Sequence
from copy import copy
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Generic, TypeVar
from uuid import UUID

import numpy as np

from contracts.values import Certification, CustomerStatus, KindOfWork, ResponseTime
from matching.domain.model import Availability, Contractor, Insurance, Term
from matching.domain.places import Place

# -- one row -----------------------------------------------------------------------------------------------

MOST_CERTIFICATIONS, MOST_TERMS, MOST_GROUPS = 8, 2, 0xFFFF
ROW = np.dtype(
    [
        ("insured_cents", "<i8"),
        ("certified", "<u4", (MOST_CERTIFICATIONS,)),  # see `certified`; 0 for none
        ("place", "<u4"),  # number of his place; 0 for none
        ("group", "<u2"),  # number of his group; 0 for none
        ("minutes", "<u2"),  # a week
        ("reach", "<u2"),  # he goes where it is nearer than this, in 0.1 km; 0: nowhere
        ("flags", "<u2"),
        ("insured_from", "<u2"),  # days are counted from DAY_0
        ("insured_until", "<u2"),
        ("agreed", "<u2", (2 * MOST_TERMS,)),  # first and last day of each agreement
    ]
)
_ROW = struct.Struct("<q8IIHHHHHH4H")
REST = np.dtype([("version", "<u4"), ("radius", "<i2"), ("status", "<u2")])
_REST = struct.Struct("<IhH")

_BITS = iter([1 << number for number in range(16)])
KIND: dict[KindOfWork, int] = {kind: next(_BITS) for kind in KindOfWork if kind is not KindOfWork.unknown}
TIME: dict[ResponseTime, int] = {
    time: next(_BITS) for time in ResponseTime if time is not ResponseTime.unknown
}
ALL_KINDS, ALL_TIMES = sum(KIND.values()), sum(TIME.values())
ACTIVE, NOT_SUSPENDED, AVAILABLE = next(_BITS), next(_BITS), next(_BITS)
NATIONWIDE, STANDING_OFFER = next(_BITS), next(_BITS)
EXCLUDES = next(_BITS)
"""He excludes partners: whom, stands in `whole`."""
ODD = next(_BITS)
"""Something of him does not fit: who passes the columns is judged by the gate itself."""
UNLISTED = next(_BITS)
"""He has more certifications than fit: the columns do not ask for any."""
NEVER = next(_BITS)
"""Set for nobody: what a job needs that nobody can have."""
_STATUS = tuple(CustomerStatus)

DAY_0 = date(2000, 1, 1).toordinal()
NEVER_ENDS = 0xFFFF
_LAST_DAY = 0xFFFE
NO_DAY = (0xFFFF, 0)
"""First and last of no days at all."""

EVERYWHERE = 60_000
"""Reach of who works nationwide."""
_MOST_MINUTES = 0xFFFF
WIDEST_RADIUS = 1_000
"""Kilometres, as the contract allows."""

Value = TypeVar("Value", bound=Hashable)


@lru_cache(maxsize=1 << 14)
def day_number(day: date) -> int:
    """Days since DAY_0, kept in range."""
    return min(max(day.toordinal() - DAY_0, 0), _LAST_DAY)


class Numbered(Generic[Value]):
    """Values by number, from 1; 0 is none."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}

    def add(self, values: Iterable[Value]) -> None:
        for value in values:
            self.number(value)

    def number(self, value: Value | None) -> int:
        """The value's number, a new one where it is new."""
        if value is None:
            return 0
        number = self._numbers.get(value)
        if number is None:
            self.values.append(value)
            number = self._numbers[value] = len(self.values)
        return number

    def known(self, value: Value) -> int | None:
        return self._numbers.get(value)

    def value(self, number: int) -> Value | None:
        return self.values[number - 1] if number else None


Product = tuple[str, str]
"""Manufacturer and product line."""
_LEVEL_BITS, _DAY_BITS = 4, 16
PRODUCT_SHIFT = _LEVEL_BITS + _DAY_BITS
MOST_PRODUCTS = (1 << (32 - PRODUCT_SHIFT)) - 1


def certified(product: int, level: int, until: int) -> int:
    """Product, level and last day in 32 bits, in this order: one comparison each."""
    return product << PRODUCT_SHIFT | level << _DAY_BITS | until


# -- one word ----------------------------------------------------------------------------------------------


class _Fields:
    """Several small numbers in 64 bits, each with a guard bit above it: one subtraction compares them all."""

    def __init__(self) -> None:
        self.guards = 0
        self._bit = 0

    def field(self, bits: int) -> int:
        """Where the next field begins."""
        begin, self._bit = self._bit, self._bit + bits + 1
        if self._bit > 64:
            raise ValueError("the word is full")
        self.guards |= 1 << self._bit - 1
        return begin


_FIELDS = _Fields()
_OFFERS = {flag: _FIELDS.field(1) for flag in (*KIND.values(), *TIME.values())}
_OPEN, _SETTLED = _FIELDS.field(1), _FIELDS.field(1)
_FIRST, _LAST, _SUM = _FIELDS.field(16), _FIELDS.field(16), _FIELDS.field(11)
SUM_UNIT, _SUM_MOST = 5_000_000, 2_047
_SETTLED_BIT = 1 << _SETTLED
GUARDS = np.uint64(_FIELDS.guards)
SETTLED = np.uint64(_SETTLED_BIT)
"""The postings know him as he is."""


def word(flags: int, days: tuple[int, int], cents: int) -> int:
    """What of a partner can be compared at once: flags, days on which all holds, sum insured in 50,000 euros.

    The same for what a job needs; a partner has enough when no field is less. See `enough`.
    """
    return (
        _flag_fields(flags)
        | NEVER_ENDS - days[0] << _FIRST
        | days[1] << _LAST
        | min(max(cents, 0) // SUM_UNIT, _SUM_MOST) << _SUM
    )


@lru_cache(maxsize=1 << 16)
def _flag_fields(flags: int) -> int:
    both = ACTIVE | NOT_SUSPENDED
    offers = sum(1 << begin for flag, begin in _OFFERS.items() if flags & flag)
    return offers | (flags & both == both) << _OPEN


def enough(words: np.ndarray, needed: np.uint64) -> np.ndarray:
    """Which of these have no field less than needed."""
    found: np.ndarray = (words - needed) & GUARDS == GUARDS
    return found


MADE_MOST = 2_048
"""Partners put together again and kept: the best of a region are asked for job after job."""
_COLUMNS = (ROW, REST, np.dtype("<u8"), np.dtype("<i4"), np.dtype("<u8"), np.dtype("<u8"))


class Columns:
    """All partners by row."""

    def __init__(self, room: int = 1024) -> None:
        self._count = 0
        self.places: Numbered[Place] = Numbered()
        self.groups: Numbered[str] = Numbered()
        self.products: Numbered[Product] = Numbered()
        self.whole: dict[int, Contractor] = {}
        self._made: dict[int, Contractor] = {}
        self.unlisted = False
        self.against = np.zeros((3, 64))
        """The places by axis, turned to the other side of the earth: see `distances.tenths`."""
        self._take(*(np.zeros(room, dtype=each) for each in _COLUMNS))

    def _take(self, *columns: np.ndarray) -> None:
        self.rows, self.rest, self.words, self.merit, self.high, self.low = columns
        self._row_bytes, self._rest_bytes = self.rows.data.cast("B"), self.rest.data.cast("B")
        self.flags = self.rows["flags"]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All there is of everybody, to be kept; see `restore`."""
        return tuple(
            each[: self._count]
            for each in (self.rows, self.rest, self.words, self.merit, self.high, self.low)
        )

    def copy(self) -> Columns:
        """As they are now, to be read elsewhere while these go on."""
        other = copy(self)
        other.whole = self.whole.copy()
        other.restore(*(each.copy() for each in self.arrays))
        return other

    def restore(self, *columns: np.ndarray) -> None:
        """Take over columns as they were kept."""
        self._count = len(columns[0])
        self._made = {}
        self._take(*columns)
        self.unlisted = bool((self.flags & UNLISTED).any())

    def __len__(self) -> int:
        return self._count

    # -- in ------------------------------------------------------------------------------------------------

    def add(self, partner_id: UUID) -> int:
        """A row for somebody new."""
        slot = self._count
        if slot == len(self.high):
            self._take(*(_more(each) for each in self.arrays))
        self._count += 1
        self.high[slot], self.low[slot] = partner_id.int >> 64, partner_id.int & 0xFFFF_FFFF_FFFF_FFFF
        return slot

    def write(self, slot: int, contractor: Contractor) -> None:
        """All of his columns anew; what does not fit makes him ODD."""
        self._made.pop(slot, None)
        availability, insurance = contractor.availability, contractor.insurance
        flags, odd = _flags(contractor), False
        radius, reach, minutes = -1, 0, 0
        if availability is not None:
            minutes, radius_km = min(availability.weekly_minutes, _MOST_MINUTES), availability.radius_km
            odd |= availability.weekly_minutes > _MOST_MINUTES
            radius = -1 if radius_km is None else min(radius_km, WIDEST_RADIUS)
            odd |= radius_km is not None and radius_km > WIDEST_RADIUS
            odd |= KindOfWork.unknown in availability.kinds_of_work
            odd |= ResponseTime.unknown in availability.response_times
            if contractor.place is not None:
                reach = EVERYWHERE if availability.nationwide else radius * 10 + 1 if radius >= 0 else 0
        insured, cents = NO_DAY, -1
        if insurance is not None:
            insured, cents = _days(insurance.valid_from, insurance.valid_until), insurance.sum_cents
            odd |= _out_of_range(insurance.valid_from) or _out_of_range(insurance.valid_until)
        terms, agreed, gap = _terms(contractor.agreements)
        held, others = self._held(contractor.certifications)
        if others:
            flags |= UNLISTED
            self.unlisted = True
        group = self.groups.number(contractor.group)
        if odd or gap or others or group >= MOST_GROUPS:
            flags |= ODD
        if contractor.excluded:
            flags |= EXCLUDES
        if flags & (ODD | EXCLUDES):
            self.whole[slot] = contractor
        else:
            self.whole.pop(slot, None)
        _ROW.pack_into(
            self._row_bytes, slot * _ROW.size, cents, *held, self.place(contractor.place),
            min(group, MOST_GROUPS), minutes, reach, flags, *insured, *terms,
        )  # fmt: skip
        status = _STATUS.index(contractor.customer_status)
        _REST.pack_into(self._rest_bytes, slot * _REST.size, contractor.version, radius, status)
        days = max(insured[0], agreed[0]), min(insured[1], agreed[1])
        settled = self.words.item(slot) & _SETTLED_BIT
        self.words[slot] = word(flags, days, cents) | _FIELDS.guards | settled

    def settle(self) -> None:
        """The postings know everybody as he is."""
        self.words[: self._count] |= SETTLED

    def loosen(self, slot: int) -> bool:
        """They do not know this one as he is; False: that was so before."""
        settled = bool(self.words.item(slot) & _SETTLED_BIT)
        self.words[slot] &= ~SETTLED
        return settled

    def is_settled(self, slots: np.ndarray) -> np.ndarray:
        settled: np.ndarray = self.words.take(slots) & SETTLED != 0
        return settled

    def place(self, place: Place | None) -> int:
        """Its number."""
        if place is None:
            return 0
        known = self.places.known(place)
        if known is not None:
            return known
        number = self.places.number(place)
        if number >= self.against.shape[1]:
            self.against = np.concatenate([self.against, np.zeros_like(self.against)], axis=1)
        self.against[:, number] = [-axis for axis in place]
        return number

    def _held(self, certifications: tuple[Certification, ...]) -> tuple[list[int], bool]:
        """As numbers; and whether that is not all of it."""
        others = len(certifications) > MOST_CERTIFICATIONS
        held = []
        for each in certifications:
            product = self.products.number((each.manufacturer, each.product_line))
            others |= product > MOST_PRODUCTS or _out_of_range(each.valid_until)
            held.append(certified(product & MOST_PRODUCTS, each.level, day_number(each.valid_until)))
        held = held[:MOST_CERTIFICATIONS]
        return held + [0] * (MOST_CERTIFICATIONS - len(held)), others

    # -- out -----------------------------------------------------------------------------------------------

    def version(self, slot: int) -> int:
        version, _, _ = _REST.unpack_from(self._rest_bytes, slot * _REST.size)
        return int(version)

    def partner_id(self, slot: int) -> UUID:
        return UUID(int=self.high.item(slot) << 64 | self.low.item(slot))

    def where(self, slot: int) -> tuple[int, ...]:
        """What decides in which lists he stands, to be compared by `listed_alike`."""
        _, *held, place, _, _, reach, _, _, _, _, _, _, _ = _ROW.unpack_from(
            self._row_bytes, slot * _ROW.size
        )
        return place, reach, *held

    def is_unlisted(self, slot: int) -> bool:
        """Whether he has certifications that his row has no room for."""
        return bool(self.flags.item(slot) & UNLISTED)

    def contractor(self, slot: int) -> Contractor:
        """The partner, put together again."""
        known = self.whole.get(slot) or self._made.get(slot)
        if known is not None:
            return known
        if len(self._made) >= MADE_MOST:
            self._made.clear()
        made = self._made[slot] = self._make(slot)
        return made

    def _make(self, slot: int) -> Contractor:
        cents, *held, place, group, minutes, _, flags, insured_from, insured_until, a, b, c, d = (
            _ROW.unpack_from(self._row_bytes, slot * _ROW.size)
        )
        version, radius, status = _REST.unpack_from(self._rest_bytes, slot * _REST.size)
        return Contractor(
            partner_id=self.partner_id(slot),
            version=version,
            place=self.places.value(place),
            customer_status=_STATUS[status],
            group=self.groups.value(group),
            suspended=not flags & NOT_SUSPENDED,
            agreements=tuple(_term(*days) for days in ((a, b), (c, d)) if days != NO_DAY),
            insurance=None if cents < 0 else Insurance(cents, _day(insured_from), _day(insured_until)),
            certifications=tuple(
                _certification(self.products.values[(each >> PRODUCT_SHIFT) - 1], each)
                for each in held
                if each
            ),
            availability=None
            if not flags & AVAILABLE
            else Availability(
                radius_km=None if radius < 0 else radius,
                nationwide=bool(flags & NATIONWIDE),
                weekly_minutes=minutes,
                kinds_of_work=_kinds(flags & ALL_KINDS),
                response_times=_times(flags & ALL_TIMES),
                standing_offer=bool(flags & STANDING_OFFER),
            ),
            excluded=frozenset(),
        )


def listed_alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether place, reach and certified products are the same, whatever level and last day are."""
    return one == other or (one[:2] == other[:2] and _products(one) == _products(other))


def _products(where: tuple[int, ...]) -> list[int]:
    return [each >> PRODUCT_SHIFT for each in where[2:]]


def _more(column: np.ndarray) -> np.ndarray:
    """Room for half as many again."""
    return np.concatenate([column, np.zeros(max(len(column) // 2, 64), dtype=column.dtype)])


def _flags(contractor: Contractor) -> int:
    flags = 0
    if contractor.customer_status is CustomerStatus.active:
        flags |= ACTIVE
    if not contractor.suspended:
        flags |= NOT_SUSPENDED
    availability = contractor.availability
    if availability is not None:
        flags |= AVAILABLE
        if availability.nationwide:
            flags |= NATIONWIDE
        if availability.standing_offer:
            flags |= STANDING_OFFER
        flags |= _offer_flags(availability.kinds_of_work, availability.response_times)
    return flags


@lru_cache(maxsize=1 << 10)
def _offer_flags(kinds: frozenset[KindOfWork], times: frozenset[ResponseTime]) -> int:
    return sum(KIND.get(kind, 0) for kind in kinds) | sum(TIME.get(time, 0) for time in times)


@lru_cache(maxsize=1 << 14)
def _out_of_range(day: date) -> bool:
    return not 0 <= day.toordinal() - DAY_0 <= _LAST_DAY


def _days(first: date, last: date | None) -> tuple[int, int]:
    return day_number(first), NEVER_ENDS if last is None else day_number(last)


@lru_cache(maxsize=1 << 14)
def _terms(agreements: tuple[Term, ...]) -> tuple[Sequence[int], tuple[int, int], bool]:
    """Days of each agreement, and of all together; the last: is there more to it than that."""
    spans = [_days(each.valid_from, each.valid_until) for each in agreements]
    if not spans:
        return NO_DAY * MOST_TERMS, NO_DAY, False
    odd = len(spans) > MOST_TERMS or any(
        _out_of_range(day)
        for each in agreements
        for day in (each.valid_from, each.valid_until)
        if day is not None
    )
    ordered = sorted(spans)
    odd |= any(after[0] > before[1] + 1 for before, after in pairwise(ordered))
    odd |= len(spans) > 1 and any(first > last for first, last in spans)
    whole = ordered[0][0], max(last for _, last in ordered)
    terms = [day for span in spans[:MOST_TERMS] for day in span]
    return (*terms, *NO_DAY * (MOST_TERMS - len(terms) // 2)), whole, odd


@lru_cache(maxsize=20_000)
def _day(number: int) -> date:
    return date.fromordinal(DAY_0 + number)


@lru_cache(maxsize=10_000)
def _term(first: int, last: int) -> Term:
    return Term(_day(first), None if last == NEVER_ENDS else _day(last))


@lru_cache(maxsize=50_000)
def _certification(product: Product, packed: int) -> Certification:
    """There are few different ones, shared by many partners."""
    level, until = packed >> _DAY_BITS & (1 << _LEVEL_BITS) - 1, packed & (1 << _DAY_BITS) - 1
    return Certification(
        manufacturer=product[0], product_line=product[1], level=level, valid_until=_day(until)
    )


@lru_cache(maxsize=1 << len(KIND))
def _kinds(flags: int) -> frozenset[KindOfWork]:
    return frozenset(kind for kind, bit in KIND.items() if flags & bit)


@lru_cache(maxsize=1 << len(TIME))
def _times(flags: int) -> frozenset[ResponseTime]:
    return frozenset(time for time, bit in TIME.items() if flags & bit)
