"""An assertion proves who asks, for one message with one body, for five minutes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from contracts.actor import Actor, ActorError, sign_actor, verify_actor
from contracts.ids import uuid7

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
BODY = b'{"job_id": "019a4c1e-8f00-7a11-8c3d-52f0e61b9d01"}'
PARTNER = UUID("019a4c10-1b00-7a31-9c41-5f0e8a7d1c01")
MESSAGE_ID = uuid7(NOW)
ISSUER = "/gateway"


def key_pair(
    kind: type[OKPKey] | type[ECKey], curve: Any, kid: str = "g1"
) -> tuple[dict[str, Any], dict[str, Any]]:
    made = kind.generate_key(curve, {"kid": kid})
    return dict(made.as_dict(private=True)), {"keys": [made.as_dict(private=False)]}


KEY, KEYS = key_pair(OKPKey, "Ed25519")
EC_KEY, EC_KEYS = key_pair(ECKey, "P-256")
TRUSTED = {ISSUER: KEYS, "/other": EC_KEYS}


def signed(actor: str = f"partner:{PARTNER}", *, key: dict[str, Any] = KEY, issuer: str = ISSUER) -> str:
    return sign_actor(actor, MESSAGE_ID, BODY, key, issuer, NOW)


def refused(token: str, message_id: UUID = MESSAGE_ID, body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(ActorError) as error:
        verify_actor(token, message_id, body, TRUSTED, now)
    return str(error.value)


def with_claims(key: Any, algorithm: str, **changes: Any) -> str:
    claims = json.loads(_part(signed(), 1)) | changes
    return jws.serialize_compact({"alg": algorithm}, json.dumps(claims).encode(), key, algorithms=[algorithm])


def _part(token: str, number: int) -> bytes:
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(("key", "issuer"), [(KEY, ISSUER), (EC_KEY, "/other")], ids=["Ed25519", "ES256"])
def test_who_signed_is_believed(key: dict[str, Any], issuer: str) -> None:
    actor = verify_actor(signed(key=key, issuer=issuer), MESSAGE_ID, BODY, TRUSTED, NOW)
    assert actor == Actor("partner", str(PARTNER))
    assert actor.partner_id == PARTNER
    assert verify_actor(signed(key=key, issuer=issuer), str(MESSAGE_ID), BODY, TRUSTED, NOW) == actor


def test_it_counts_for_its_own_message_and_body_only() -> None:
    assert "another message" in refused(signed(), message_id=uuid7(NOW))
    assert "another message" in refused(signed(), body=BODY + b" ")


def test_it_ends_after_five_minutes_and_does_not_begin_early() -> None:
    late = verify_actor(signed(), MESSAGE_ID, BODY, TRUSTED, NOW + timedelta(minutes=5, seconds=59))
    assert late.partner_id == PARTNER
    assert "expired" in refused(signed(), now=NOW + timedelta(minutes=6, seconds=1))
    assert "believable" in refused(signed(), now=NOW - timedelta(seconds=61))
    endless = with_claims(OKPKey.import_key(KEY), "Ed25519", exp=int(NOW.timestamp()) + 86_400)
    assert "believable" in refused(endless)
    assert "no times" in refused(with_claims(OKPKey.import_key(KEY), "Ed25519", exp="tomorrow"))
    with pytest.raises(ActorError):
        sign_actor("service:billing", MESSAGE_ID, BODY, KEY, ISSUER, NOW, timedelta(minutes=6))


def test_a_stranger_and_a_stranger_in_disguise_are_refused() -> None:
    foreign, _ = key_pair(OKPKey, "Ed25519")
    assert "not trusted" in refused(signed(issuer="/nobody"))
    assert "signature" in refused(signed(key=foreign))
    assert "signature" in refused(signed(key=EC_KEY))


def test_a_changed_claim_breaks_the_signature() -> None:
    header, payload, signature = signed().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | {"sub": "distributor:dispatch"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert "signature" in refused(f"{header}.{forged}.{signature}")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert "signature" in refused(f"{none}.{forged}.")
    assert "signature" in refused(with_claims(OctKey.import_key(b"x" * 32), "HS256"))


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    refused(text)


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_any_token_like_text_is_refused(header: bytes, payload: bytes) -> None:
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, b"s")]
    refused(".".join(parts))


def test_too_long_and_too_deep_are_refused() -> None:
    assert "too long" in refused("x" * 4_001)
    deep = base64.urlsafe_b64encode(b"[" * 2_800).decode()
    refused(f"e30.{deep}.x")


def test_an_actor_without_signature_for_development() -> None:
    assert Actor.parse(f"partner:{str(PARTNER).upper()}") == Actor("partner", str(PARTNER))
    assert str(Actor.parse("distributor:dispatch")) == "distributor:dispatch"
    assert Actor.parse("service:job-exchange").partner_id is None


@pytest.mark.parametrize(
    "text", ["", "partner:", "partner:42", "admin:root", "distributor:", "distributor:a b", "service"]
)
def test_what_is_no_actor_is_refused(text: str) -> None:
    with pytest.raises(ActorError):
        Actor.parse(text)
    with pytest.raises(ActorError):
        sign_actor(text, MESSAGE_ID, BODY, KEY, ISSUER, NOW)


def test_who_may_act_for_a_partner() -> None:
    other = UUID("019a4c10-3d80-7c55-a1b2-0c9d8e7f6a03")
    assert Actor("partner", str(PARTNER)).may_act_for(PARTNER)
    assert not Actor("partner", str(PARTNER)).may_act_for(other)
    assert Actor("distributor", "dispatch").may_act_for(other)
    assert not Actor("service", "billing").may_act_for(PARTNER)


def test_a_key_that_cannot_sign_is_told() -> None:
    for key in ({}, {"kty": "oct", "k": "eA"}, KEYS["keys"][0]):
        with pytest.raises(ActorError, match="cannot sign"):
            sign_actor("service:billing", MESSAGE_ID, BODY, key, ISSUER, NOW)
