"""partner-registry.notifications.v1: what was sent to whom, for gateways."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from contracts.ids import JobId, NotificationId, PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.values import JobNumber, Language, Name, NoticeKind
from contracts.wire import text


class NotificationSent(Event):
    """A partner was told something about a job: number and link, never the end customer."""

    TYPE: ClassVar[str] = "partner-registry.NotificationSent.v1"
    SUBJECT: ClassVar[str] = "partner_id"

    partner_id: PartnerId
    notification_id: NotificationId
    notice: NoticeKind
    job_id: JobId
    job_number: JobNumber
    link: Annotated[str, text(300, r"^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/?&=%#-]*)?$")]
    language: Language
    subject_line: Name
    channel: Literal["email"]


TOPIC = Topic(
    name="partner-registry.notifications.v1",
    owner="partner-registry",
    readers=("gateway",),
    key="partner id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="operational",
    messages=(NotificationSent,),
)
