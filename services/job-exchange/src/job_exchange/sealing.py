"""The only place where an end customer is readable, for the moment between two seals.

Nothing read here is returned, kept, logged or put into an exception: callers get ciphertext or a yes or no.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contracts.seal import SealError, public, seal, unseal
from contracts.values import EndCustomer, Jwk
from job_exchange.domain.end_customers import SealedAnew, SealedEndCustomer


class Sealing:
    """Our private key, and the platform gateway's public key for contractors without one of their own."""

    def __init__(self, own: Mapping[str, Any], gateway: Jwk | None) -> None:
        self._own = own
        self._gateway = gateway

    def opens(self, ciphertext: str, job_id: UUID) -> bool:
        """Whether this was sealed to us for this job, and is an end customer."""
        try:
            EndCustomer.model_validate_json(unseal(ciphertext, self._own, job_id))
        except (SealError, ValidationError):
            return False
        return True

    def seal_anew(self, sealed: SealedEndCustomer, contractor_key: Jwk | None) -> SealedAnew | None:
        """For the contractor, or for the platform's gateway when he has no usable key. None: for neither.

        Raises SealError when our key no longer opens what it opened at posting: it is us who are ill then.
        """
        plaintext = unseal(sealed.ciphertext, self._own, sealed.job_id)
        for key in (contractor_key, self._gateway):
            if key is not None and (ciphertext := _sealed(plaintext, key, sealed.job_id)) is not None:
                return SealedAnew(key.kid, ciphertext)
        return None


def _sealed(plaintext: bytes, key: Jwk, job_id: UUID) -> str | None:
    """None when the key is well-formed but no point on its curve: as good as no key."""
    try:
        return seal(plaintext, key, job_id)
    except SealError:
        return None


def private_key(file: Path) -> Mapping[str, Any]:
    """The private JWK in this file, tried out. Raises ValueError, which quotes nothing of the file."""
    key = _json(file)
    try:
        token = seal(b"{}", public(key), "trial")
        unseal(token, key, "trial")
        Jwk.model_validate({name: public(key).get(name) for name in ("kty", "crv", "x", "y", "kid")})
    except (SealError, ValidationError):
        raise ValueError(
            f"{file} holds no private key; make one with `python -m contracts new-key`"
        ) from None
    return key


def public_key(file: Path) -> Jwk:
    """The public JWK in this file. Raises ValueError, which quotes nothing of the file."""
    key = _json(file)
    if "d" in key:
        raise ValueError(f"{file} holds a private key; give out and configure its public half only")
    try:
        jwk = Jwk.model_validate({name: key.get(name) for name in ("kty", "crv", "x", "y", "kid")})
        seal(b"{}", jwk, "trial")
    except (SealError, ValidationError):
        raise ValueError(f"{file} holds no public key (JWK, P-256 or X25519, with kid)") from None
    return jwk


def _json(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{file} is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} is not a JSON object")  # noqa: TRY004  # settings collect ValueErrors
    return found
