"""What documents and taxes need of a partner: how he is named and paid, and his dated tax facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from chassis.decisions import Decision, Rejected
from contracts.partner_registry_commands_v1 import (
    DeclareSmallBusiness,
    RecordTaxCertificate,
    SetBillingDetails,
    TaxCertificateKind,
)
from contracts.partner_registry_partners_v1 import BillingFacts
from contracts.values import TaxCertificate, Term
from partner_registry.domain.partner import Partner, changed, known

MOST_KEPT = 50
ONE_DAY = timedelta(days=1)
NOTHING_SAID = BillingFacts()


def set_details(partner: Partner | None, command: SetBillingDetails) -> Decision[Partner | None]:
    """How he is named and reached on documents, and where he is paid; whole. Tax facts stay."""
    of = known(partner)
    said = {name: getattr(command, name) for name in SetBillingDetails.model_fields if name != "partner_id"}
    return changed(of, replace(of, billing=(of.billing or NOTHING_SAID).model_copy(update=said)))


def declare_small_business(
    partner: Partner | None, command: DeclareSmallBusiness
) -> Decision[Partner | None]:
    """His own word, from a day on (§ 19 UStG). What was before that day stays as it was: old jobs are taxed by it."""
    of = known(partner)
    facts = of.billing or NOTHING_SAID
    day = command.from_day
    before = [_until(term, day - ONE_DAY) for term in facts.small_business if term.valid_from < day]
    terms = [*before, Term(valid_from=day)] if command.small_business else before
    _few_enough(len(terms))
    return changed(of, replace(of, billing=facts.model_copy(update={"small_business": terms})))


def record_certificate(partner: Partner | None, command: RecordTaxCertificate) -> Decision[Partner | None]:
    """A certificate was shown; one of the same number is replaced, others stay for the days they held."""
    of = known(partner)
    shown = command.certificate
    if command.kind is TaxCertificateKind.unknown:
        raise Rejected("unknown-value", "This kind of certificate is not known here.", "kind")
    if shown.valid_until < shown.valid_from:
        raise Rejected(
            "ends-before-begins", "The certificate would end before it begins.", "certificate.valid_until"
        )
    facts = of.billing or NOTHING_SAID
    field = _FIELDS[command.kind]
    held: list[TaxCertificate] = getattr(facts, field)
    kept = [*(one for one in held if one.number != shown.number), shown]
    _few_enough(len(kept))
    kept.sort(key=lambda one: (one.valid_from, one.number))
    return changed(of, replace(of, billing=facts.model_copy(update={field: kept})))


_FIELDS = {
    TaxCertificateKind.building_work: "building_work_certificates",
    TaxCertificateKind.building_tax_exemption: "building_tax_exemptions",
}


def _until(term: Term, last: date) -> Term:
    ends = last if term.valid_until is None else min(term.valid_until, last)
    return Term(valid_from=term.valid_from, valid_until=ends)


def _few_enough(number: int) -> None:
    if number > MOST_KEPT:
        raise Rejected("too-many", f"At most {MOST_KEPT} are kept.")
