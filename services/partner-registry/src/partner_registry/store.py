"""Rows in and out: one table for each kind of state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from chassis.rows import TableRows
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.messages import Value
from contracts.partner_registry_partners_v1 import Agreement, Availability
from contracts.values import Address, Certification, Jwk, Money
from partner_registry import tables
from partner_registry.domain.correspondence import Correspondence
from partner_registry.domain.insurance import Policy
from partner_registry.domain.master import Customer
from partner_registry.domain.partner import Partner


def _text(value: Value | None) -> str | None:
    return None if value is None else value.model_dump_json()


def _texts(values: Iterable[Value]) -> str:
    return f"[{','.join(value.model_dump_json() for value in values)}]"


def _list(kind: type[Any], stored: str) -> list[Any]:
    """Values out of a JSON list; each is parsed as JSON, since that is the form its fields are checked in."""
    return [kind.model_validate_json(json.dumps(part)) for part in json.loads(stored)]


def _optional(kind: type[Any], stored: str | None) -> Any:
    return None if stored is None else kind.model_validate_json(stored)


def _policy(stored: dict[str, str]) -> Policy:
    return Policy(
        insurer=stored["insurer"],
        policy_number=stored["policy_number"],
        sum_insured=Money.model_validate_json(json.dumps(stored["sum_insured"])),
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
        address=Address.model_validate_json(row.address),
        email=row.email,
        language=row.language,
        customer_status=row.customer_status,
        group=row.customer_group,
        vat_id=row.vat_id,
        tax_number=row.tax_number,
        certifications=_list(Certification, row.certifications_said),
    )
    return Partner(
        partner_id=row.partner_id,
        master=master,
        certificates=tuple(_list(Certification, row.certifications_held)),
        agreements=tuple(_list(Agreement, row.agreements)),
        policies=tuple(_policy(stored) for stored in json.loads(row.policies)),
        availability=_optional(Availability, row.availability),
        suspended_for=row.suspended_for,
        excluded=tuple(UUID(stored) for stored in json.loads(row.excluded_partner_ids)),
        sealing_key=_optional(Jwk, row.sealing_key),
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
    )


PARTNERS = TableRows("partner", tables.partners, read=_read_partner, write=_write_partner)

CUSTOMERS = TableRows(
    "customer",
    tables.customers,
    read=lambda row: Customer(
        row.customer_number, row.partner_id, PartnerMasterData.model_validate_json(row.record)
    ),
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
