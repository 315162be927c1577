"""matching.standings.v1: what a partner's work so far counts in the ranking; the newest state of each."""

from __future__ import annotations

from typing import Annotated, ClassVar

from contracts.ids import PartnerId
from contracts.messages import Event
from contracts.topics import Topic
from contracts.wire import whole

Total = Annotated[int, whole(0, 2_147_483_647)]


class Standing(Event):
    """Sums since the beginning. The policy says how they become terms of the ranking."""

    TYPE: ClassVar[str] = "matching.Standing.v1"
    SUBJECT: ClassVar[str] = "partner_id"

    partner_id: PartnerId
    asked: Total
    """Offers that he answered or let pass, and assignments that he lost."""
    kept: Total
    """Offers that he accepted."""
    ratings: Total
    stars: Total
    """Sum over the ratings, 1 to 5 each."""
    given_minutes: Total
    """Work of others on completed jobs that he posted."""
    taken_minutes: Total
    """His work on completed jobs of others."""


TOPIC = Topic(
    name="matching.standings.v1",
    owner="matching",
    readers=("matching", "gateway"),
    key="partner id",
    cleanup="compact",
    retention=None,
    data_class="operational",
    messages=(Standing,),
    versioned=True,
)
