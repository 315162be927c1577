"""Liability insurances of one partner: which are known, what they cover together, when that ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from contracts.partner_registry_partners_v1 import Insurance
from contracts.values import Money

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """One insurance as it was shown. `valid_until` is the last insured day."""

    insurer: str
    policy_number: str
    sum_insured: Money
    valid_from: date
    valid_until: date


Policies = tuple[Policy, ...]
"""By their first day; no day is in two of them."""


def joined(policies: Policies, shown: Policy) -> Policies:
    """From its first day on, the newest one replaces what was known; until then the one before holds."""
    before = (
        replace(policy, valid_until=min(policy.valid_until, shown.valid_from - ONE_DAY))
        for policy in policies
        if policy.valid_from < shown.valid_from
    )
    return (*before, shown)


def seamless(policies: Sequence[Policy]) -> Sequence[Policy]:
    """The first ones, as far as each begins on the day after the one before has ended."""
    run: list[Policy] = []
    for policy in policies:
        if run and policy.valid_from > run[-1].valid_until + ONE_DAY:
            break
        run.append(policy)
    return run


def coverage(policies: Policies) -> Insurance | None:
    """What others may rely on: a renewal without a gap prolongs; the lowest sum of the run counts."""
    run = seamless(policies)
    if not run:
        return None
    lowest = min((policy.sum_insured for policy in run), key=lambda money: money.amount)
    return Insurance(sum_insured=lowest, valid_from=run[0].valid_from, valid_until=run[-1].valid_until)


def without_over(policies: Policies, today: date) -> tuple[Policies, list[date]]:
    """The policies that are not over, and the last insured days after which there was no cover."""
    lapsed: list[date] = []
    remaining = policies
    while remaining and remaining[0].valid_until < today:
        over, remaining = remaining[0], remaining[1:]
        if not remaining or remaining[0].valid_from > over.valid_until + ONE_DAY:
            lapsed.append(over.valid_until)
    return remaining, lapsed
