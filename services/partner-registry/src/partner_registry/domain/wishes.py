"""What a partner decides about himself: what he offers, with whom he does not work, his key."""

from __future__ import annotations

from dataclasses import replace

from chassis.decisions import Decision, Rejected
from contracts import partner_registry_events_v1 as happened
from contracts.partner_registry_commands_v1 import ExcludePartner, SetAvailability, SetSealingKey
from contracts.partner_registry_partners_v1 import Availability
from contracts.values import KindOfWork, ResponseTime
from partner_registry.domain.partner import Partner, changed, known

MOST_EXCLUDED = 1_000


def set_availability(partner: Partner | None, command: SetAvailability) -> Decision[Partner | None]:
    """What he offers from now on, whole. No hours mean: nothing for now."""
    of = known(partner)
    if command.nationwide and command.radius_km is not None:
        raise Rejected("radius-and-nationwide", "Either a radius or nationwide, not both.", "radius_km")
    if not command.nationwide and command.radius_km is None:
        raise Rejected("radius-missing", "Without a radius he must be available nationwide.", "radius_km")
    if KindOfWork.unknown in command.kinds_of_work:
        raise Rejected("unknown-value", "This kind of work is not known here.", "kinds_of_work")
    if ResponseTime.unknown in command.response_times:
        raise Rejected("unknown-value", "This response time is not known here.", "response_times")
    if command.weekly_hours and not command.kinds_of_work:
        raise Rejected("no-kind-of-work", "Hours are offered, but no kind of work.", "kinds_of_work")
    if command.weekly_hours and not command.response_times:
        raise Rejected("no-response-time", "Hours are offered, but no response time.", "response_times")
    offered = Availability(
        radius_km=command.radius_km,
        nationwide=command.nationwide,
        weekly_hours=command.weekly_hours,
        kinds_of_work=sorted(set(command.kinds_of_work)),
        response_times=sorted(set(command.response_times)),
        standing_offer=command.standing_offer,
    )
    event = happened.AvailabilitySet(partner_id=of.partner_id, **dict(offered))
    return changed(of, replace(of, availability=offered), [event])


def exclude(
    partner: Partner | None, command: ExcludePartner, other: Partner | None
) -> Decision[Partner | None]:
    """His jobs are never given to that other one. Why, stays with him who asked."""
    of = known(partner)
    if command.other_partner_id == command.partner_id:
        raise Rejected("excludes-himself", "A partner cannot exclude himself.", "other_partner_id")
    if other is None:
        raise Rejected("unknown-partner", "There is no partner with this id to exclude.", "other_partner_id")
    excluded = tuple(sorted({*of.excluded, command.other_partner_id}))
    if len(excluded) > MOST_EXCLUDED:
        raise Rejected(
            "too-many-exclusions", f"At most {MOST_EXCLUDED} partners may be excluded.", "other_partner_id"
        )
    event = happened.PartnerExcluded(partner_id=of.partner_id, other_partner_id=command.other_partner_id)
    return changed(of, replace(of, excluded=excluded), [event])


def set_sealing_key(partner: Partner | None, command: SetSealingKey) -> Decision[Partner | None]:
    """Work orders for him are sealed to this key from now on."""
    of = known(partner)
    event = happened.SealingKeySet(partner_id=of.partner_id, kid=command.public_key.kid)
    return changed(of, replace(of, sealing_key=command.public_key), [event])
