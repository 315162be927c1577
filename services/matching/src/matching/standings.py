"""What all partners have done so far, in memory, fed from matching's own standings topic."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from contracts.matching_standings_v1 import Standing
from matching.domain.standing import NEWCOMER, Sums


class Standings:
    """One per process. Idempotent by version."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[int, Sums]] = {}
        self._heard: Callable[[UUID, Sums], None] | None = None

    def listen(self, heard: Callable[[UUID, Sums], None]) -> None:
        """Who wants to know of every change, and of all that is known so far."""
        self._heard = heard
        for partner_id, (_, sums) in self._known.items():
            heard(partner_id, sums)

    def put(self, _: str, version: int, message: Standing) -> None:
        """A partner's newest sums; what is older than known is passed over."""
        known = self._known.get(message.partner_id)
        if known is None or known[0] < version:
            sums = Sums(*(getattr(message, name) for name in Sums._fields))
            self._known[message.partner_id] = (version, sums)
            self._tell(message.partner_id, sums)

    def remove(self, subject: str) -> None:
        """The partner is gone."""
        self._known.pop(UUID(subject), None)
        self._tell(UUID(subject), NEWCOMER)

    def _tell(self, partner_id: UUID, sums: Sums) -> None:
        if self._heard is not None:
            self._heard(partner_id, sums)

    def of(self, partner_id: UUID) -> Sums:
        """Who is not known here has done nothing yet."""
        known = self._known.get(partner_id)
        return NEWCOMER if known is None else known[1]
