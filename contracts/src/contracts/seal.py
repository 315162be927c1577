"""Sealed fields: a compact JWE (RFC 7516) to one reader's key, bound to one job. Needs the extra `seal`.

ECDH-ES with A256GCM, on X25519 or P-256. The job's id stands in the protected header as `job`, so that a
ciphertext that is copied onto another job does not open there. No other algorithm, no compression.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.registry import HeaderParameter

from contracts.values import EndCustomer, Jwk

__all__ = ["EndCustomer", "SealError", "new_key", "public", "seal", "unseal"]

LARGEST_PLAINTEXT_BYTES = 12_000
LARGEST_SEALED = 20_000
ALGORITHMS = ("ECDH-ES", "A256GCM")
_PUBLIC = ("kty", "crv", "x", "y", "kid", "use")
_registry = jwe.JWERegistry(
    header_registry={"job": HeaderParameter("the job this belongs to", "str", required=True)},
    algorithms=ALGORITHMS,
)


class SealError(Exception):
    """It cannot be sealed or opened; the text says why and quotes nothing."""


def seal(plaintext: bytes, to: Jwk | Mapping[str, Any], context: UUID | str) -> str:
    """Seal to the public key `to`; `context` is the job's id. Raises SealError."""
    if len(plaintext) > LARGEST_PLAINTEXT_BYTES:
        raise SealError(f"more than {LARGEST_PLAINTEXT_BYTES} bytes")
    key = to.model_dump(exclude_none=True) if isinstance(to, Jwk) else to
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "job": str(context)}
    if key.get("kid"):
        header["kid"] = str(key["kid"])
    try:
        return jwe.encrypt_compact(header, plaintext, _import(key, _PUBLIC), registry=_registry)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise SealError("the key cannot be used") from error


def unseal(token: str, key: Mapping[str, Any], context: UUID | str) -> bytes:
    """Open what was sealed for this job to the private JWK `key`. Raises SealError."""
    if len(token) > LARGEST_SEALED:
        raise SealError("too long")
    try:
        opened = jwe.decrypt_compact(token, _import(key, (*_PUBLIC, "d")), registry=_registry)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SealError("it does not open with this key") from error
    if opened.protected.get("job") != str(context):
        raise SealError("it was sealed for another job")
    if opened.plaintext is None:
        raise SealError("there is nothing in it")
    return opened.plaintext


def new_key(kid: str, curve: Literal["X25519", "P-256"] = "X25519") -> dict[str, Any]:
    """A new private JWK; `public` gives the part to hand out."""
    parameters: Any = {"use": "enc", "kid": kid}
    made = (
        OKPKey.generate_key("X25519", parameters)
        if curve == "X25519"
        else ECKey.generate_key("P-256", parameters)
    )
    return dict(made.as_dict(private=True))


def public(key: Mapping[str, Any]) -> dict[str, Any]:
    """The public part of a JWK."""
    return {name: value for name, value in key.items() if name in _PUBLIC}


def _import(key: Mapping[str, Any], parts: tuple[str, ...]) -> ECKey | OKPKey:
    return _imported(json.dumps({name: key[name] for name in parts if key.get(name) is not None}))


@lru_cache(maxsize=2048)
def _imported(jwk: str) -> ECKey | OKPKey:
    """Importing costs more than sealing, and the keys are few."""
    data = json.loads(jwk)
    if data["kty"] == "EC" and data["crv"] == "P-256":
        return ECKey.import_key(data)
    if data["kty"] == "OKP" and data["crv"] == "X25519":
        return OKPKey.import_key(data)
    raise ValueError("neither P-256 nor X25519")
