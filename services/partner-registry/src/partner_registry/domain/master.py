"""Where partners come from: a registration, or the CRM. Both lead to one partner for each customer number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from chassis.decisions import Changed, Decision, Rejected
from contracts import partner_registry_events_v1 as happened
from contracts.crm_partners_v1 import PartnerMasterData
from contracts.partner_registry_commands_v1 import ApplyCrmRecord, RegisterPartner
from contracts.values import Certification, CustomerStatus
from partner_registry.domain import certificates
from partner_registry.domain.certificates import Certificates, Line, line_of
from partner_registry.domain.partner import Partner, changed, master_data


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer number and whose it is. Once given, the partner id stays.

    record: what was said of him last, so that a tombstone, which says nothing, can be told whole.
    """

    customer_number: str
    partner_id: UUID
    record: PartnerMasterData


def register(
    partner: Partner | None, command: RegisterPartner, customer: Customer | None, customers: str
) -> Decision[Partner | None]:
    """A dealer joins. His customer number is his for good, so that a later CRM record finds him.

    customers: the name of the rows in which customer numbers are given away; `customer` is given locked.
    """
    if command.customer_status is CustomerStatus.unknown:
        raise Rejected("unknown-value", "This customer status is not known here.", "customer_status")
    if partner is not None:
        raise Rejected("partner-known", "A partner with this id is registered already.", "partner_id")
    if customer is not None:
        raise Rejected(
            "customer-known",
            f"Customer number {customer.customer_number} is known already, as partner {customer.partner_id}.",
            "customer_number",
        )
    master = master_data(command)
    held = certificates.in_order(master.certifications)
    decision = _joined(Partner(command.partner_id, master, held))
    owner = Customer(command.customer_number, command.partner_id, master)
    return replace(decision, also=[Changed(customers, command.customer_number, owner)])


def apply(partner: Partner | None, command: ApplyCrmRecord) -> Decision[Partner | None]:
    """What the CRM says replaces the master data; certificates by product line, see `certificates.merged`."""
    record = master_data(command.record)
    if partner is None:
        return _joined(Partner(command.partner_id, record, certificates.in_order(record.certifications)))
    if record.customer_number != partner.master.customer_number:
        raise Rejected("other-customer", "This record is about another customer.", "record.customer_number")
    held = certificates.merged(partner.certificates, partner.master.certifications, record.certifications)
    events: list[object] = []
    if record.customer_status is not partner.master.customer_status:
        events.append(
            happened.CustomerStatusChanged(partner_id=partner.partner_id, status=record.customer_status)
        )
    events.extend(_told(partner.partner_id, partner.certificates, held))
    return changed(partner, replace(partner, master=record, certificates=held), events)


def heard(
    customer: Customer | None, record: PartnerMasterData, new_partner_id: UUID
) -> Decision[Customer | None]:
    """A CRM record: said to the partner who has this customer number, or to a new one.

    It is said again even when nothing is new: the partner compares, and a full export heals what was lost.
    """
    master = master_data(record)
    partner_id = customer.partner_id if customer else new_partner_id
    said = Customer(record.customer_number, partner_id, master)
    state = customer if said == customer else said
    return Decision(state, [ApplyCrmRecord(partner_id=partner_id, record=master)])


def forgotten(customer: Customer | None) -> Decision[Customer | None]:
    """A tombstone: he is no customer any more. Of somebody never heard of there is nothing to say."""
    if customer is None:
        return Decision(customer)
    ended = master_data(customer.record).model_copy(update={"customer_status": CustomerStatus.ended})
    return heard(customer, ended, customer.partner_id)


def _joined(partner: Partner) -> Decision[Partner | None]:
    events: list[object] = [happened.PartnerRegistered(partner_id=partner.partner_id)]
    return changed(None, partner, [*events, *_told(partner.partner_id, (), partner.certificates)])


def _told(partner_id: UUID, before: Certificates, after: Certificates) -> list[object]:
    """What happened between two states of the certificates; a withdrawal is told by product line."""
    left = {line_of(c) for c in after}
    gone: list[Line] = sorted({line_of(c) for c in before} - left)
    known = {_content(c) for c in before}
    withdrawn = [
        happened.CertificationWithdrawn(
            partner_id=partner_id, manufacturer=manufacturer, product_line=product_line
        )
        for manufacturer, product_line in gone
    ]
    recorded = [
        happened.CertificationRecorded(partner_id=partner_id, certification=c)
        for c in after
        if _content(c) not in known
    ]
    return [*withdrawn, *recorded]


def _content(certificate: Certification) -> tuple[object, ...]:
    return (*line_of(certificate), certificate.level, certificate.valid_until)
