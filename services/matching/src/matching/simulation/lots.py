"""Common random numbers: what somebody draws depends on who he is and what for, never on what happened before.

Two runs with the same seed and another policy so have the same jobs, the same illnesses, and the same answer of the
same partner to the same job; what differs between them is the policy's doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random


class Lots:
    """Draws by name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def stream(self, *what: object) -> Random:
        """A generator of its own for something that is drawn before the first decision."""
        return Random(self._digest(what))

    def share(self, *what: object) -> float:
        """A number from 0 up to 1."""
        return self._digest(what) / 2**64

    def _digest(self, what: Sequence[object]) -> int:
        name = repr((self._seed, *what)).encode()
        return int.from_bytes(blake2b(name, digest_size=8).digest())
