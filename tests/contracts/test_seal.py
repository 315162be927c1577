"""Sealed fields open with the right key, for the right job, untouched; else not at all."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey, OKPKey
from pydantic import TypeAdapter

from contracts.__main__ import main
from contracts.seal import LARGEST_PLAINTEXT_BYTES, SealError, new_key, public, seal, unseal
from contracts.values import EndCustomer, Jwk, Sealed

JOB = "019a4c1e-8f00-7a11-8c3d-52f0e61b9d01"
OTHER_JOB = "019a4d02-7700-7e21-b0a4-6c1f93d2e805"
CUSTOMER = EndCustomer(
    name="Hafenkontor Flensburg GmbH",
    street="Schiffbrücke 12",
    postcode="24939",
    city="Flensburg",
    phone="0461 123456",
    notes="Zufahrt über den Hof\nTechnikraum im 2. OG",
)
PLAINTEXT = CUSTOMER.model_dump_json().encode()
KEY = new_key("job-exchange-1")
CURVES: list[Literal["X25519", "P-256"]] = ["X25519", "P-256"]


def encoded(header: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("curve", CURVES)
def test_what_is_sealed_opens_again(curve: Literal["X25519", "P-256"]) -> None:
    key = new_key("k", curve)
    token = seal(PLAINTEXT, public(key), JOB)
    TypeAdapter(Sealed).validate_python(token)
    assert EndCustomer.check(unseal(token, key, JOB)) == CUSTOMER
    assert "Flensburg" not in str(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


def test_a_key_as_it_stands_in_a_partner_message_will_do() -> None:
    key = new_key("k")
    jwk = Jwk.model_validate({name: value for name, value in public(key).items() if name != "use"})
    assert unseal(seal(PLAINTEXT, jwk, JOB), key, JOB) == PLAINTEXT


def test_a_ciphertext_copied_onto_another_job_does_not_open() -> None:
    token = seal(PLAINTEXT, public(KEY), JOB)
    with pytest.raises(SealError, match="another job"):
        unseal(token, KEY, OTHER_JOB)
    header, *rest = token.split(".")
    claimed = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))) | {"job": OTHER_JOB}
    with pytest.raises(SealError):
        unseal(".".join([encoded(claimed), *rest]), KEY, OTHER_JOB)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(SealError):
        unseal(seal(PLAINTEXT, public(KEY), JOB), new_key("job-exchange-1"), JOB)


@given(st.integers(0, 4), st.integers(0, 200), st.characters(codec="ascii"))
def test_no_change_of_the_token_goes_unnoticed(part: int, place: int, character: str) -> None:
    parts = seal(PLAINTEXT, public(KEY), JOB).split(".")
    place = min(place, len(parts[part]))
    changed = parts[part][:place] + character + parts[part][place + 1 :]
    token = ".".join([*parts[:part], changed, *parts[part + 1 :]])
    opened = PLAINTEXT
    with suppress(SealError):
        opened = unseal(token, KEY, JOB)
    assert opened == PLAINTEXT


@given(st.text(max_size=200))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(SealError):
        unseal(text, KEY, JOB)


def test_no_other_algorithm_and_no_compression() -> None:
    plain_key, secret = OKPKey.import_key(KEY), OctKey.generate_key(256)
    header = {"job": JOB}
    registry = jwe.JWERegistry(
        strict_check_header=False, algorithms=["ECDH-ES", "dir", "A256GCM", "A128GCM", "DEF"]
    )
    tokens = [
        jwe.encrypt_compact(
            header | {"alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF"},
            PLAINTEXT,
            plain_key,
            registry=registry,
        ),
        jwe.encrypt_compact(
            header | {"alg": "ECDH-ES", "enc": "A128GCM"}, PLAINTEXT, plain_key, registry=registry
        ),
        jwe.encrypt_compact(header | {"alg": "dir", "enc": "A256GCM"}, PLAINTEXT, secret, registry=registry),
        jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM"}, PLAINTEXT, plain_key, registry=registry),
    ]
    for token in tokens:
        with pytest.raises(SealError):
            unseal(token, KEY, JOB)


def test_sizes_are_bounded() -> None:
    with pytest.raises(SealError, match="bytes"):
        seal(b"x" * (LARGEST_PLAINTEXT_BYTES + 1), public(KEY), JOB)
    with pytest.raises(SealError, match="too long"):
        unseal("x" * 20_001, KEY, JOB)


def test_the_largest_end_customer_fits() -> None:
    wide = "ä" * 120
    largest = EndCustomer(
        name=wide, contact=wide, street=wide, postcode="24939", city=wide, phone="0" * 30, notes="😀" * 2_000
    )
    token = seal(largest.model_dump_json().encode(), public(KEY), JOB)
    TypeAdapter(Sealed).validate_python(token)


@pytest.mark.parametrize(
    "wrong", [{}, {"kty": "RSA"}, {"kty": "OKP", "crv": "X25519"}, public(KEY) | {"x": "!"}, {"kty": 1}]
)
def test_a_key_that_cannot_be_used_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(SealError, match="key cannot be used"):
        seal(PLAINTEXT, wrong, JOB)


def test_a_stranger_seals_at_the_command_line(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    private, handed_out = tmp_path / "private.json", tmp_path / "public.json"
    assert main(["new-key", "--kid", "meier-2026", "--out", str(private)]) == 0
    handed_out.write_text(capsys.readouterr().out)
    assert private.stat().st_mode & 0o077 == 0
    assert "d" not in json.loads(handed_out.read_text())
    assert main(["new-key", "--kid", "meier-2026", "--out", str(private)]) == 1
    assert "never overwritten" in capsys.readouterr().err

    def seal_from(body: bytes, key: object = handed_out, job: str = JOB) -> int:
        source = tmp_path / "customer.json"
        source.write_bytes(body)
        with source.open() as customer:
            monkeypatch.setattr("sys.stdin", customer)
            return main(["seal", "--key", str(key), "--job", job])

    assert seal_from(PLAINTEXT) == 0
    assert unseal(capsys.readouterr().out.strip(), json.loads(private.read_text()), JOB) == PLAINTEXT
    for body, key, job, told in (
        (b'{"name": "Hafenkontor"}', handed_out, JOB, "street"),
        (b"", handed_out, JOB, "not an end customer"),
        (PLAINTEXT, tmp_path / "nowhere.json", JOB, "No such file"),
        (PLAINTEXT, tmp_path, JOB, "directory"),
        (PLAINTEXT, handed_out, "A-1", "not a UUID"),
    ):
        assert seal_from(body, key, job) == 1
        assert told in capsys.readouterr().err
    handed_out.write_text("[]")
    assert seal_from(PLAINTEXT) == 1
    assert "not a JWK" in capsys.readouterr().err


def test_the_topics_are_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics"]) == 0
    assert "by law" in capsys.readouterr().out
    assert main(["generate", "--check"]) == 0
