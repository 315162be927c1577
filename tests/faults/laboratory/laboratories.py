"""Which system a fault is tried on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from laboratory.laboratory import Laboratory


class Laboratories:
    """One laboratory at a time; a new one for a new seed, and when the one before was spoiled by a violation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._life = AsyncExitStack()
        self._current: Laboratory | None = None

    async def of(self, seed: int) -> Laboratory:
        """The system that goes through this seed's faults."""
        current = self._current
        if current is None or current.spoiled or current.seed != seed:
            await self.close()
            self._number += 1
            laboratory = Laboratory(self._folder / f"{self._number}-{seed}", seed)
            current = self._current = await self._life.enter_async_context(laboratory)
        return current

    async def close(self) -> None:
        """Stop what runs."""
        self._current = None
        await self._life.aclose()
