"""<service>.replies.v1: the answer to each command, keyed by the command's id."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import MessageId
from contracts.messages import Event, Message, Value
from contracts.topics import Topic
from contracts.values import Code, JobNumber, Leg, Money, Quantity, ZonePrice
from contracts.wire import text


class Reply(Event):
    """An answer. Its own subject is the command; what the command was about stands in the field `subject`."""

    SUBJECT: ClassVar[str] = "command_id"

    command_id: MessageId
    """The ce_id of the command."""
    about: Annotated[str, text(200)] = Field(alias="subject")
    """The ce_subject of the command."""


class Accepted(Reply):
    """It is done."""


class Rejected(Reply):
    """It is well-formed but not allowed; nothing has changed."""

    code: Code
    """A fixed word for programs."""
    message: Annotated[str, text(500)]
    """A sentence for a person."""
    field: Annotated[str, text(100, r"^[a-z_][a-z0-9_.]{0,99}$")] | None = None
    """Which field is at fault, if one is."""


class PartnerRegistryAccepted(Accepted):
    """It is done."""

    TYPE: ClassVar[str] = "partner-registry.CommandAccepted.v1"


class PartnerRegistryRejected(Rejected):
    """It is not allowed."""

    TYPE: ClassVar[str] = "partner-registry.CommandRejected.v1"


class JobExchangeAccepted(Accepted):
    """It is done; who posted a job learns its number and his price by zone."""

    TYPE: ClassVar[str] = "job-exchange.CommandAccepted.v1"

    job_number: JobNumber | None = None
    price_by_zone: Annotated[list[ZonePrice], Field(max_length=6)] | None = None


class JobExchangeRejected(Rejected):
    """It is not allowed."""

    TYPE: ClassVar[str] = "job-exchange.CommandRejected.v1"


class MatchingAccepted(Accepted):
    """It is done."""

    TYPE: ClassVar[str] = "matching.CommandAccepted.v1"


class MatchingRejected(Rejected):
    """It is not allowed."""

    TYPE: ClassVar[str] = "matching.CommandRejected.v1"


class EstimateLine(Value):
    """One part of an estimate, net. code: work, travel, surcharge-night …"""

    code: Code
    quantity: Quantity
    unit_price: Money
    net: Money


class Estimate(Value):
    """What a job would cost or earn, net."""

    side: Leg
    lines: Annotated[list[EstimateLine], Field(max_length=50)]
    net: Money


class BillingAccepted(Accepted):
    """It is done; who asked for an estimate has it here."""

    TYPE: ClassVar[str] = "billing.CommandAccepted.v1"

    estimate: Estimate | None = None


class BillingRejected(Rejected):
    """It is not allowed."""

    TYPE: ClassVar[str] = "billing.CommandRejected.v1"


def _replies(name: str, owner: str, messages: tuple[type[Message], ...]) -> Topic:
    return Topic(
        name=name,
        owner=owner,
        readers=("gateway",),
        key="command id",
        cleanup="delete",
        retention=timedelta(days=7),
        data_class="operational",
        messages=messages,
    )


TOPICS = (
    _replies(
        "partner-registry.replies.v1", "partner-registry", (PartnerRegistryAccepted, PartnerRegistryRejected)
    ),
    _replies("job-exchange.replies.v1", "job-exchange", (JobExchangeAccepted, JobExchangeRejected)),
    _replies("matching.replies.v1", "matching", (MatchingAccepted, MatchingRejected)),
    _replies("billing.replies.v1", "billing", (BillingAccepted, BillingRejected)),
)
