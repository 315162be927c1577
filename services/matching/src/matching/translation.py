"""Other services' messages in this service's own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from contracts.billing_rate_cards_v1 import RateCard as PublishedRateCard
from contracts.job_exchange_jobs_v1 import JobAmended, JobAsAsked
from contracts.partner_registry_partners_v1 import Availability as OfferedAvailability
from contracts.partner_registry_partners_v1 import Partner
from contracts.values import AgreementKind, Money, VisitTerms
from matching.domain.model import (
    Availability,
    Contractor,
    Insurance,
    Job,
    QualifiedHour,
    RateCard,
    Tariff,
    Term,
    TravelZone,
    day_of,
)
from matching.postcodes import place_of


def contractor_from(partner: Partner, version: int) -> Contractor:
    """What matching keeps of a partner: nothing that a gate does not ask."""
    insurance = partner.insurance
    return Contractor(
        partner_id=partner.partner_id,
        version=version,
        place=place_of(partner.address.postcode) if partner.address.country == "DE" else None,
        customer_status=partner.customer_status,
        group=partner.group,
        suspended=partner.suspended,
        agreements=tuple(
            Term(agreement.valid_from, agreement.valid_until)
            for agreement in partner.agreements
            if agreement.kind is AgreementKind.contractor
        ),
        insurance=None
        if insurance is None
        else Insurance(_cents(insurance.sum_insured), insurance.valid_from, insurance.valid_until),
        certifications=tuple(partner.certifications),
        availability=None if partner.availability is None else _availability(partner.availability),
        excluded=frozenset(partner.excluded_partner_ids),
    )


def job_from(posted: JobAsAsked, tariff: Tariff | None) -> Job:
    """The job as the gate sees it. Without a price nobody can be in a travel zone."""
    price = tariff.hour(posted.kind_of_work, posted.required_certifications) if tariff else None
    return Job(
        job_id=posted.job_id,
        job_number=posted.job_number,
        client_id=posted.client_id,
        client_group=posted.client_group,
        postcode=posted.postcode,
        place=place_of(posted.postcode),
        kind_of_work=posted.kind_of_work,
        response_time=posted.response_time,
        certifications=tuple(posted.required_certifications),
        first_day=day_of(posted.window.starts_at),
        # a window that ends at midnight ends with the day before
        last_day=day_of(posted.window.ends_at - timedelta(microseconds=1)),
        ends_at=posted.window.ends_at,
        hours=posted.estimated_hours,
        insurance_cents=None if posted.insurance_sum is None else _cents(posted.insurance_sum),
        highest_zone=posted.highest_zone,
        policy=posted.offer_policy,
        per_hour=price if price is not None else Decimal(0),
        zones=tariff.zones if tariff is not None and price is not None else (),
        starts_at=posted.window.starts_at,
        paid_hours=None if tariff is None else tariff.visit.billed_hours(posted.estimated_hours),
        response_flat=Decimal(0) if tariff is None else tariff.response.get(posted.response_time, Decimal(0)),
    )


def amended(job: Job, event: JobAmended, tariff: Tariff | None) -> Job:
    """The same job as the client asks for it now; the version of the prices and his group are those of the posting."""
    asked = replace(job_from(event, tariff), client_group=job.client_group)
    if tariff is not None:
        return asked
    return replace(asked, per_hour=job.per_hour, zones=job.zones, response_flat=job.response_flat)


def rate_card_from(card: PublishedRateCard) -> RateCard:
    """The contractor's side of every published version."""
    return RateCard(
        card.rate_card_id,
        tuple(
            Tariff(
                version.version,
                {price.kind_of_work: price.contractor_per_hour.amount for price in version.prices},
                tuple(
                    TravelZone(zone.zone, zone.up_to_km, zone.contractor_flat.amount)
                    for zone in sorted(version.zones, key=lambda zone: zone.up_to_km)
                ),
                tuple(
                    QualifiedHour(price.kind_of_work, price.certification, price.contractor_per_hour.amount)
                    for plain in version.prices
                    for price in version.qualified(plain.kind_of_work)
                ),
                {flat.response_time: flat.contractor_flat.amount for flat in version.response_surcharges},
                VisitTerms(minimum_hours=version.minimum_hours, step_minutes=version.step_minutes),
            )
            for version in card.versions
        ),
    )


def _availability(offered: OfferedAvailability) -> Availability:
    return Availability(
        radius_km=offered.radius_km,
        nationwide=offered.nationwide,
        weekly_minutes=int(offered.weekly_hours * 60),
        kinds_of_work=frozenset(offered.kinds_of_work),
        response_times=frozenset(offered.response_times),
        standing_offer=offered.standing_offer,
    )


def _cents(money: Money) -> int:
    return int(money.amount * 100)
