"""Other services' messages in this service's own words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from billing.domain.partners import Contact, Partner, Party, Period, payable_to, well_formed
from billing.domain.settlements import berlin_day
from billing.domain.work import CompletedWork, Occasion
from contracts.job_exchange_jobs_v1 import DoneWork, JobCancelled
from contracts.partner_registry_partners_v1 import BillingFacts
from contracts.partner_registry_partners_v1 import Partner as PartnerPublished
from contracts.values import AgreementKind

_NOTHING_SAID = BillingFacts()


def completed_work(event: DoneWork) -> CompletedWork:
    """The approved statement. What approved itself brings the limit along that it had to keep."""
    statement = event.statement
    return CompletedWork(
        job_id=event.job_id,
        job_number=event.job_number,
        client_id=event.client_id,
        contractor_id=event.contractor_id,
        postcode=event.postcode,
        kind_of_work=event.kind_of_work,
        certifications=tuple(event.required_certifications),
        statement_version=statement.version,
        hours=statement.hours,
        performed_from=statement.performed_from,
        performed_to=statement.performed_to,
        travel_zone=event.travel_zone,
        rate_card_id=event.rate_card_id,
        rate_card_version=event.rate_card_version,
        own_reference=event.own_reference,
        occasion=Occasion.nobody_there if statement.nobody_there else Occasion.done,
        response_time=event.response_time,
        worked=tuple(statement.worked),
        approved_up_to=event.approves_itself_up_to_hours if event.approved_by == "limits" else None,
        rework_of=event.rework_of,
    )


def cancelled_work(event: JobCancelled) -> CompletedWork | None:
    """A job that somebody had and lost; None when there is nothing that a fee could be reckoned by."""
    basis, at = event.fee_basis, event.cancelled_at
    if event.contractor_id is None or basis is None or at is None:
        return None
    notice = max(Decimal(0), Decimal((basis.window_starts_at - at).total_seconds()) / 3600)
    day = berlin_day(at)
    return CompletedWork(
        job_id=event.job_id,
        job_number=event.job_number,
        client_id=event.client_id,
        contractor_id=event.contractor_id,
        postcode=basis.postcode,
        kind_of_work=basis.kind_of_work,
        certifications=(),
        statement_version=1,
        hours=Decimal("0.00"),
        performed_from=day,
        performed_to=day,
        travel_zone=basis.travel_zone,
        rate_card_id=basis.rate_card_id,
        rate_card_version=basis.rate_card_version,
        own_reference=basis.own_reference,
        occasion=Occasion.cancelled,
        hours_of_notice=notice.quantize(Decimal("0.01")),
    )


def partner_from(event: PartnerPublished) -> Partner:
    """What documents and taxes need of a partner. A VAT id without its country's form counts as none."""
    said = event.billing or _NOTHING_SAID
    address = said.company_address or event.address
    vat_id = well_formed(event.vat_id, address.country)
    contact = None
    if said.phone is not None and said.invoice_email is not None:
        contact = Contact(event.name, said.phone, said.invoice_email)
    return Partner(
        partner_id=event.partner_id,
        party=Party(
            name=event.name,
            address=address,
            vat_id=vat_id,
            tax_number=event.tax_number,
            customer_number=event.customer_number,
            registration=said.registration,
            electronic_address=_electronic_address(said.invoice_email, vat_id),
            contact=contact,
        ),
        language=event.language,
        self_billing=_periods(
            one
            for one in event.agreements
            if one.kind is AgreementKind.contractor and one.self_billing_agreed
        ),
        client=_periods(one for one in event.agreements if one.kind is AgreementKind.client),
        contractor=_periods(one for one in event.agreements if one.kind is AgreementKind.contractor),
        small_business=_periods(said.small_business),
        building_certificates=_periods(said.building_work_certificates),
        building_tax_exemptions=_periods(said.building_tax_exemptions),
        iban=payable_to(said.iban),
        leitweg_id=said.leitweg_id,
    )


def _electronic_address(email: str | None, vat_id: str | None) -> tuple[str, str] | None:
    """A mailbox (EAS code EM), else the German VAT id (EAS code 9930)."""
    if email is not None:
        return "EM", email
    return ("9930", vat_id) if vat_id is not None and vat_id.startswith("DE") else None


def _periods(said: Iterable[Any]) -> tuple[Period, ...]:
    return tuple(Period(one.valid_from, one.valid_until) for one in said)
