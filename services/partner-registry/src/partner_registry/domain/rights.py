"""What the distributor decides about a partner: agreements, insurance, certificates, suspension."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis.decisions import Decision, Rejected
from contracts import partner_registry_events_v1 as happened
from contracts.partner_registry_commands_v1 import (
    EndAgreement,
    RecordCertification,
    RecordLiabilityInsurance,
    ReinstatePartner,
    SignAgreement,
    SuspendPartner,
    WithdrawCertification,
)
from contracts.partner_registry_partners_v1 import Agreement
from contracts.values import AgreementKind
from partner_registry.domain import certificates
from partner_registry.domain.days import day_of
from partner_registry.domain.insurance import Policy, joined
from partner_registry.domain.partner import Partner, changed, known, settled, unchanged

MOST_AGREEMENTS = 100
INSURANCE_AHEAD = timedelta(days=366)
"""How far ahead an insurance may begin: renewals come weeks before, not years."""
SUSPENDED_BY = "by-distributor"
"""The public reason of a suspension; the words of the distributor stay here."""


def sign_agreement(partner: Partner | None, command: SignAgreement) -> Decision[Partner | None]:
    """A framework agreement was signed. Of one kind at most one holds on any day."""
    of = known(partner)
    if command.kind is AgreementKind.unknown:
        raise Rejected("unknown-value", "This kind of agreement is not known here.", "kind")
    if command.valid_until is not None and command.valid_until < command.valid_from:
        raise Rejected("ends-before-begins", "The agreement would end before it begins.", "valid_until")
    for agreement in of.agreements:
        if agreement.kind is command.kind and _share_a_day(
            agreement, command.valid_from, command.valid_until
        ):
            raise Rejected(
                "agreement-in-force",
                f"A {command.kind.value} agreement is in force from {_from_to(agreement)}.",
                "valid_from",
            )
    if len(of.agreements) >= MOST_AGREEMENTS:
        raise Rejected("too-many-agreements", f"At most {MOST_AGREEMENTS} agreements are kept.")
    signed = Agreement(
        kind=command.kind,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        self_billing_agreed=command.self_billing_agreed,
        auto_approve_percent_over=command.auto_approve_percent_over,
        highest_travel_zone=command.highest_travel_zone,
    )
    event = happened.AgreementSigned(
        partner_id=of.partner_id,
        kind=signed.kind,
        valid_from=signed.valid_from,
        valid_until=signed.valid_until,
    )
    agreements = sorted((*of.agreements, signed), key=lambda a: (a.kind.value, a.valid_from))
    return changed(of, replace(of, agreements=tuple(agreements)), [event])


def end_agreement(partner: Partner | None, command: EndAgreement, now: datetime) -> Decision[Partner | None]:
    """An agreement gets a last day, today or later: what was done under it stays done under it."""
    of = known(partner)
    if command.kind is AgreementKind.unknown:
        raise Rejected("unknown-value", "This kind of agreement is not known here.", "kind")
    ends_on = command.ends_on
    ending = [a for a in of.agreements if a.kind is command.kind and _share_a_day(a, ends_on, ends_on)]
    if not ending:
        raise Rejected(
            "no-agreement", f"No {command.kind.value} agreement is in force on {ends_on:%d.%m.%Y}.", "ends_on"
        )
    (agreement,) = ending
    if agreement.valid_until == ends_on:
        return unchanged(of)
    if ends_on < day_of(now):
        raise Rejected("ends-in-past", "An agreement cannot end in the past.", "ends_on")
    ended = agreement.model_copy(update={"valid_until": ends_on})
    agreements = tuple(ended if a is agreement else a for a in of.agreements)
    event = happened.AgreementEnded(partner_id=of.partner_id, kind=command.kind, ends_on=ends_on)
    return changed(of, replace(of, agreements=agreements), [event])


def record_insurance(
    partner: Partner | None, command: RecordLiabilityInsurance, now: datetime
) -> Decision[Partner | None]:
    """A liability insurance was shown. From its first day on it replaces the one known before."""
    of = known(partner)
    today = day_of(now)
    if command.valid_until < command.valid_from:
        raise Rejected("ends-before-begins", "The insurance would end before it begins.", "valid_until")
    if command.valid_until < today:
        raise Rejected(
            "insurance-expired", f"This insurance ended on {command.valid_until:%d.%m.%Y}.", "valid_until"
        )
    if command.valid_from > today + INSURANCE_AHEAD:
        raise Rejected("begins-too-late", "This insurance begins more than a year from now.", "valid_from")
    shown = Policy(
        command.insurer, command.policy_number, command.sum_insured, command.valid_from, command.valid_until
    )
    if shown in of.policies:
        return unchanged(of)
    event = happened.LiabilityInsuranceRecorded(
        partner_id=of.partner_id,
        sum_insured=shown.sum_insured,
        valid_from=shown.valid_from,
        valid_until=shown.valid_until,
    )
    policies, expired = settled(joined(of.policies, shown), of.partner_id, now)
    return changed(of, replace(of, policies=policies), [*expired, event])


def insurance_ends(partner: Partner | None, now: datetime) -> Decision[Partner | None]:
    """The clock of the insurance: who has no other one from the next day on is told to be without."""
    of = known(partner)
    policies, expired = settled(of.policies, of.partner_id, now)
    return changed(of, replace(of, policies=policies), expired)


def record_certification(
    partner: Partner | None, command: RecordCertification, now: datetime
) -> Decision[Partner | None]:
    """A certificate was shown; it replaces an older one for the same product line."""
    of = known(partner)
    shown = command.certification
    if shown.valid_until < day_of(now):
        raise Rejected(
            "certification-expired",
            f"This certificate ended on {shown.valid_until:%d.%m.%Y}.",
            "certification.valid_until",
        )
    held = certificates.with_recorded(of.certificates, shown)
    if len(held) > certificates.MOST:
        raise Rejected(
            "too-many-certifications", f"At most {certificates.MOST} certificates are kept.", "certification"
        )
    event = happened.CertificationRecorded(partner_id=of.partner_id, certification=shown)
    return changed(of, replace(of, certificates=held), [event])


def withdraw_certification(
    partner: Partner | None, command: WithdrawCertification
) -> Decision[Partner | None]:
    """A manufacturer took a certificate back. One that is not held is not missed."""
    of = known(partner)
    held = certificates.without_line(of.certificates, (command.manufacturer, command.product_line))
    event = happened.CertificationWithdrawn(
        partner_id=of.partner_id, manufacturer=command.manufacturer, product_line=command.product_line
    )
    return changed(of, replace(of, certificates=held), [event])


def suspend(partner: Partner | None, command: SuspendPartner) -> Decision[Partner | None]:
    """He neither posts nor takes jobs. Suspended again, the reason is renewed and nobody is told twice."""
    of = known(partner)
    told = of.suspended_for is None
    events = [happened.PartnerSuspended(partner_id=of.partner_id, reason=SUSPENDED_BY)] if told else []
    return changed(of, replace(of, suspended_for=command.reason), events)


def reinstate(partner: Partner | None, command: ReinstatePartner) -> Decision[Partner | None]:
    """The suspension ends."""
    of = known(partner)
    event = happened.PartnerReinstated(partner_id=command.partner_id)
    return changed(of, replace(of, suspended_for=None), [event])


def _share_a_day(agreement: Agreement, first: date, last: date | None) -> bool:
    starts_in_time = last is None or agreement.valid_from <= last
    return starts_in_time and (agreement.valid_until is None or first <= agreement.valid_until)


def _from_to(agreement: Agreement) -> str:
    until = f"to {agreement.valid_until:%d.%m.%Y}" if agreement.valid_until else "on"
    return f"{agreement.valid_from:%d.%m.%Y} {until}"
