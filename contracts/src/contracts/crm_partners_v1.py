"""crm.partners.v1: what the distributor's CRM says about its customers. Written from outside."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.messages import Event, Value
from contracts.topics import Topic
from contracts.values import (
    Address,
    Certification,
    CustomerNumber,
    CustomerStatus,
    Email,
    Group,
    Language,
    Name,
    TaxNumber,
    VatId,
)


class PartnerMasterData(Value):
    """What the CRM knows of a dealer."""

    customer_number: CustomerNumber
    name: Name
    address: Address
    email: Email
    """Where notifications go."""
    language: Language
    customer_status: CustomerStatus
    group: Group | None = None
    """Dealers of one group do not get each other's jobs."""
    vat_id: VatId | None = None
    tax_number: TaxNumber | None = None
    certifications: Annotated[list[Certification], Field(max_length=200)]


class CrmPartner(PartnerMasterData, Event):
    """A customer of the distributor, whole, at each change. A tombstone: the CRM no longer knows him."""

    TYPE: ClassVar[str] = "crm.Partner.v1"
    SUBJECT: ClassVar[str] = "customer_number"


TOPIC = Topic(
    name="crm.partners.v1",
    owner="crm",
    readers=("partner-registry",),
    key="customer number",
    cleanup="compact",
    retention=None,
    data_class="personal",
    messages=(CrmPartner,),
    tombstones=True,
)
