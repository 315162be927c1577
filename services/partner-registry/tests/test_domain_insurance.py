"""The liability insurance: what counts, what others may rely on, when it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decisions import Decision, Rejected
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.ids import uuid7
from contracts.partner_registry_commands_v1 import RecordLiabilityInsurance
from contracts.partner_registry_events_v1 import LiabilityInsuranceExpired, LiabilityInsuranceRecorded
from contracts.partner_registry_partners_v1 import Insurance
from contracts.partner_registry_partners_v1 import Partner as Published
from contracts.values import Address, CustomerStatus, eur
from partner_registry.domain import rights
from partner_registry.domain.days import day_of, end_of
from partner_registry.domain.insurance import Policies, Policy, coverage, joined, without_over
from partner_registry.domain.partner import INSURANCE_ENDS, Partner

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
ID = uuid7()
NEW = Partner(
    ID,
    PartnerMasterData(
        customer_number="K-1",
        name="Süd Netz GmbH",
        address=Address(street="Weg 1", postcode="80331", city="München"),
        email="post@sued.example",
        language="de",
        customer_status=CustomerStatus.active,
        certifications=[],
    ),
)


def shown(start: str, until: str, million: int = 3) -> RecordLiabilityInsurance:
    return RecordLiabilityInsurance(
        partner_id=ID,
        insurer="Haftpflicht AG",
        policy_number="P-1",
        sum_insured=eur(million * 1_000_000),
        valid_from=date.fromisoformat(start),
        valid_until=date.fromisoformat(until),
    )


def insured(*commands: RecordLiabilityInsurance, now: datetime = NOW) -> Decision[Partner | None]:
    decision: Decision[Partner | None] = Decision(NEW)
    for command in commands:
        decision = rights.record_insurance(decision.state, command, now)
    return decision


def visible(decision: Decision[Any]) -> Insurance | None:
    (published,) = [event for event in decision.events if isinstance(event, Published)]
    return published.insurance


def told(decision: Decision[Any]) -> list[type]:
    return [type(event) for event in decision.events]


@pytest.mark.parametrize(
    ("code", "field", "command"),
    [
        ("ends-before-begins", "valid_until", shown("2026-06-02", "2026-06-01")),
        ("insurance-expired", "valid_until", shown("2025-01-01", "2026-05-31")),
        ("begins-too-late", "valid_from", shown("2027-06-03", "2028-06-01")),
    ],
)
def test_an_insurance_that_makes_no_sense_is_refused(
    code: str, field: str, command: RecordLiabilityInsurance
) -> None:
    with pytest.raises(Rejected) as refusal:
        insured(command)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_the_last_insured_day_is_a_german_one() -> None:
    last_minute = datetime(2026, 6, 30, 21, 59, tzinfo=UTC)
    assert insured(shown("2026-01-01", "2026-06-30"), now=last_minute).state is not None
    with pytest.raises(Rejected, match="insurance-expired"):
        insured(shown("2026-01-01", "2026-06-30"), now=last_minute + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("last_day", "over_at"),
    [
        (date(2026, 6, 30), datetime(2026, 6, 30, 22, 0, tzinfo=UTC)),
        (date(2026, 12, 31), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
        # the day the clocks go forward and the day they go back have 23 and 25 hours
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
)
def test_the_clock_is_set_to_the_end_of_the_last_day_in_germany(last_day: date, over_at: datetime) -> None:
    assert end_of(last_day) == over_at
    assert day_of(over_at) == last_day + timedelta(days=1)
    assert day_of(over_at - timedelta(microseconds=1)) == last_day


def test_an_insurance_is_told_published_and_timed() -> None:
    decision = insured(shown("2026-01-01", "2026-12-31"))
    assert told(decision) == [LiabilityInsuranceRecorded, Published]
    assert visible(decision) == Insurance(
        sum_insured=eur(3_000_000), valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31)
    )
    assert decision.timers == {INSURANCE_ENDS: datetime(2026, 12, 31, 23, 0, tzinfo=UTC)}


def test_shown_again_it_is_not_told_again() -> None:
    once = insured(shown("2026-01-01", "2026-12-31"))
    assert rights.record_insurance(once.state, shown("2026-01-01", "2026-12-31"), NOW).events == ()


def test_when_the_last_day_is_over_it_expires_and_is_gone_for_all() -> None:
    once = insured(shown("2026-01-01", "2026-12-31"))
    expired = rights.insurance_ends(once.state, once.timers[INSURANCE_ENDS] or NOW)
    assert expired.events[0] == LiabilityInsuranceExpired(partner_id=ID, expired_on=date(2026, 12, 31))
    assert visible(expired) is None
    assert expired.timers == {INSURANCE_ENDS: None}


def test_a_clock_that_strikes_early_says_nothing() -> None:
    once = insured(shown("2026-01-01", "2026-12-31"))
    last_moment = end_of(date(2026, 12, 31)) - timedelta(microseconds=1)
    assert rights.insurance_ends(once.state, NOW).events == ()
    assert rights.insurance_ends(once.state, last_moment).events == ()


def test_a_renewal_prolongs_and_the_lower_sum_counts_until_the_old_one_is_over() -> None:
    renewed = insured(
        shown("2026-01-01", "2026-06-30", million=1), shown("2026-07-01", "2027-06-30", million=5)
    )
    assert visible(renewed) == Insurance(
        sum_insured=eur(1_000_000), valid_from=date(2026, 1, 1), valid_until=date(2027, 6, 30)
    )
    later = rights.insurance_ends(renewed.state, end_of(date(2026, 6, 30)))
    assert told(later) == [Published]
    assert visible(later) == Insurance(
        sum_insured=eur(5_000_000), valid_from=date(2026, 7, 1), valid_until=date(2027, 6, 30)
    )
    assert later.timers == {INSURANCE_ENDS: end_of(date(2027, 6, 30))}


def test_a_renewal_after_a_gap_does_not_cover_the_gap() -> None:
    renewed = insured(shown("2026-01-01", "2026-06-30"), shown("2026-07-02", "2027-06-30"))
    assert [event for event in renewed.events if isinstance(event, Published)] == []
    later = rights.insurance_ends(renewed.state, end_of(date(2026, 6, 30)))
    assert told(later) == [LiabilityInsuranceExpired, Published]
    assert visible(later) == Insurance(
        sum_insured=eur(3_000_000), valid_from=date(2026, 7, 2), valid_until=date(2027, 6, 30)
    )


def test_a_better_insurance_from_today_counts_at_once() -> None:
    better = insured(
        shown("2026-01-01", "2026-12-31", million=1), shown("2026-06-01", "2027-05-31", million=10)
    )
    assert told(better) == [LiabilityInsuranceRecorded, Published]
    assert visible(better) == Insurance(
        sum_insured=eur(10_000_000), valid_from=date(2026, 6, 1), valid_until=date(2027, 5, 31)
    )


def test_an_insurance_shown_after_weeks_without_one_tells_both() -> None:
    """The clock may strike late; whoever comes first tells what has happened."""
    once = insured(shown("2026-01-01", "2026-06-30"))
    late = datetime(2026, 8, 1, 10, 0, tzinfo=UTC)
    decision = rights.record_insurance(once.state, shown("2026-08-01", "2027-07-31"), late)
    assert told(decision) == [LiabilityInsuranceExpired, LiabilityInsuranceRecorded, Published]


# -- for all insurances

DAY_ZERO = date(2026, 1, 1)
terms = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(1, 9)).map(
    lambda drawn: Policy(
        "A",
        "1",
        eur(drawn[2] * 1_000_000),
        DAY_ZERO + timedelta(days=drawn[0]),
        DAY_ZERO + timedelta(days=drawn[0] + drawn[1]),
    )
)


def all_of(drawn: list[Policy]) -> Policies:
    policies: Policies = ()
    for policy in drawn:
        policies = joined(policies, policy)
    return policies


@given(st.lists(terms, max_size=8))
def test_no_day_is_in_two_policies_and_they_stand_in_order(drawn: list[Policy]) -> None:
    policies = all_of(drawn)
    for earlier, later in pairwise(policies):
        assert earlier.valid_from <= earlier.valid_until < later.valid_from


@given(st.lists(terms, min_size=1, max_size=8), st.integers(0, 800))
def test_what_is_promised_for_a_day_is_insured_on_that_day_for_that_sum(
    drawn: list[Policy], number: int
) -> None:
    policies, day = all_of(drawn), DAY_ZERO + timedelta(days=number)
    promise = coverage(policies)
    assert promise is not None
    if promise.valid_from <= day <= promise.valid_until:
        (holding,) = [policy for policy in policies if policy.valid_from <= day <= policy.valid_until]
        assert holding.sum_insured.amount >= promise.sum_insured.amount
        assert any(holding.sum_insured == policy.sum_insured for policy in drawn)


@given(st.lists(terms, max_size=8), st.lists(st.integers(0, 1_000), max_size=10))
def test_each_day_without_cover_that_follows_cover_is_told_once(
    drawn: list[Policy], looks: list[int]
) -> None:
    """However often the clock is looked at, in all the same expiries are told."""
    policies = all_of(drawn)
    end = DAY_ZERO + timedelta(days=2_000)
    _, at_once = without_over(policies, end)
    told_one_by_one: list[date] = []
    for number in [*sorted(looks), 2_000]:
        policies, lapsed = without_over(policies, DAY_ZERO + timedelta(days=number))
        told_one_by_one += lapsed
    assert told_one_by_one == at_once
