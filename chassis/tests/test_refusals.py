"""A command that is well-formed but not allowed is answered with a code, a sentence and the field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from joserfc.jwk import OKPKey
from toy_service.world import NOTICED, TOO_LATE, World

from contracts import job_exchange_commands_v1 as commands
from contracts.actor import sign_actor
from contracts.ids import uuid7

ISSUER = "https://login.example"


def _id_from(moment: datetime) -> UUID:
    stamp = int(moment.timestamp() * 1000) << 80
    return UUID(int=stamp | (uuid7().int & ((1 << 80) - 1)))


async def test_a_refusal_has_a_code_a_sentence_and_the_field(toy: World) -> None:
    job = uuid7()
    reply = await toy.reply(await toy.send(toy.cancel(job, uuid7(), TOO_LATE)))
    assert (reply.code, reply.message, reply.field) == ("too-late", "It is too late for that.", "reason")
    assert await toy.seen(job) == []
    assert (await toy.until_at_rest()).rejected == 1


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("partner:019a4c1e-8f00-7a11-8c3d-52f0e61b9d01", "not-allowed"),
        ("service:matching", None),
        ("somebody", "actor-not-proved"),
        (None, "actor-missing"),
    ],
)
async def test_who_may_not_ask_is_refused(toy: World, actor: str | None, code: str | None) -> None:
    command = toy.cancel(uuid7(), uuid7())
    message_id = await toy.outside.send(command, actor=actor)
    if code is None:
        # a service that is refused gets no reply: nobody there would read it
        assert (await toy.until_at_rest()).rejected == 1
        assert toy.replies(message_id) == 0
    else:
        assert (await toy.reply(message_id)).code == code
    assert await toy.seen(command.job_id) == []


async def test_only_the_distributor_resolves(toy: World) -> None:
    job = uuid7()
    command = commands.ResolveDispute(job_id=job, statement_id=uuid7(), hours=Decimal(2))
    refused = await toy.send(command, actor=f"partner:{uuid7()}")
    assert (await toy.reply(refused)).code == "not-allowed"
    await toy.reply(await toy.send(command))
    assert await toy.seen(job) == ["resolved"]


async def test_an_id_older_than_the_inbox_or_from_the_future_is_refused(toy: World) -> None:
    now = datetime.now(UTC)
    for moment, code in ((now - timedelta(days=9), "id-too-old"), (now + timedelta(hours=2), "id-in-future")):
        message_id = _id_from(moment)
        await toy.send(toy.cancel(uuid7(), uuid7()), message_id=message_id)
        assert (await toy.reply(message_id)).code == code
    message_id = _id_from(now - timedelta(days=7))
    await toy.send(toy.cancel(uuid7(), uuid7()), message_id=message_id)
    assert (await toy.reply(message_id)).TYPE == "job-exchange.CommandAccepted.v1"


async def test_a_signed_actor_is_verified_and_a_tampered_one_refused(world: World, tmp_path: Path) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"}, private=True)
    private = key.as_dict(private=True)
    trusted, signing = tmp_path / "issuers.json", tmp_path / "key.json"
    trusted.write_text(json.dumps({ISSUER: {"keys": [key.as_dict(private=False)]}}))
    signing.write_text(json.dumps(private))
    await world.start(development=False, trusted_issuers_file=trusted, signing_key_file=signing)
    job, client, message_id = uuid7(), uuid7(), uuid7()
    command = world.cancel(job, client)
    now = datetime.now(UTC)

    proof = sign_actor(f"partner:{client}", message_id, command.write(), private, ISSUER, now)
    await world.outside.send(command, actor=proof, message_id=message_id)
    assert (await world.reply(message_id)).TYPE == "job-exchange.CommandAccepted.v1"

    other = world.cancel(job, client, TOO_LATE)
    for actor, body in (
        (proof, command),  # of another message
        (sign_actor(f"partner:{client}", (reused := uuid7()), command.write(), private, ISSUER, now), other),
        (proof[:-4] + "AAAA", command),
        (f"partner:{client}", command),  # unsigned
        (sign_actor(f"partner:{client}", uuid7(), command.write(), private, "https://other", now), command),
    ):
        message_id = reused if body is other else uuid7()
        await world.outside.send(body, actor=actor, message_id=message_id)
        assert (await world.reply(message_id)).code == "actor-not-proved"

    late_id = uuid7()
    hours_ago = now - timedelta(hours=1)
    late = sign_actor(f"partner:{client}", late_id, command.write(), private, ISSUER, hours_ago)
    await world.outside.send(command, actor=late, message_id=late_id)
    assert (await world.reply(late_id)).code == "actor-not-proved"


async def test_an_expired_proof_does_not_turn_an_accepted_command_into_a_refused_one(
    world: World, tmp_path: Path
) -> None:
    """The proof must hold when the command comes to the broker; a repeat, or a backlog, is no new question."""
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"}, private=True)
    private = key.as_dict(private=True)
    trusted, signing = tmp_path / "issuers.json", tmp_path / "key.json"
    trusted.write_text(json.dumps({ISSUER: {"keys": [key.as_dict(private=False)]}}))
    signing.write_text(json.dumps(private))
    await world.start(development=False, trusted_issuers_file=trusted, signing_key_file=signing)
    message_id, client = uuid7(), uuid7()
    command = world.cancel(uuid7(), client, NOTICED)
    proof = sign_actor(f"partner:{client}", message_id, command.write(), private, ISSUER, datetime.now(UTC))
    await world.outside.send(command, actor=proof, message_id=message_id)
    accepted = await world.reply(message_id)
    await world.outside.send(command, actor="partner:no-proof-any-more", message_id=message_id)
    assert await world.reply(message_id, 2) == accepted
