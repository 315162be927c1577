"""Who asks: actors of incoming commands are verified, our own commands are signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from chassis.decisions import Rejected
from chassis.items import VerifyActor
from chassis.outgoing import SignActor
from chassis.settings import ServiceSettings
from contracts.actor import Actor, ActorError, sign_actor, verify_actor
from contracts.envelope import Envelope


def verifier(settings: ServiceSettings) -> VerifyActor:
    """How this service finds out who sent a command. In development an unsigned actor is taken at his word."""
    issuers = json.loads(settings.trusted_issuers_file.read_text()) if settings.trusted_issuers_file else {}

    def verify(envelope: Envelope, body: bytes, at: datetime) -> Actor:
        if envelope.actor is None:
            raise Rejected("actor-missing", "A command has to say who sends it.", "ce_actor")
        try:
            if settings.development and envelope.actor.count(".") != 2:
                return Actor.parse(envelope.actor)
            return verify_actor(envelope.actor, UUID(envelope.id), body, issuers, at)
        except ActorError as error:
            raise Rejected("actor-not-proved", f"The sender is not proved: {error}", "ce_actor") from error

    return verify


def signer(settings: ServiceSettings, service: str) -> SignActor:
    """How this service proves that a command is its own."""
    actor = f"service:{service}"
    if settings.signing_key_file is None:
        return lambda _id, _body: actor
    key = json.loads(settings.signing_key_file.read_text())
    issuer = f"/servicenetz/{service}"
    return lambda message_id, body: sign_actor(actor, message_id, body, key, issuer, datetime.now(UTC))
