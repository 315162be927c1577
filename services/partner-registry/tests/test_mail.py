"""The errand `mail` against a real SMTP server."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtplib import SMTPException, SMTPRecipientsRefused
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.ids import uuid7, uuid7_time
from partner_registry.mail import Mailer, SmtpServer, message, smtp_server
from partner_registry.settings import Settings

SENDER = "Servicenetz Süd <service@netz.example>"
TEXT = (
    "Guten Tag Müller & Söhne,\n\nFür Ihren Auftrag A1B2C3D4E: schöne Grüße\n"
    + "ein langes Wort, " * 30
    + "zu Ende"
    + "\n"
)


def letter(**changes: Any) -> dict[str, Any]:
    plain = {"to": "post@sued.example", "language": "de", "subject": "Für Sie: Grüße", "text": TEXT}
    return plain | changes


def mailer(server: SmtpServer, timeout_seconds: float = 5.0) -> Mailer:
    return Mailer(server, SENDER, "Netz GmbH, Musterweg 1, Köln, HRB 1", timeout_seconds)


async def test_a_letter_arrives_whole_and_can_be_told_from_its_repeat(box: Any) -> None:
    post = mailer(smtp_server(box.url))
    errand_id = uuid7()
    await post.send(str(errand_id), letter())
    await post.send(str(errand_id), letter())
    first, second = box.mails
    assert first["From"] == SENDER
    assert (first["To"], box.recipients[0]) == ("post@sued.example", ["post@sued.example"])
    assert first["Subject"] == "Für Sie: Grüße"
    assert first["Message-ID"] == second["Message-ID"] == f"<{errand_id}@netz.example>"
    assert abs(parsedate_to_datetime(first["Date"]) - uuid7_time(errand_id)).total_seconds() < 1
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Content-Language"] == "de"
    assert first.get_content_type() == "text/plain"
    assert first.get_content().replace("\r\n", "\n").startswith(TEXT + "\n-- \nNetz GmbH")
    assert first.as_bytes() == second.as_bytes()


async def test_what_goes_over_the_wire_is_short_lines_of_ascii() -> None:
    raw = message(str(uuid7()), letter(), SENDER)
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert not re.search(rb"[^\r]\n", raw)


@given(
    subject=st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200
    ).filter(lambda text: text == " ".join(text.split())),
    text=st.text(st.characters(exclude_categories=["Cs"])),
)
@settings(deadline=None)
@example(subject="x", text="x" * 75 + " \n" + "ü" * 25 + "\t\n-- \n-")
@example(subject="=?utf-8?q?nicht_entziffern?=", text=".\nFrom hier\n.. \t\n")
@example(subject="Auftrag " * 12 + "fertig", text="x" * 2000)
@example(subject="\N{GRINNING FACE}" * 40, text="=\r\n=3D \r")
def test_any_words_come_out_as_they_went_in(subject: str, text: str) -> None:
    raw = message(str(uuid7()), letter(subject=subject, text=text), SENDER)
    assert raw.isascii()
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
    read = message_from_bytes(raw, policy=default)
    assert isinstance(read, EmailMessage)
    assert (read["Subject"], read["Subject"].defects) == (subject, ())
    lines = [line if line == "-- " else line.rstrip(" \t") for line in text.splitlines() or [""]]
    assert read.get_content().splitlines() == lines


@pytest.mark.parametrize(
    "name",
    [
        "Netz",
        "Netz, Süd",
        "Gebäudetechnik-Vertriebsgesellschaft Süddeutschland mit beschränkter Haftung & Söhne",
        "A very long name of a distributor of telephone systems in the south of Germany, Ltd.",
    ],
)
def test_a_sender_of_any_name_is_read_as_he_is_called(name: str) -> None:
    raw = message(str(uuid7()), letter(), f'"{name}" <service@netz.example>')
    (sender,) = message_from_bytes(raw, policy=default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "service@netz.example")


async def test_letters_that_wait_together_share_a_connection(box: Any) -> None:
    post = mailer(smtp_server(box.url))
    await asyncio.gather(*[post.send(str(uuid7()), letter(subject=f"Nr. {number}")) for number in range(20)])
    assert {str(mail["Subject"]) for mail in box.mails} == {f"Nr. {number}" for number in range(20)}
    assert box.connections == 1
    await post.send(str(uuid7()), letter())
    assert box.connections == 2


async def test_an_address_that_does_not_exist_is_given_up_and_harms_no_other(box: Any) -> None:
    box.answers["gone@sued.example"] = "550 5.1.1 no such user"
    post = mailer(smtp_server(box.url))
    await asyncio.gather(
        post.send(str(uuid7()), letter(to="gone@sued.example")), post.send(str(uuid7()), letter())
    )
    assert box.recipients == [["post@sued.example"]]


async def test_a_full_mailbox_is_tried_again(box: Any) -> None:
    box.answers["full@sued.example"] = "452 4.2.2 mailbox full"
    with pytest.raises(SMTPRecipientsRefused):
        await mailer(smtp_server(box.url)).send(str(uuid7()), letter(to="full@sued.example"))


async def test_a_server_that_is_away_raises_and_is_found_again(box: Any) -> None:
    post = mailer(smtp_server("smtp://127.0.0.1:1"))
    with pytest.raises((SMTPException, OSError)):
        await post.send(str(uuid7()), letter())
    again = mailer(smtp_server(box.url))
    await again.send(str(uuid7()), letter())
    assert len(box.mails) == 1


async def test_a_server_that_never_answers_is_left_after_the_time_out() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises((SMTPException, TimeoutError)):
        async with asyncio.timeout(5):
            await mailer(SmtpServer("127.0.0.1", port), timeout_seconds=0.2).send(str(uuid7()), letter())
    gone.set()
    server.close()
    await server.wait_closed()


async def test_a_password_is_used(box: Any) -> None:
    await mailer(smtp_server(f"smtp://netz:ge%40heim@127.0.0.1:{box.port}")).send(str(uuid7()), letter())
    assert box.logins == ["netz:ge@heim"]


async def test_encryption_that_is_asked_for_is_not_done_without(box: Any) -> None:
    with pytest.raises(SMTPException):
        await mailer(smtp_server(f"{box.url}?starttls=true")).send(str(uuid7()), letter())
    assert box.mails == []


async def test_nothing_in_a_letter_becomes_a_header() -> None:
    with pytest.raises(ValueError, match="line breaks"):
        message(str(uuid7()), letter(subject="Hallo\r\nBcc: alle@sued.example"), SENDER)
    body = message(str(uuid7()), letter(text="Hallo\n\nBcc: alle@sued.example\n"), SENDER)
    assert message_from_bytes(body)["Bcc"] is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", SmtpServer("mail", 587)),
        ("smtp://[::1]:25", SmtpServer("::1", 25)),
        ("smtps://u:p@mail", SmtpServer("mail", 465, "u", "p", tls=True)),
        ("smtp://mail:25?starttls=true", SmtpServer("mail", 25, starttls=True)),
    ],
)
def test_addresses_of_servers(url: str, server: SmtpServer) -> None:
    assert smtp_server(url) == server


NEEDED: dict[str, Any] = {
    "database_url": "postgresql+asyncpg://u@localhost/d",
    "kafka_bootstrap_servers": "localhost:9092",
    "development": True,
    "smtp_url": "smtp://localhost:25",
    "link_base_url": "https://netz.example/",
}


def test_settings_that_are_right() -> None:
    assert Settings(**NEEDED).link_base_url == "https://netz.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_url", "http://mail"),
        ("smtp_url", "smtp://user@mail"),
        ("smtp_url", "smtp://mail?starttls=vielleicht"),
        ("smtp_url", "smtps://mail?starttls=true"),
        ("smtp_url", "smtp://mail?tls=1"),
        ("link_base_url", "netz.example"),
        ("link_base_url", "https://netz.example/über"),
        ("mail_from", "kein Absender"),
    ],
)
def test_settings_that_are_wrong_fail_at_start(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(**(NEEDED | {name: value}))


def test_no_password_goes_out_in_the_clear(tmp_path: Any) -> None:
    production = NEEDED | {
        "development": False,
        "trusted_issuers_file": tmp_path / "issuers.json",
        "signing_key_file": tmp_path / "key.json",
    }
    assert Settings(**(production | {"smtp_url": "smtp://u:p@mail?starttls=true"})).smtp.encrypted
    with pytest.raises(ValidationError, match="password"):
        Settings(**(production | {"smtp_url": "smtp://u:p@mail"}))
