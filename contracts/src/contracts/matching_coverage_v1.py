"""matching.coverage.v1: how much of Germany is in reach of a qualified partner: the network's own goal, measured."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.messages import Event, Value
from contracts.topics import Topic
from contracts.values import Count, Country, Manufacturer, ProductLine, ResponseTime, Share
from contracts.wire import Day, Time, whole

MOST_REACHES = 2_000


class Certified(Value):
    """A certification at this level or above."""

    manufacturer: Manufacturer
    product_line: ProductLine
    level: Annotated[int, whole(1, 5)]


class Reach(Value):
    """What partners reach who are certified so and keep this response time."""

    certification: Certified | None = None
    """None: whatever they are certified for."""
    response_time: ResponseTime
    postcodes: Count
    share: Share
    """Of all postcodes, rounded down."""


class Coverage(Event):
    """The network as it stands: who is qualified on this day, and the postcodes their own radii reach."""

    TYPE: ClassVar[str] = "matching.Coverage.v1"
    SUBJECT: ClassVar[str] = "country"

    country: Country
    day: Day
    measured_at: Time
    partners: Count
    """Who could be given some job on this day."""
    postcodes: Count
    """All there are."""
    reaches: Annotated[list[Reach], Field(max_length=MOST_REACHES)]


TOPIC = Topic(
    name="matching.coverage.v1",
    owner="matching",
    readers=("gateway",),
    key="country",
    cleanup="compact",
    retention=None,
    data_class="operational",
    messages=(Coverage,),
    versioned=True,
)
