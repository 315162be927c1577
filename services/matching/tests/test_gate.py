"""Every constraint of the gate: what passes, what fails, and with which word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.ids import uuid7
from contracts.matching_assignments_v1 import Candidate
from contracts.values import Certification, CustomerStatus, KindOfWork, RequiredCertification, ResponseTime
from matching.domain.gate import GATE, ClientSide, case_of, judge
from matching.domain.model import Insurance, Term, week_of
from matching.domain.policy import POLICY
from matching.domain.ranking import seen_failed, told
from matching.testing import FIRST, LAST, contractor, job, north_of_flensburg, offering

NOBODY = ClientSide(frozenset(), frozenset())
PARTNER = uuid7()
DAY_BEFORE = date(2026, 11, 24)


def held(level: int, until: date = date(2027, 12, 31), line: str = "ES") -> tuple[Certification, ...]:
    return (Certification(manufacturer="Agfeo", product_line=line, level=level, valid_until=until),)


def insured(
    until: date = date(2026, 12, 31), cents: int = 300_000_000, since: date = date(2026, 1, 1)
) -> Insurance:
    return Insurance(cents, since, until)


# constraint, how the partner differs, how the job differs, whether he passes
CASES: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("reach", {}, {}, True),
    ("reach", {"place": north_of_flensburg(49.9)}, {}, True),
    ("reach", {"place": north_of_flensburg(50.2)}, {}, False),
    ("reach", {"place": None}, {}, False),
    ("reach", {"availability": None}, {}, False),
    ("reach", {"availability": offering(radius_km=0)}, {}, True),
    ("reach", {"availability": offering(radius_km=0), "place": north_of_flensburg(1)}, {}, False),
    ("reach", {"availability": offering(radius_km=None)}, {}, False),
    ("reach", {"availability": offering(radius_km=0, nationwide=True), "place": north_of_flensburg(70)},
     {}, True),
    ("customer-status", {"customer_status": CustomerStatus.blocked}, {}, False),
    ("customer-status", {"customer_status": CustomerStatus.ended}, {}, False),
    ("customer-status", {"customer_status": CustomerStatus.unknown}, {}, False),
    ("suspended", {"suspended": True}, {}, False),
    ("kind-of-work", {}, {"kind_of_work": KindOfWork.service}, False),
    ("kind-of-work", {"availability": offering(kinds_of_work=frozenset(KindOfWork))},
     {"kind_of_work": KindOfWork.unknown}, False),
    ("response-time", {}, {"response_time": ResponseTime.four_hours}, False),
    ("response-time", {"availability": offering(response_times=frozenset(ResponseTime))},
     {"response_time": ResponseTime.unknown}, False),
    ("insurance", {"insurance": None}, {}, False),
    ("insurance", {"insurance": insured(LAST)}, {}, True),
    ("insurance", {"insurance": insured(DAY_BEFORE)}, {}, False),
    ("insurance", {"insurance": insured(since=FIRST)}, {}, True),
    ("insurance", {"insurance": insured(since=LAST)}, {}, False),
    ("insurance", {"insurance": insured(cents=100_000_000)}, {}, True),
    ("insurance", {"insurance": insured(cents=99_999_999)}, {}, False),
    ("insurance", {"insurance": insured(cents=0)}, {"insurance_cents": None}, True),
    ("certification", {"certifications": held(3)}, {}, True),
    ("certification", {"certifications": held(2)}, {}, True),
    ("certification", {"certifications": held(1)}, {}, False),
    ("certification", {"certifications": ()}, {}, False),
    ("certification", {"certifications": ()}, {"certifications": ()}, True),
    ("certification", {"certifications": held(3, LAST)}, {}, True),
    ("certification", {"certifications": held(3, DAY_BEFORE)}, {}, False),
    ("certification", {"certifications": held(3, DAY_BEFORE) + held(2)}, {}, True),
    ("certification", {"certifications": held(3, line="Other")}, {}, False),
    ("certification", {}, {"certifications": (
        RequiredCertification(manufacturer="Agfeo", product_line="ES", level=2),
        RequiredCertification(manufacturer="Auerswald & Co", product_line="X", level=1),
    )}, False),
    ("contractor-agreement", {"agreements": ()}, {}, False),
    ("contractor-agreement", {"agreements": (Term(FIRST, LAST),)}, {}, True),
    ("contractor-agreement", {"agreements": (Term(FIRST, DAY_BEFORE),)}, {}, False),
    ("contractor-agreement", {"agreements": (Term(LAST, None),)}, {}, False),
    ("contractor-agreement", {"agreements": (Term(LAST, None), Term(FIRST, DAY_BEFORE))}, {}, True),
    ("not-the-client", {"group": "north"}, {"client_group": "south"}, True),
    ("not-the-client", {"group": "north"}, {"client_group": "north"}, False),
    ("not-the-client", {"partner_id": PARTNER}, {"client_id": PARTNER}, False),
    ("exclusion", {"excluded": frozenset({PARTNER})}, {"client_id": PARTNER}, False),
    ("travel-zone", {"place": north_of_flensburg(40)}, {"highest_zone": 1}, False),
    ("travel-zone", {"place": north_of_flensburg(40)}, {"highest_zone": 2}, True),
    ("travel-zone", {}, {"zones": ()}, False),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "partner", "posted", "passes"), CASES)
def test_constraint(constraint: str, partner: dict[str, Any], posted: dict[str, Any], passes: bool) -> None:
    wanted = job(**posted)
    client = ClientSide.of(wanted, None)
    failed = judge(case_of(wanted, contractor(**partner), client, free_minutes=480))
    assert (None if failed is None else failed.constraint) == (None if passes else constraint)


def test_whom_the_client_excludes() -> None:
    client = ClientSide(frozenset({PARTNER}), frozenset())
    failed = judge(case_of(job(), contractor(partner_id=PARTNER), client, free_minutes=480))
    assert failed is not None
    assert failed.constraint == "exclusion"


def test_the_client_joined_a_group_after_posting() -> None:
    posted = job()
    client = ClientSide.of(posted, contractor(partner_id=posted.client_id, group="north"))
    failed = judge(case_of(posted, contractor(group="north"), client, free_minutes=480))
    assert failed is not None
    assert failed.constraint == "not-the-client"


def test_who_lost_the_job_before() -> None:
    failed = judge(case_of(job(), contractor(), NOBODY, free_minutes=480, lost=True))
    assert failed is not None
    assert failed.constraint == "lost-before"


@pytest.mark.parametrize(("free", "passes"), [(480, True), (479, False), (0, False), (-60, False)])
def test_capacity(free: int, passes: bool) -> None:
    failed = judge(case_of(job(), contractor(), NOBODY, free_minutes=free))
    assert (failed is None) is passes


def test_every_constraint_has_a_failing_case() -> None:
    shown = {name for name, _, _, passes in CASES if not passes} | {"lost-before", "capacity"}
    assert shown == {name for name, _ in GATE}


def test_facts_can_be_published_in_both_languages() -> None:
    for _, partner, posted, _ in CASES:
        wanted = job(**posted)
        case = case_of(wanted, contractor(**partner), ClientSide.of(wanted, None))
        failed = judge(case)
        assert failed is not None
        candidate = told(seen_failed(case, failed), POLICY)
        again = Candidate.check(candidate.model_dump_json().encode())
        assert again == candidate
        assert again.failed[0].constraint == failed.constraint
        assert again.failed[0].fact_de


def test_week_53_and_the_turn_of_the_year() -> None:
    assert week_of(date(2026, 12, 31)) == "2026-W53"
    assert week_of(date(2027, 1, 1)) == "2026-W53"
    assert week_of(date(2027, 1, 4)) == "2027-W01"
    assert replace(job(), first_day=date(2027, 1, 1)).week == "2026-W53"
    assert job(hours=Decimal("0.25")).minutes == 15
