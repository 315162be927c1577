"""Sealed fields: a compact JWE to one reader's key, bound to the job it belongs to.

ECDH-ES with A256GCM, on P-256 or X25519; the job's id is in the protected header (`job`), so a ciphertext that is
copied onto another job does not open there. Nothing else is accepted: no other algorithm, no compression.
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

LARGEST_PLAINTEXT = 8_192
LARGEST_SEALED = 20_000
ALGORITHMS = ["ECDH-ES", "A256GCM"]
_registry = jwe.JWERegistry(
    header_registry={"job": HeaderParameter("the job this belongs to", "str", required=True)}, algorithms=ALGORITHMS
)


class SealError(Exception):
    """It cannot be sealed or opened; the text says why and quotes nothing."""


def seal(plaintext: bytes, to: Mapping[str, Any], job_id: UUID) -> str:
    """Seal for the holder of the private key to the public JWK `to`. Raises SealError."""
    if len(plaintext) > LARGEST_PLAINTEXT:
        raise SealError(f"more than {LARGEST_PLAINTEXT} bytes")
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "job": str(job_id)} | ({"kid": to["kid"]} if to.get("kid") else {})
    try:
        return jwe.encrypt_compact(header, plaintext, _key(_text(to)), registry=_registry)
    except (JoseError, ValueError, KeyError) as error:
        raise SealError("the key cannot be used") from error


def unseal(sealed: str, key: Mapping[str, Any], job_id: UUID) -> bytes:
    """Open what was sealed for this job to the private JWK `key`. Raises SealError."""
    if len(sealed) > LARGEST_SEALED:
        raise SealError("too long")
    try:
        opened = jwe.decrypt_compact(sealed, _key(_text(key)), registry=_registry)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise SealError("it does not open with this key") from error
    if opened.protected.get("job") != str(job_id):
        raise SealError("it was sealed for another job")
    if opened.plaintext is None:
        raise SealError("there is nothing in it")
    return opened.plaintext


def new_key(kid: str, curve: Literal["X25519", "P-256"] = "X25519") -> dict[str, Any]:
    """A new private JWK; `public` gives the part to hand out."""
    parameters: Any = {"use": "enc", "kid": kid}
    made = OKPKey.generate_key("X25519", parameters) if curve == "X25519" else ECKey.generate_key("P-256", parameters)
    return dict(made.as_dict(private=True))


def public(key: Mapping[str, Any]) -> dict[str, Any]:
    """The public part of a JWK."""
    return {name: value for name, value in key.items() if name in ("kty", "crv", "x", "y", "kid", "use")}


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in key.items() if value is not None}, sort_keys=True)


@lru_cache(maxsize=2048)
def _key(jwk: str) -> ECKey | OKPKey:
    data = json.loads(jwk)
    return ECKey.import_key(data) if data["kty"] == "EC" else OKPKey.import_key(data)
