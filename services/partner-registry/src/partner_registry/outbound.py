"""Where each of the registry's messages goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from chassis.outgoing import Outgoing
from contracts import partner_registry_commands_v1 as commands_v1
from contracts import partner_registry_events_v1 as events_v1
from contracts import partner_registry_notifications_v1 as notifications_v1
from contracts import partner_registry_partners_v1 as partners_v1

Happened = (
    events_v1.PartnerRegistered
    | events_v1.CustomerStatusChanged
    | events_v1.AgreementSigned
    | events_v1.AgreementEnded
    | events_v1.LiabilityInsuranceRecorded
    | events_v1.LiabilityInsuranceExpired
    | events_v1.CertificationRecorded
    | events_v1.CertificationWithdrawn
    | events_v1.AvailabilitySet
    | events_v1.PartnerSuspended
    | events_v1.PartnerReinstated
    | events_v1.PartnerExcluded
    | events_v1.SealingKeySet
)
Event = (
    Happened
    | partners_v1.Partner
    | notifications_v1.NotificationSent
    | commands_v1.ApplyCrmRecord
    | commands_v1.NotifyPartner
)


def route(event: object) -> Iterable[Outgoing]:
    """An event's topic and key. Commands to this service itself go the same way as everybody's."""
    told = cast("Event", event)
    match told:
        case partners_v1.Partner():
            yield Outgoing(partners_v1.TOPIC, told.subject, told)
        case notifications_v1.NotificationSent():
            yield Outgoing(notifications_v1.TOPIC, told.subject, told)
        case commands_v1.ApplyCrmRecord() | commands_v1.NotifyPartner():
            yield Outgoing(commands_v1.TOPIC, told.subject, told)
        case (
            events_v1.PartnerRegistered()
            | events_v1.CustomerStatusChanged()
            | events_v1.AgreementSigned()
            | events_v1.AgreementEnded()
            | events_v1.LiabilityInsuranceRecorded()
            | events_v1.LiabilityInsuranceExpired()
            | events_v1.CertificationRecorded()
            | events_v1.CertificationWithdrawn()
            | events_v1.AvailabilitySet()
            | events_v1.PartnerSuspended()
            | events_v1.PartnerReinstated()
            | events_v1.PartnerExcluded()
            | events_v1.SealingKeySet()
        ):
            yield Outgoing(events_v1.TOPIC, told.subject, told)
        case _:
            assert_never(told)
