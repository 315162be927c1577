"""A partner changed: remember him, and let the jobs that hang on him look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.decisions import Decision, Wake
from matching.domain.model import Contractor, Engagement, Phase

SETTLED = timedelta(seconds=60)
"""Longer than any transaction may last: an offer made on his former version has committed by then."""


def remember(
    state: Contractor | None, partner: Contractor, engagements: Sequence[Engagement], now: datetime
) -> Decision[Contractor]:
    """Take over the newest version. Only what the gate asks can make a job lapse."""
    if state is not None and state.version >= partner.version:
        return Decision(state)
    if state is None or replace(state, version=partner.version) == partner:
        return Decision(partner)
    client_changed = (state.excluded, state.group) != (partner.excluded, partner.group)
    wakes = _wakes(engagements, as_client=client_changed)
    return Decision(partner, wakes=wakes, timers={"look-again": now + SETTLED})


def look_again(state: Contractor, engagements: Sequence[Engagement]) -> Decision[Contractor]:
    """Timer: jobs that were offered while the change was on its way."""
    return Decision(state, wakes=_wakes(engagements, as_client=True))


def _wakes(engagements: Sequence[Engagement], *, as_client: bool) -> list[Wake]:
    return [
        Wake("assignment", str(engagement.job_id), "recheck")
        for engagement in engagements
        if (as_client or not engagement.as_client) and engagement.phase in (Phase.OFFERED, Phase.ASSIGNED)
    ]
