"""A partner: his state, what others may know of him, and how a change is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.decisions import Decision, Errand, Rejected
from contracts import partner_registry_events_v1 as happened
from contracts import partner_registry_partners_v1 as published
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.partner_registry_partners_v1 import Agreement, Availability, BillingFacts
from contracts.values import Jwk
from partner_registry.domain.certificates import Certificates
from partner_registry.domain.days import day_of, end_of
from partner_registry.domain.insurance import Policies, coverage, without_over

INSURANCE_ENDS = "insurance-ends"
"""The timer of a partner's insurance: due when the last day of the earliest known policy is over."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner as the registry knows him.

    master: what the CRM, or his registration, said last, the e-mail address among it.
    certificates: what he holds; by and large the CRM's, see certificates.merged.
    suspended_for: the distributor's reason; None when he is not suspended.
    """

    partner_id: UUID
    master: PartnerMasterData
    certificates: Certificates = ()
    agreements: tuple[Agreement, ...] = ()
    policies: Policies = ()
    availability: Availability | None = None
    suspended_for: str | None = None
    excluded: tuple[UUID, ...] = ()
    sealing_key: Jwk | None = None
    billing: BillingFacts | None = None


def known(partner: Partner | None) -> Partner:
    """The partner, who must exist."""
    if partner is None:
        raise Rejected("unknown-partner", "There is no partner with this id.", "partner_id")
    return partner


def master_data(said: PartnerMasterData) -> PartnerMasterData:
    """The master data alone, of whatever message carries them."""
    return PartnerMasterData(
        customer_number=said.customer_number,
        name=said.name,
        address=said.address,
        email=said.email,
        language=said.language,
        customer_status=said.customer_status,
        group=said.group,
        vat_id=said.vat_id,
        tax_number=said.tax_number,
        certifications=list(said.certifications),
    )


def snapshot(partner: Partner) -> published.Partner:
    """The partner as other services may know him: no contact data but what he gave for documents, no reasons."""
    master = partner.master
    return published.Partner(
        partner_id=partner.partner_id,
        customer_number=master.customer_number,
        name=master.name,
        address=master.address,
        language=master.language,
        customer_status=master.customer_status,
        group=master.group,
        vat_id=master.vat_id,
        tax_number=master.tax_number,
        agreements=list(partner.agreements),
        insurance=coverage(partner.policies),
        certifications=list(partner.certificates),
        availability=partner.availability,
        suspended=partner.suspended_for is not None,
        excluded_partner_ids=list(partner.excluded),
        sealing_key=partner.sealing_key,
        billing=partner.billing,
    )


def unchanged(partner: Partner | None) -> Decision[Partner | None]:
    return Decision(partner)


def changed(
    before: Partner | None,
    after: Partner,
    events: Sequence[object] = (),
    errands: Sequence[Errand] = (),
) -> Decision[Partner | None]:
    """Tell a change: what happened, then the partner whole, if others see a difference."""
    if after == before:
        return unchanged(before)
    told: list[object] = list(events)
    whole = snapshot(after)
    if before is None or snapshot(before) != whole:
        told.append(whole)
    clock: dict[str, datetime | None] = {}
    if (before.policies if before else ()) != after.policies:
        clock[INSURANCE_ENDS] = end_of(after.policies[0].valid_until) if after.policies else None
    return Decision(after, told, timers=clock, errands=errands)


def settled(policies: Policies, partner_id: UUID, now: datetime) -> tuple[Policies, list[object]]:
    """The policies without those that are over, and the expiries that nobody was told of yet."""
    remaining, lapsed = without_over(policies, day_of(now))
    return remaining, [
        happened.LiabilityInsuranceExpired(partner_id=partner_id, expired_on=last_day) for last_day in lapsed
    ]
