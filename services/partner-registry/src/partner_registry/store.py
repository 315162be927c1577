"""Rows in and out: one table for each kind of state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from chassis.rows import TableRows
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.messages import Value
from contracts.partner_registry_partners_v1 import Agreement, Availability, BillingFacts
from contracts.values import Address, Certification, Jwk, Money
from partner_registry import tables
from partner_registry.domain.correspondence import Correspondence
from partner_registry.domain.insurance import Policy
from partner_registry.domain.master import Customer
from partner_registry.domain.partner import Partner

V = TypeVar("V", bound=Value)


def _text(value: Value | None) -> str | None:
    return None if value is None else value.model_dump_json()


def _texts(values: Iterable[Value]) -> str:
    return f"[{','.join(value.model_dump_json() for value in values)}]"


def _value(kind: type[V], stored: object) -> V:
    """A value out of JSONB, read as JSON, since that is the form in which its fields are checked."""
    return kind.model_validate_json(json.dumps(stored))


def _policy(stored: Mapping[str, str]) -> Policy:
    return Policy(
        insurer=stored["insurer"],
        policy_number=stored["policy_number"],
        sum_insured=_value(Money, stored["sum_insured"]),
        valid_from=date.fromisoformat(stored["valid_from"]),
        valid_until=date.fromisoformat(stored["valid_until"]),
    )


def _policies(policies: Iterable[Policy]) -> str:
    return json.dumps(
        [
            {
                "insurer": policy.insurer,
                "policy_number": policy.policy_number,
                "sum_insured": policy.sum_insured.model_dump(mode="json"),
                "valid_from": policy.valid_from.isoformat(),
                "valid_until": policy.valid_until.isoformat(),
            }
            for policy in policies
        ]
    )


def _read_partner(row: Any) -> Partner:
    master = PartnerMasterData(
        customer_number=row.customer_number,
        name=row.name,
        address=_value(Address, row.address),
        email=row.email,
        language=row.language,
        customer_status=row.customer_status,
        group=row.customer_group,
        vat_id=row.vat_id,
        tax_number=row.tax_number,
        certifications=[_value(Certification, said) for said in row.certifications_said],
    )
    return Partner(
        partner_id=row.partner_id,
        master=master,
        certificates=tuple(_value(Certification, held) for held in row.certifications_held),
        agreements=tuple(_value(Agreement, agreement) for agreement in row.agreements),
        policies=tuple(_policy(policy) for policy in row.policies),
        availability=_value(Availability, row.availability) if row.availability else None,
        suspended_for=row.suspended_for,
        excluded=tuple(UUID(other) for other in row.excluded_partner_ids),
        sealing_key=_value(Jwk, row.sealing_key) if row.sealing_key else None,
        billing=_value(BillingFacts, row.billing) if row.billing else None,
    )


def _write_partner(partner: Partner) -> Sequence[Any]:
    master = partner.master
    return (
        partner.partner_id,
        master.customer_number,
        master.name,
        _text(master.address),
        master.email,
        master.language,
        master.customer_status.value,
        master.group,
        master.vat_id,
        master.tax_number,
        _texts(master.certifications),
        _texts(partner.certificates),
        _texts(partner.agreements),
        _policies(partner.policies),
        _text(partner.availability),
        partner.suspended_for,
        json.dumps([str(other) for other in partner.excluded]),
        _text(partner.sealing_key),
        _text(partner.billing),
    )


PARTNERS = TableRows("partner", tables.partners, read=_read_partner, write=_write_partner, memo=1000)

CUSTOMERS = TableRows(
    "customer",
    tables.customers,
    read=lambda row: Customer(row.customer_number, row.partner_id, _value(PartnerMasterData, row.record)),
    write=lambda customer: (customer.customer_number, customer.partner_id, _text(customer.record)),
)

CORRESPONDENCE = TableRows(
    "correspondence",
    tables.correspondence,
    read=lambda row: Correspondence(
        row.job_id, row.job_number, row.client_id, row.contractor_id, settled=row.settled
    ),
    write=lambda job: (job.job_id, job.job_number, job.client_id, job.contractor_id, job.settled),
)
