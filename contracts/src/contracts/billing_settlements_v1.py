"""billing.settlements.v1: the state of a settlement, no amounts."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from contracts.ids import JobId, PartnerId
from contracts.messages import Event, OpenEnum
from contracts.topics import Topic
from contracts.values import JobNumber
from contracts.wire import Time


class Hold(OpenEnum):
    """What a settlement waits for."""

    missing_rate_card = "missing_rate_card"
    missing_partner = "missing_partner"
    missing_self_billing_agreement = "missing_self_billing_agreement"
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


class SettlementHeld(SettlementEvent):
    """Something is missing; neither document was made."""

    TYPE: ClassVar[str] = "billing.SettlementHeld.v1"

    hold: Hold
    since: Time


TOPIC = Topic(
    name="billing.settlements.v1",
    owner="billing",
    readers=("job-exchange", "matching", "partner-registry", "gateway"),
    key="job id",
    cleanup="delete",
    retention=timedelta(days=90),
    data_class="blind",
    messages=(JobSettled, SettlementHeld),
    versioned=True,
)
