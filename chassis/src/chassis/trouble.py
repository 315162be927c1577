"""How long a part that tries again has been failing: for `/health/ready`, where a stall must be seen."""

from __future__ import annotations

import time

from chassis.errors import said

TOLD_AFTER_SECONDS = 20.0
"""A deadlock or a broker's restart is over sooner; what lasts longer makes the service unready."""


class Trouble:
    """From the first failure until something went well."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._last = ""
        self._times = 0

    def failed(self, error: BaseException) -> None:
        """One more attempt was in vain."""
        self._since = self._since or time.monotonic()
        self._last = said(error)
        self._times += 1

    def over(self) -> None:
        """Something went well."""
        self._since, self._times = None, 0

    def told(self) -> str | None:
        """A sentence once it has lasted; None before, and when there is none."""
        if self._since is None:
            return None
        seconds = time.monotonic() - self._since
        if seconds < TOLD_AFTER_SECONDS:
            return None
        return f"failing for {seconds:.0f} s, {self._times} attempts, the last with {self._last}"
