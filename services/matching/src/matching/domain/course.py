"""What one decision does, step by step, until it is a Decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.decisions import Changed, Decision, Wake
from matching.domain.model import Act, ActKind, Assignment, Round
from matching.domain.standing import Deed, DeedKind, wakes
from matching.domain.view import View

NO_TIMERS: Mapping[str, datetime | None] = {"offer-expires": None, "search": None, "award": None}


@dataclass(slots=True)
class Course:
    """Collected on the way: events, other rows, and what the job's record gets."""

    events: list[object] = field(default_factory=list)
    also: list[Changed] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    def did(self, partner_id: UUID, kind: DeedKind, state: Assignment, view: View, amount: int = 0) -> None:
        """A deed for somebody's standing."""
        self.deeds.append(Deed(partner_id, state.job.job_id, kind, view.now, amount))

    def acted(self, kind: ActKind, reason: str, view: View, contractor_id: UUID | None = None) -> None:
        """A dispatcher's act, with his reason."""
        self.acts.append(Act(kind, view.now, view.actor, reason, contractor_id))

    def end(
        self,
        state: Assignment,
        view: View,
        timers: Mapping[str, datetime | None] | None = None,
        also_wake: Sequence[Wake] = (),
    ) -> Decision[Assignment]:
        """The decision, with all that was collected."""
        job_id = state.job.job_id
        if self.rounds or self.acts or self.deeds:
            record = view.record(job_id).plus(self.rounds, self.acts, self.deeds)
            self.also.append(Changed("record", str(job_id), record))
        return Decision(
            state,
            self.events,
            timers=timers or {},
            wakes=[*also_wake, *wakes(self.deeds, view.now)],
            also=self.also,
        )
