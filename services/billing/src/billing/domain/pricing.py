"""What a job costs the client and earns the contractor: lines at fixed prices, the same on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from billing.domain.money import share
from billing.domain.places import is_holiday
from billing.domain.rate_cards import Price, Tariff
from contracts.billing_settlements_v1 import Hold
from contracts.values import FeeKind, ResponseTime, State, SurchargeKind, TimeSurcharge, WorkedTime

BERLIN: Final = ZoneInfo("Europe/Berlin")
HOUR: Final = "HUR"
FLAT: Final = "LS"
"""Units by UN/ECE recommendation 20: hour, lump sum."""
QUARTER: Final = timedelta(minutes=15)
_QUARTER_HOUR: Final = Decimal("0.25")
MOST_HOURS_A_DAY: Final = 48
"""Four people may work at once, twelve hours each; more than that a clerk looks at."""


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One line of both documents. code: work, travel, surcharge-…, response-…, fee-…"""

    code: str
    quantity: Decimal
    unit: str
    price: Price


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit is priced by. states: where the place may lie; `worked` may be empty."""

    hours: Decimal
    performed_from: date
    performed_to: date
    response_time: ResponseTime
    worked: Sequence[WorkedTime]
    states: frozenset[State]


def visit(tariff: Tariff, of: Visit) -> tuple[PricedLine, ...] | Hold:
    """Work, travel and surcharges; or the hold, where surcharges cannot be told."""
    extra = _surcharged_hours(tariff, of)
    if isinstance(extra, Hold):
        return extra
    lines = [
        PricedLine("work", tariff.terms.billed_hours(of.hours), HOUR, tariff.hour),
        PricedLine("travel", Decimal(1), FLAT, tariff.travel),
    ]
    for surcharge in tariff.terms.time_surcharges:
        if extra[surcharge.kind]:
            hours = extra[surcharge.kind] * _QUARTER_HOUR
            price = Price(
                share(tariff.hour.client, surcharge.client_percent),
                share(tariff.hour.contractor, surcharge.contractor_percent),
            )
            lines.append(PricedLine(f"surcharge-{surcharge.kind.value}", hours, HOUR, price))
    response = tariff.response(of.response_time)
    if response is not None:
        lines.append(PricedLine("surcharge-response", Decimal(1), FLAT, response))
    return tuple(lines)


def nobody_there(tariff: Tariff) -> tuple[PricedLine, ...]:
    """He came in vain: the way, and the fee where one is agreed."""
    lines = [PricedLine("travel", Decimal(1), FLAT, tariff.travel)]
    fee = tariff.fee(FeeKind.nobody_there)
    if fee is not None:
        lines.insert(0, PricedLine("fee-nobody_there", Decimal(1), FLAT, fee))
    return tuple(lines)


def cancelled(tariff: Tariff, hours_of_notice: Decimal) -> tuple[PricedLine, ...]:
    """Cancelled after award: the fee for so short a notice; nothing where none is agreed."""
    fee = tariff.fee(FeeKind.late_cancellation, hours_of_notice)
    return () if fee is None else (PricedLine("fee-late_cancellation", Decimal(1), FLAT, fee),)


def implausible(of: Visit) -> bool:
    """Whether these hours cannot be in these days, or are none."""
    days = (of.performed_to - of.performed_from).days + 1
    return of.hours <= 0 or days <= 0 or of.hours > MOST_HOURS_A_DAY * days


def _surcharged_hours(tariff: Tariff, of: Visit) -> Counter[SurchargeKind] | Hold:
    """Quarter hours by surcharge; of several that fit a quarter, the highest counts once."""
    counted: Counter[SurchargeKind] = Counter()
    if not of.worked:
        return counted
    quarters = [quarter for stretch in of.worked for quarter in _quarters(stretch)]
    if len(quarters) * _QUARTER_HOUR != of.hours or len(set(quarters)) != len(quarters):
        return Hold.times_unclear
    by_height = sorted(tariff.terms.time_surcharges, key=lambda one: one.client_percent, reverse=True)
    for quarter in quarters:
        found = _surcharge_of(quarter.astimezone(BERLIN), by_height, tariff, of.states)
        if isinstance(found, Hold):
            return found
        if found is not None:
            counted[found] += 1
    return counted


def _surcharge_of(
    local: datetime, by_height: Sequence[TimeSurcharge], tariff: Tariff, states: frozenset[State]
) -> SurchargeKind | Hold | None:
    for surcharge in by_height:
        applies = _applies(surcharge.kind, local, tariff, states)
        if applies is None:
            return Hold.state_unclear
        if applies:
            return surcharge.kind
    return None


def _applies(kind: SurchargeKind, local: datetime, tariff: Tariff, states: frozenset[State]) -> bool | None:
    match kind:
        case SurchargeKind.night:
            start, end = tariff.terms.night_from_hour, tariff.terms.night_to_hour
            return start <= local.hour < end if start <= end else local.hour >= start or local.hour < end
        case SurchargeKind.saturday:
            return local.weekday() == 5  # Monday is 0
        case SurchargeKind.sunday:
            return local.weekday() == 6
        case SurchargeKind.holiday:
            return is_holiday(local.date(), states)
        case _:
            return False


def _quarters(stretch: WorkedTime) -> Iterator[datetime]:
    """The quarter hours of a stretch, by their beginning; a begun one counts."""
    moment = stretch.starts_at.astimezone(UTC)
    while moment < stretch.ends_at:
        yield moment
        moment += QUARTER
