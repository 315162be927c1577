"""What all partners have done so far, in memory, fed from matching's own standings topic."""

from __future__ import annotations

from uuid import UUID

from contracts.matching_standings_v1 import Standing
from matching.domain.standing import NEWCOMER, Sums


class Standings:
    """One per process. Idempotent by version."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[int, Sums]] = {}

    def put(self, _: str, version: int, message: Standing) -> None:
        """A partner's newest sums; what is older than known is passed over."""
        known = self._known.get(message.partner_id)
        if known is None or known[0] < version:
            self._known[message.partner_id] = (
                version,
                Sums(*(getattr(message, name) for name in Sums._fields)),
            )

    def remove(self, subject: str) -> None:
        """The partner is gone."""
        self._known.pop(UUID(subject), None)

    def of(self, partner_id: UUID) -> Sums:
        """Who is not known here has done nothing yet."""
        known = self._known.get(partner_id)
        return NEWCOMER if known is None else known[1]
