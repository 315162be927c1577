"""Who asks: a short-lived assertion by a trusted issuer, bound to one message and its body (extra `seal`).

A compact JWS (RFC 7515), Ed25519 or ES256, with the claims iss, sub (the actor), jti (the message's ce_id),
bsh (base64url of the body's SHA-256, without padding), iat and exp (at most five minutes apart).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey

ALGORITHMS = ("Ed25519", "EdDSA", "ES256")
"""EdDSA is what libraries older than RFC 9864 write for Ed25519; it is read, never written."""
LONGEST_LIFE = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(seconds=60)
LONGEST = 4_000

Kind = Literal["partner", "distributor", "service"]
_KINDS: tuple[Kind, ...] = ("partner", "distributor", "service")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_registry = jws.JWSRegistry(algorithms=ALGORITHMS)


class ActorError(Exception):
    """The assertion proves nothing; the text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`partner:<uuid>`, `distributor:<name>` or `service:<name>`."""

    kind: Kind
    name: str

    @classmethod
    @lru_cache(maxsize=4096)  # the class is never collected, and the same few send all commands
    def parse(cls, text: str) -> Actor:
        """From its text form. Raises ActorError."""
        head, _, name = text.partition(":")
        for kind in _KINDS:
            if head == kind and _NAME.fullmatch(name):
                return cls(kind, _canonical(name) if kind == "partner" else name)
        raise ActorError("not of the form partner:<uuid>, distributor:<name> or service:<name>")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def partner_id(self) -> UUID | None:
        """Which partner this is, if one."""
        return UUID(self.name) if self.kind == "partner" else None

    def may_act_for(self, partner_id: UUID) -> bool:
        """The partner himself, or the distributor on his behalf."""
        return self.kind == "distributor" or (self.kind == "partner" and self.name == str(partner_id))


def sign_actor(
    actor: str,
    message_id: UUID | str,
    body: bytes,
    key: Mapping[str, Any],
    issuer: str,
    now: datetime,
    ttl: timedelta = LONGEST_LIFE,
) -> str:
    """The value of ce_actor for one message. `key`: the issuer's private JWK (Ed25519 or P-256).

    Raises ActorError when `actor` has no valid form, the key cannot sign or `ttl` is over five minutes.
    """
    Actor.parse(actor)
    if ttl > LONGEST_LIFE:
        raise ActorError(f"an assertion lives {LONGEST_LIFE} at most")
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "sub": actor,
        "jti": str(message_id),
        "bsh": _body_hash(body),
        "iat": issued,
        "exp": issued + int(ttl.total_seconds()),
    }
    protected = {"alg": "ES256" if key.get("kty") == "EC" else "Ed25519"}
    if key.get("kid"):
        protected["kid"] = str(key["kid"])
    try:
        return jws.serialize_compact(
            protected, json.dumps(claims).encode(), _key(json.dumps(dict(key))), registry=_registry
        )
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ActorError("the key cannot sign") from error


def verify_actor(
    token: str, message_id: UUID | str, body: bytes, issuers: Mapping[str, Mapping[str, Any]], now: datetime
) -> Actor:
    """Who sent this message with this body. `issuers`: trusted issuer to its JWK set. Raises ActorError."""
    if len(token) > LONGEST:
        raise ActorError("too long")
    keys = issuers.get(_issuer(token))
    if keys is None:
        raise ActorError("its issuer is not trusted here")
    try:
        verified = jws.deserialize_compact(token, _key_set(json.dumps(keys)), registry=_registry)
        claims = json.loads(verified.payload)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ActorError("its signature does not hold") from error
    if claims.get("jti") != str(message_id) or claims.get("bsh") != _body_hash(body):
        raise ActorError("it belongs to another message")
    _check_times(claims.get("iat"), claims.get("exp"), now)
    return Actor.parse(str(claims.get("sub", "")))


def _issuer(token: str) -> str:
    """Who claims to have signed it; only to find the keys that must hold."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError, RecursionError) as error:
        raise ActorError("not an assertion") from error
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise ActorError("not an assertion")
    return issuer


def _check_times(issued: object, expires: object, now: datetime) -> None:
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise ActorError("it has no times")
    moment = now.timestamp()
    if moment > expires + CLOCKS_DIFFER.total_seconds():
        raise ActorError("it has expired")
    if (
        moment < issued - CLOCKS_DIFFER.total_seconds()
        or not 0 < expires - issued <= LONGEST_LIFE.total_seconds()
    ):
        raise ActorError("its times are not believable")


def _body_hash(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


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
