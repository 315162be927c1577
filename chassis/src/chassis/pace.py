"""When a reader asks for its next batch: at rest at once, under load a moment later, so that batches grow."""

from __future__ import annotations

RESTS_FOR = 0.5
"""Of the time that the last batch took; docs/decisions/0080 has what others cost."""
LONGEST_REST_SECONDS = 0.1


class Pace:
    """Half as long as it has worked, it lets records gather; the more others want the processor, the longer that is.

    The cost of a batch is mostly its statements and its publication, whatever its size: many small batches would take
    the processor from everybody. With a backlog there is no rest. Times are monotonic, in seconds.
    """

    def __init__(self) -> None:
        self._rests_until = 0.0

    def worked(self, began: float, ended: float, *, more: bool) -> None:
        """A batch is through. `more`: there was more than it had room for."""
        rest = 0.0 if more else min(RESTS_FOR * (ended - began), LONGEST_REST_SECONDS)
        self._rests_until = ended + rest

    def rest(self, now: float) -> float:
        """How long from now on nothing is asked for; 0 at rest."""
        return max(0.0, self._rests_until - now)
