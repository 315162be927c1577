"""Who takes part, and what must be said for it."""

from __future__ import annotations

from datetime import date
from random import Random

from contracts.crm_partners_v1 import CrmPartner
from contracts.ids import uuid7
from contracts.partner_registry_commands_v1 import RegisterPartner, SetAvailability, SuspendPartner
from contracts.partner_registry_partners_v1 import Agreement, Availability, Insurance, Partner
from contracts.seal import seal, unseal
from contracts.values import AgreementKind, Certification, eur
from dealers.cast import CAST
from dealers.course import Course, draw
from dealers.members import Member, members
from dealers.places import distance_km, postcodes, towns
from dealers.postings import NOWHERE, working_day
from dealers.wishes import INSURED_UNTIL, introduction, wishes

TODAY = date(2026, 11, 23)


def known(member: Member) -> Partner:
    """The partner as the registry tells him once all is said."""
    offering = member.offering
    kinds = [AgreementKind.client] * member.posts + [AgreementKind.contractor] * member.takes_jobs
    until = INSURED_UNTIL.get(member.insured)
    return Partner(
        partner_id=uuid7(),
        customer_number=member.customer_number,
        name=member.name,
        address=member.address,
        language=member.language,
        customer_status=member.status,
        agreements=[
            Agreement(
                kind=kind,
                valid_from=TODAY,
                self_billing_agreed=True,
                auto_approve_percent_over=0,
                highest_travel_zone=6,
            )
            for kind in kinds
        ],
        insurance=None
        if until is None
        else Insurance(sum_insured=eur(1), valid_from=TODAY, valid_until=TODAY + until),
        certifications=[
            Certification(**dict(held), valid_until=date(2028, 1, 1)) for held in member.certifications
        ],
        availability=None
        if offering is None
        else Availability(
            radius_km=offering.radius_km,
            nationwide=offering.radius_km is None,
            weekly_hours=f"{offering.weekly_hours}",  # type: ignore[arg-type]  # as it stands in JSON
            kinds_of_work=sorted(offering.kinds_of_work, key=str),
            response_times=sorted(offering.response_times, key=str),
            standing_offer=offering.standing_offer,
        ),
        suspended=member.suspended,
        excluded_partner_ids=[],
        sealing_key=member.public_key,
    )


def test_the_same_seed_brings_the_same_people() -> None:
    assert members(7, 50) == members(7, 80)[:50]
    assert members(7, 50) != members(8, 50)


def test_everybody_lives_where_there_is_a_postcode() -> None:
    assert {member.address.postcode for member in (*CAST, *members(1, 1000))} <= set(postcodes())
    assert all(town.postcodes for town in towns())
    assert NOWHERE not in postcodes()


def test_flensburg_is_far_from_muenchen() -> None:
    assert 700 < distance_km("80337", "24937") < 800


def test_who_is_known_as_he_is_has_nothing_to_say() -> None:
    for member in (*CAST, *members(3, 200)):
        assert list(wishes(member, known(member), TODAY)) == []


def test_what_is_missing_is_said_and_nothing_else() -> None:
    member = next(member for member in CAST if member.suspended)
    partner = known(member).model_copy(update={"suspended": False, "availability": None})
    said = [type(saying.message) for saying in wishes(member, partner, TODAY)]
    assert said == [SetAvailability, SuspendPartner]


def test_who_comes_by_the_crm_is_introduced_by_it() -> None:
    for member in members(2, 40):
        saying = introduction(member, uuid7(), TODAY)
        assert isinstance(saying.message, CrmPartner if member.from_crm else RegisterPartner)
        assert (saying.actor is None) == member.from_crm


def test_a_members_key_is_the_same_in_every_run_and_opens_what_is_sealed_to_him() -> None:
    (first,), (again,) = members(5, 1), members(5, 1)
    job_id = uuid7()
    sealed = seal(b"secret", first.public_key.model_dump(), job_id)
    assert unseal(sealed, again.key, job_id) == b"secret"


def test_towards_the_end_of_a_run_nobody_waits_for_a_window() -> None:
    lots = Random(1)
    assert not any(draw(lots, calm=True).starts_soon for _ in range(500))
    assert Course(arriving="late").starts_soon


def test_work_is_done_on_working_days() -> None:
    assert working_day(date(2026, 11, 28)) == date(2026, 11, 30)
    assert working_day(date(2026, 11, 27)) == date(2026, 11, 27)
