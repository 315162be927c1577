"""Who asks: a short-lived assertion, signed by an issuer the service trusts, bound to one message and its body."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey

ALGORITHMS = ["Ed25519", "ES256"]
LIVES = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(seconds=60)
LONGEST = 4_096

Kind = Literal["partner", "distributor", "service"]
_KINDS: tuple[Kind, ...] = ("partner", "distributor", "service")


class ActorError(Exception):
    """The assertion proves nothing; the text says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`partner:<uuid>`, `distributor:<name>` or `service:<name>`."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Actor:
        """From its text form. Raises ActorError."""
        head, _, name = text.partition(":")
        for kind in _KINDS:
            if head == kind and name and len(name) <= 100:
                if kind == "partner":
                    return cls(kind, _canonical(name))
                return cls(kind, name)
        raise ActorError("not of the form partner:<uuid>, distributor:<name> or service:<name>")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def may_act_for(self, partner_id: UUID) -> bool:
        """The partner himself, or the distributor on his behalf."""
        return self.kind == "distributor" or (self.kind == "partner" and self.name == str(partner_id))


def sign_actor(actor: str, message_id: UUID, body: bytes, key: Mapping[str, Any], issuer: str, now: datetime) -> str:
    """An assertion for one message, as a compact JWS. `key` is the issuer's private JWK (Ed25519 or P-256)."""
    claims = {
        "iss": issuer,
        "sub": actor,
        "jti": str(message_id),
        "bsh": _body_hash(body),
        "iat": int(now.timestamp()),
        "exp": int((now + LIVES).timestamp()),
    }
    algorithm = "ES256" if key["kty"] == "EC" else "Ed25519"
    protected = {"alg": algorithm} | ({"kid": key["kid"]} if "kid" in key else {})
    return jws.serialize_compact(protected, json.dumps(claims).encode(), _key(json.dumps(dict(key))), algorithms=ALGORITHMS)


def verify_actor(
    token: str, message_id: UUID, body: bytes, issuers: Mapping[str, Mapping[str, Any]], now: datetime
) -> Actor:
    """Who sent this message with this body. `issuers`: trusted issuer to its JWK set. Raises ActorError."""
    if len(token) > LONGEST:
        raise ActorError("too long")
    try:
        unverified = json.loads(_b64(token.split(".")[1]))
        keys = issuers.get(unverified["iss"]) if isinstance(unverified, dict) else None
    except (ValueError, KeyError, IndexError, RecursionError, TypeError) as error:
        raise ActorError("not an assertion") from error
    if keys is None:
        raise ActorError("its issuer is not trusted here")
    try:
        verified = jws.deserialize_compact(token, _key_set(json.dumps(keys)), algorithms=ALGORITHMS)
        claims = json.loads(verified.payload)
    except (JoseError, ValueError, KeyError) as error:
        raise ActorError("its signature does not hold") from error
    if claims.get("jti") != str(message_id) or claims.get("bsh") != _body_hash(body):
        raise ActorError("it belongs to another message")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise ActorError("it has no times")
    moment = now.timestamp()
    if moment > expires + CLOCKS_DIFFER.total_seconds():
        raise ActorError("it has expired")
    if moment < issued - CLOCKS_DIFFER.total_seconds() or expires - issued > LIVES.total_seconds():
        raise ActorError("its times are not believable")
    return Actor.parse(str(claims.get("sub", "")))


def _body_hash(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def _b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _canonical(name: str) -> str:
    try:
        return str(UUID(name))
    except ValueError:
        raise ActorError("the partner's id is not a UUID") from None


@lru_cache(maxsize=32)
def _key(jwk: str) -> ECKey | OKPKey:
    data = json.loads(jwk)
    return ECKey.import_key(data) if data["kty"] == "EC" else OKPKey.import_key(data)


@lru_cache(maxsize=64)
def _key_set(jwks: str) -> KeySet:
    return KeySet.import_key_set(json.loads(jwks))
