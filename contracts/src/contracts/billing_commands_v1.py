"""billing.commands.v1: requests about a rate card or a settlement."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ids import JobId, RateCardId
from contracts.messages import Command
from contracts.topics import Topic
from contracts.values import Remark, Version, WorkPrice, ZoneTravel
from contracts.wire import Day


class PublishRateCard(Command):
    """The next version of a rate card. The distributor only."""

    TYPE: ClassVar[str] = "billing.PublishRateCard.v1"
    SUBJECT: ClassVar[str] = "rate_card_id"

    rate_card_id: RateCardId
    version: Version
    valid_from: Day
    prices: Annotated[list[WorkPrice], Field(min_length=1, max_length=20)]
    zones: Annotated[list[ZoneTravel], Field(min_length=1, max_length=6)]


class ResolveHold(Command):
    """What kept a settlement from being made is put right: try again. The distributor only."""

    TYPE: ClassVar[str] = "billing.ResolveHold.v1"
    SUBJECT: ClassVar[str] = "job_id"

    job_id: JobId
    note: Remark


TOPIC = Topic(
    name="billing.commands.v1",
    owner="billing",
    readers=("billing",),
    key="subject id: rate card id or job id",
    cleanup="delete",
    retention=timedelta(days=7),
    data_class="money",
    messages=(PublishRateCard, ResolveHold),
)
