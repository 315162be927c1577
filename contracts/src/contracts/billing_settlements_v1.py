"""billing.settlements.v1: the state of a settlement, no amounts."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from contracts.ids import JobId, PartnerId
from contracts.messages import Event, OpenEnum
from contracts.topics import Topic
from contracts.values import JobNumber, Version
from contracts.wire import Day, Flag, Time


class Hold(OpenEnum):
    """What a settlement waits for."""

    missing_rate_card = "missing_rate_card"
    missing_partner = "missing_partner"
    missing_self_billing_agreement = "missing_self_billing_agreement"
    """His agreement, or his own invoice."""
    missing_party_data = "missing_party_data"
    """What the law asks of an invoice: seat, VAT id or tax number."""
    work_not_classified = "work_not_classified"
    """Building work or not: a clerk says it once per kind of work."""
    fee_not_classified = "fee_not_classified"
    """Remuneration or damages: a clerk says it once per kind of fee."""
    tax_undecided = "tax_undecided"
    """The decision table has no row: a clerk decides this leg."""
    implausible_hours = "implausible_hours"
    over_cap = "over_cap"
    """It approved itself although it is over what was agreed."""
    times_unclear = "times_unclear"
    """The times worked do not add up to the hours approved."""
    state_unclear = "state_unclear"
    """The postcode lies in several states, and only some had a holiday."""
    rework_unclear = "rework_unclear"
    """The original is not known here, or somebody else had done it."""
    own_invoice_differs = "own_invoice_differs"
    objected = "objected"
    """The contractor objected to the self-billed invoice: his own one is waited for."""
    unknown = "unknown"


class SettlementEvent(Event):
    """Something about the settlement of one job."""

    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    job_number: JobNumber


class JobSettled(SettlementEvent):
    """Both documents are there."""

    TYPE: ClassVar[str] = "billing.JobSettled.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    settled_at: Time
    without_documents: Flag = False
    """Rework at no charge: there was nothing to bill."""


class SettlementHeld(SettlementEvent):
    """Something is missing; neither document was made."""

    TYPE: ClassVar[str] = "billing.SettlementHeld.v1"

    hold: Hold
    since: Time


class SettlementCorrected(SettlementEvent):
    """A corrected statement: what was issued is reversed, and new documents stand in its place."""

    TYPE: ClassVar[str] = "billing.SettlementCorrected.v1"

    client_id: PartnerId
    contractor_id: PartnerId
    statement_version: Version
    corrected_at: Time


class SettlementPaid(SettlementEvent):
    """The contractor has his money."""

    TYPE: ClassVar[str] = "billing.SettlementPaid.v1"

    contractor_id: PartnerId
    paid_on: Day


TOPIC = Topic(
    name="billing.settlements.v1",
    owner="billing",
    readers=("job-exchange", "matching", "partner-registry", "gateway"),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=90),
    data_class="blind",
    messages=(JobSettled, SettlementHeld, SettlementCorrected, SettlementPaid),
    versioned=True,
)
