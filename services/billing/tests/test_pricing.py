"""Prices: hours, surcharges, fees, rework; what is absurd or unclear is held by name; estimates say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from billing_books import NOW, Archive, facts_of, work_of
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.classes import Classified, FeeClass
from billing.domain.drafting import NOTHING, Drafts, draft
from billing.domain.estimates import estimate
from billing.domain.issuing import look_again, resolve, settle
from billing.domain.partners import Partner
from billing.domain.places import is_holiday, states_of
from billing.domain.rate_cards import publish
from billing.domain.settlements import Facts, Lack, Settlement
from billing.translation import cancelled_work, partner_from
from chassis.decisions import Decision, Rejected, Waiting
from contracts.billing_commands_v1 import EstimateJob, FeeNature, ResolveHold
from contracts.billing_settlements_v1 import Hold, JobSettled
from contracts.ids import job_number, uuid7
from contracts.job_exchange_commands_v1 import CancelReason
from contracts.job_exchange_jobs_v1 import FeeBasis, JobCancelled
from contracts.partner_registry_partners_v1 import Agreement
from contracts.values import (
    AgreementKind,
    Fee,
    FeeKind,
    KindOfWork,
    Leg,
    OwnReference,
    QualifiedPrice,
    RequiredCertification,
    ResponseSurcharge,
    ResponseTime,
    State,
    SurchargeKind,
    TimeSurcharge,
    WorkedTime,
    eur,
)

TODAY = date(2026, 3, 5)
UNIFY = RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2)
BERLIN = ZoneInfo("Europe/Berlin")


def _surcharge(kind: SurchargeKind, percent: str) -> TimeSurcharge:
    return TimeSurcharge(kind=kind, client_percent=Decimal(percent), contractor_percent=Decimal(percent))


SURCHARGES = [
    _surcharge(SurchargeKind.night, "25.00"),
    _surcharge(SurchargeKind.saturday, "30.00"),
    _surcharge(SurchargeKind.sunday, "50.00"),
    _surcharge(SurchargeKind.holiday, "100.00"),
]


def _worked(*stretches: tuple[str, str]) -> list[WorkedTime]:
    """Local times, such as 2026-03-07T18:00."""
    return [
        WorkedTime(
            starts_at=datetime.fromisoformat(first).replace(tzinfo=BERLIN).astimezone(UTC),
            ends_at=datetime.fromisoformat(last).replace(tzinfo=BERLIN).astimezone(UTC),
        )
        for first, last in stretches
    ]


def _lines(found: Any) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """By code: quantity, and the unit price of client and contractor."""
    assert isinstance(found, Drafts), found
    return {
        client.code: (client.quantity, client.unit_price, contractor.unit_price)
        for client, contractor in zip(found.client.lines, found.contractor.lines, strict=True)
    }


def _draft(story: Any, facts: Facts, **fields: Any) -> Any:
    return draft(Settlement(work_of(story, **fields)), facts, TODAY)


# -- hours -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "billed"),
    [("0.25", "1.00"), ("1.00", "1.00"), ("1.25", "1.50"), ("1.50", "1.50"), ("3.75", "4.00")],
)
def test_begun_steps_are_billed_whole_and_a_visit_has_a_least(story: Any, hours: str, billed: str) -> None:
    facts = facts_of(story, minimum_hours=Decimal("1.00"), step_minutes=30)
    assert _lines(_draft(story, facts, hours=Decimal(hours)))["work"][0] == Decimal(billed)


def test_qualified_work_has_its_price_where_the_job_asks_for_it(story: Any) -> None:
    dearer = QualifiedPrice(
        kind_of_work=KindOfWork.installation,
        client_per_hour=eur("119.00"),
        contractor_per_hour=eur("98.00"),
        certification=RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=2),
    )
    facts = facts_of(story, qualified_prices=[dearer])
    assert _lines(_draft(story, facts))["work"][1:] == (Decimal("119.00"), Decimal("98.00"))
    lower = [RequiredCertification(manufacturer="Unify", product_line="OpenScape", level=1)]
    assert _lines(_draft(story, facts, required_certifications=lower))["work"][1] == Decimal("95.00")


# -- surcharges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worked", "hours", "expected"),
    [
        ([("2026-03-03T08:00", "2026-03-03T11:30")], "3.50", {}),
        # Saturday from seven to nine in the evening: the Saturday is higher than the night, and counts alone
        ([("2026-03-07T19:00", "2026-03-07T21:00")], "2.00", {"saturday": "2.00"}),
        # Friday night into Saturday
        ([("2026-03-06T23:00", "2026-03-07T01:00")], "2.00", {"night": "1.00", "saturday": "1.00"}),
        ([("2026-03-08T10:00", "2026-03-08T11:00")], "1.00", {"sunday": "1.00"}),
        # the hour that is not there on the night of the change to summer time
        ([("2026-03-29T01:00", "2026-03-29T04:00")], "2.00", {"sunday": "2.00"}),
        # New Year, a Thursday, everywhere a holiday
        ([("2026-01-01T05:45", "2026-01-01T06:15")], "0.50", {"holiday": "0.50"}),
    ],
)
def test_each_quarter_hour_has_the_highest_surcharge_that_fits_it(
    story: Any, worked: list[tuple[str, str]], hours: str, expected: dict[str, str]
) -> None:
    facts = facts_of(story, time_surcharges=SURCHARGES)
    days = {"performed_from": date(2026, 1, 1), "performed_to": date(2026, 3, 30)}
    lines = _lines(_draft(story, facts, worked=_worked(*worked), hours=Decimal(hours), **days))
    found = {
        code.removeprefix("surcharge-"): str(line[0])
        for code, line in lines.items()
        if code.startswith("surcharge-")
    }
    assert found == expected


def test_a_surcharge_is_a_share_of_the_hour_rounded_to_the_cent_on_each_side(story: Any) -> None:
    facts = facts_of(story, time_surcharges=SURCHARGES, client="95.01", contractor="78.51")
    worked = _worked(("2026-03-07T08:00", "2026-03-07T09:00"))
    lines = _lines(_draft(story, facts, worked=worked, hours=Decimal(1), performed_to=date(2026, 3, 7)))
    assert lines["surcharge-saturday"] == (Decimal("1.00"), Decimal("28.50"), Decimal("23.55"))


def test_a_promised_response_time_has_its_flat_surcharge(story: Any) -> None:
    flat = ResponseSurcharge(
        response_time=ResponseTime.four_hours, client_flat=eur("89.00"), contractor_flat=eur("70.00")
    )
    facts = facts_of(story, response_surcharges=[flat])
    assert "surcharge-response" not in _lines(_draft(story, facts))
    lines = _lines(_draft(story, facts, response_time=ResponseTime.four_hours))
    assert lines["surcharge-response"] == (Decimal(1), Decimal("89.00"), Decimal("70.00"))


def test_times_that_are_not_the_hours_are_held(story: Any) -> None:
    facts = facts_of(story, time_surcharges=SURCHARGES)
    worked = _worked(("2026-03-03T08:00", "2026-03-03T11:00"))
    found = _draft(story, facts, worked=worked)
    assert found == Lack(Hold.times_unclear, f"settlement/{story.job_id}")
    twice = _worked(("2026-03-03T08:00", "2026-03-03T09:45"), ("2026-03-03T08:00", "2026-03-03T09:45"))
    assert _draft(story, facts, worked=twice).hold is Hold.times_unclear


# -- holidays of the state -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "postcode", "holiday"),
    [
        (date(2026, 11, 1), "80331", True),  # All Saints: Bavaria
        (date(2026, 11, 1), "24937", False),  # not in Schleswig-Holstein
        (date(2026, 10, 31), "24937", True),
        (date(2026, 6, 4), "04600", None),  # Corpus Christi, 04: several states, parts of some
        (date(2026, 8, 15), "80331", None),  # Assumption: in Catholic communities of Bavaria
        (date(2026, 12, 25), "04600", True),
        (date(2026, 3, 8), "10115", True),  # Women's Day: Berlin
        (date(2026, 3, 8), "00000", None),  # nowhere known: anywhere
        (date(2026, 3, 4), "00000", False),
    ],
)
def test_a_postcode_says_whether_it_was_a_holiday_or_that_it_cannot_tell(
    day: date, postcode: str, holiday: bool | None
) -> None:
    assert is_holiday(day, states_of(postcode)) is holiday


def test_an_island_may_belong_to_another_state_than_its_neighbours() -> None:
    assert State.SH in states_of("27498")  # Heligoland


def test_an_unclear_state_is_held_until_a_clerk_names_it(story: Any) -> None:
    facts = facts_of(story, time_surcharges=SURCHARGES)
    worked = _worked(("2026-01-06T08:00", "2026-01-06T10:00"))  # Epiphany: BW, BY, ST
    work = work_of(
        story,
        postcode="89073",
        worked=worked,
        hours=Decimal(2),
        performed_from=date(2026, 1, 6),
        performed_to=date(2026, 1, 6),
    )
    assert "surcharge-holiday" in _lines(draft(Settlement(work), facts, TODAY))  # both states have it
    elsewhere = replace(work, postcode="06108")
    held = settle(None, elsewhere, facts, NOW)
    assert isinstance(held, Decision)
    assert held.state is not None
    assert held.state.lack == Lack(Hold.state_unclear, f"settlement/{story.job_id}")
    unnamed = ResolveHold(job_id=story.job_id, note="?")
    with pytest.raises(Rejected, match="still-held"):
        resolve(held.state, unnamed, facts, NOW)
    named = unnamed.model_copy(update={"state": State.TH})
    done = Archive().take(resolve(held.state, named, facts, NOW)).state
    assert done.lack is None


# -- bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", ["0", "-1", "-0.25", "96.25", "400"])
def test_negative_zero_and_absurd_hours_are_held_and_only_the_absurd_can_be_waived(
    story: Any, hours: str
) -> None:
    facts, archive = facts_of(story), Archive()
    work = replace(work_of(story), hours=Decimal(hours))
    held = archive.take(settle(None, work, facts, NOW)).state
    assert held.lack == Lack(Hold.implausible_hours, f"settlement/{story.job_id}")
    assert (archive.documents, archive.entries) == ([], [])
    looked = ResolveHold(job_id=story.job_id, note="geprüft")
    if work.hours > 0:
        assert archive.take(resolve(held, looked, facts, NOW)).state.lack is None
    else:
        with pytest.raises(Rejected, match="still-held"):
            resolve(held, looked, facts, NOW)


def test_a_statement_that_approved_itself_over_the_agreed_cap_is_held(story: Any) -> None:
    facts = facts_of(story)
    capped: dict[str, Any] = {"approved_by": "limits", "approves_itself_up_to_hours": Decimal("3.3")}
    assert _draft(story, facts, **capped) == Lack(Hold.over_cap, f"settlement/{story.job_id}")
    assert isinstance(_draft(story, facts, hours=Decimal("3.25"), **capped), Drafts)
    # what the client has approved himself may be more
    assert isinstance(_draft(story, facts, **(capped | {"approved_by": "client"})), Drafts)


def test_an_unknown_rate_card_version_or_zone_is_held(story: Any) -> None:
    facts = facts_of(story)
    for unknown in ({"rate_card_version": 2}, {"travel_zone": 3}, {"kind_of_work": KindOfWork.dismantling}):
        found = _draft(story, facts, **unknown)
        assert found == Lack(Hold.missing_rate_card, f"rate-card/{story.rate_card_id}")


def test_missing_party_data_is_waited_for_and_completes_by_itself(story: Any) -> None:
    nameless = partner_from(story.contractor(vat_id="DE12", tax_number=None))
    facts = replace(facts_of(story), contractor=nameless)
    waiting = settle(None, work_of(story), facts, NOW)
    assert isinstance(waiting, Waiting)
    assert isinstance(waiting.otherwise, Decision)
    held = waiting.otherwise.state
    assert held.lack == Lack(Hold.missing_party_data, f"partner/{story.contractor_id}")
    archive = Archive()
    numbered = replace(facts, contractor=partner_from(story.contractor(tax_number="15/123/45678")))
    assert archive.take(look_again(held, numbered, NOW)).state.lack is None
    assert len(archive.documents) == 2


# -- rework ----------------------------------------------------------------------------------------------------


def test_rework_by_who_had_done_it_is_at_no_charge_and_by_somebody_else_a_clerks_affair(story: Any) -> None:
    original = Settlement(work_of(story))
    again = story.another_job()
    facts = replace(facts_of(again), original=original)
    work = work_of(again, rework_of=story.job_id)
    assert draft(Settlement(work), facts, TODAY) is NOTHING
    archive = Archive()
    decision = archive.take(settle(None, work, facts, NOW))
    (told,) = decision.events
    assert isinstance(told, JobSettled)
    assert told.without_documents
    assert (decision.state.settled_at, archive.documents, archive.entries) == (NOW, [], [])
    assert look_again(decision.state, facts, NOW) == Decision(decision.state)

    other = replace(work, contractor_id=uuid7())
    assert draft(Settlement(other), facts, TODAY) == Lack(Hold.rework_unclear, f"settlement/{story.job_id}")


# -- cancellation ----------------------------------------------------------------------------------------------

FEES = [
    Fee(
        kind=FeeKind.late_cancellation,
        under_hours_of_notice=24,
        client_flat=eur("75.00"),
        contractor_flat=eur("60.00"),
    ),
    Fee(
        kind=FeeKind.late_cancellation,
        under_hours_of_notice=4,
        client_flat=eur("120.00"),
        contractor_flat=eur("95.00"),
    ),
]


def _cancelled(story: Any, *, hours_before: float) -> JobCancelled:
    starts = datetime(2026, 3, 5, 8, tzinfo=UTC)
    return JobCancelled(
        job_id=story.job_id,
        job_number=job_number(story.job_id),
        client_id=story.client_id,
        contractor_id=story.contractor_id,
        reason=CancelReason.customer_withdrew,
        cancelled_at=starts - timedelta(hours=hours_before),
        fee_basis=FeeBasis(
            window_starts_at=starts,
            postcode="24937",
            kind_of_work=KindOfWork.installation,
            travel_zone=2,
            rate_card_id=story.rate_card_id,
            rate_card_version=1,
            own_reference=OwnReference(),
        ),
    )


@pytest.mark.parametrize(
    ("hours_before", "fee"),
    [(30, None), (24, None), (23.9, "75.00"), (4, "75.00"), (2, "120.00"), (-1, "120.00")],
)
def test_a_late_cancellation_costs_by_its_notice(story: Any, hours_before: float, fee: str | None) -> None:
    remuneration = Classified("late_cancellation", (FeeClass(date(2026, 1, 1), FeeNature.remuneration, ""),))
    facts = replace(facts_of(story, fees=FEES), fee_class=remuneration)
    work = cancelled_work(_cancelled(story, hours_before=hours_before))
    assert work is not None
    archive = Archive()
    decision = archive.take(settle(None, work, facts, NOW))
    if fee is None:
        assert decision.state is None
        assert archive.documents == []
    else:
        assert str(archive.documents[0].net) == fee
        assert "Absage" in archive.documents[0].lines[0].text


def test_a_job_that_nobody_had_is_cancelled_for_nothing(story: Any) -> None:
    told = _cancelled(story, hours_before=1)
    assert cancelled_work(told.model_copy(update={"contractor_id": None})) is None
    assert cancelled_work(told.model_copy(update={"fee_basis": None})) is None


# -- estimates -------------------------------------------------------------------------------------------------


def _asked(story: Any, side: Leg, **fields: Any) -> EstimateJob:
    chosen: dict[str, Any] = {
        "rate_card_id": story.rate_card_id,
        "version": 1,
        "partner_id": story.client_id,
        "side": side,
        "kind_of_work": KindOfWork.installation,
        "required_certifications": [],
        "hours": Decimal("3.50"),
        "zone": 2,
        "postcode": "24937",
        "response_time": ResponseTime.scheduled,
    }
    return EstimateJob(**(chosen | fields))


def _agreed(story: Any, *kinds: AgreementKind) -> Partner:
    agreements = [
        Agreement(
            kind=kind,
            valid_from=date(2026, 1, 1),
            valid_until=date(2026, 12, 31),
            self_billing_agreed=False,
            auto_approve_percent_over=0,
            highest_travel_zone=6,
        )
        for kind in kinds
    ]
    return partner_from(story.client(agreements=agreements))


def _both(story: Any) -> Partner:
    return _agreed(story, AgreementKind.client, AgreementKind.contractor)


@given(
    quarters=st.integers(1, 40),
    zone=st.sampled_from((1, 2)),
    qualified=st.booleans(),
    starts=st.integers(0, 92 * 96).map(  # quarters from March to May: Good Friday and Easter are in it
        lambda quarter: datetime(2026, 3, 1, tzinfo=UTC) + quarter * timedelta(minutes=15)
    ),
    timed=st.booleans(),
    response_time=st.sampled_from((ResponseTime.scheduled, ResponseTime.four_hours)),
)
def test_an_estimate_says_what_the_settlement_will(
    new_story: Any,
    quarters: int,
    zone: int,
    qualified: bool,
    starts: datetime,
    timed: bool,
    response_time: ResponseTime,
) -> None:
    """With certifications, minimum, step, surcharges and response time, on both sides."""
    story = new_story()
    facts = facts_of(
        story,
        minimum_hours=Decimal("2.00"),
        step_minutes=30,
        time_surcharges=SURCHARGES,
        qualified_prices=[
            QualifiedPrice(
                kind_of_work=KindOfWork.installation,
                client_per_hour=eur("123.45"),
                contractor_per_hour=eur("99.99"),
                certification=UNIFY,
            )
        ],
        response_surcharges=[
            ResponseSurcharge(
                response_time=ResponseTime.four_hours, client_flat=eur("80.00"), contractor_flat=eur("60.00")
            )
        ],
    )
    hours = Decimal(quarters) / 4
    worked = [WorkedTime(starts_at=starts, ends_at=starts + timedelta(hours=float(hours)))] if timed else []
    certifications = [UNIFY] if qualified else []
    drafts = _draft(
        story,
        facts,
        hours=hours,
        travel_zone=zone,
        performed_from=date(2026, 2, 1),
        worked=worked,
        required_certifications=certifications,
        response_time=response_time,
    )
    assert isinstance(drafts, Drafts)
    for side, leg in ((Leg.client, drafts.client), (Leg.contractor, drafts.contractor)):
        asked = _asked(
            story,
            side,
            hours=hours,
            zone=zone,
            worked=worked,
            required_certifications=certifications,
            response_time=response_time,
        )
        told: Any = estimate(facts.card, asked, _both(story), NOW).reply["estimate"]
        assert told["net"].amount == leg.net
        assert [(one["code"], one["net"].amount) for one in told["lines"]] == [
            (line.code, line.net) for line in leg.lines
        ]


@pytest.mark.parametrize(
    ("side", "agreed"), [(Leg.contractor, AgreementKind.client), (Leg.client, AgreementKind.contractor)]
)
def test_nobody_is_told_the_prices_of_a_side_that_he_is_not_on(
    story: Any, side: Leg, agreed: AgreementKind
) -> None:
    card = publish(None, story.rate_card(1), [], NOW).state
    for asks, at in ((_agreed(story, agreed), NOW), (_both(story), NOW + timedelta(days=365)), (None, NOW)):
        with pytest.raises(Rejected, match=f"no-{side.value}-agreement"):
            estimate(card, _asked(story, side), asks, at)


def test_an_estimate_of_what_has_no_price_is_refused(story: Any) -> None:
    card = publish(None, story.rate_card(1), [], NOW).state
    for asked in (
        _asked(story, Leg.client, version=2),
        _asked(story, Leg.client, zone=3),
        _asked(story, Leg.client, kind_of_work=KindOfWork.dismantling),
    ):
        with pytest.raises(Rejected, match="no-price"):
            estimate(card, asked, _both(story), NOW)
    with pytest.raises(Rejected, match="unknown-rate-card"):
        estimate(None, _asked(story, Leg.client), None, NOW)
