"""The end customer, who exists here as ciphertext only. Nothing in this package can read him."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

ROWS = "sealed-end-customer"
"""The rows that hold the ciphertexts, apart from the jobs: no event can carry what its job does not have."""


@dataclass(frozen=True, slots=True)
class SealedEndCustomer:
    """The ciphertext as the client sent it, sealed to this service and bound to this job."""

    job_id: UUID
    ciphertext: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedAnew:
    """The same end customer, sealed to the key of the reader who is to have him; `kid` names that key."""

    kid: str
    ciphertext: str = field(repr=False)
