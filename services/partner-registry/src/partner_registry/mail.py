"""The errand `mail`: a letter by SMTP, at least once, with an id that tells a repeat."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.base64mime import header_encode
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache
from quopri import encodestring
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import structlog
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused

from contracts.ids import uuid7_time

log = structlog.get_logger()

_parsed = cache(parseaddr)
"""Of the sender, who is the same on every letter."""

WORD_OCTETS = 39
"""Of text in one encoded word: 52 characters of base64, 12 around them, and the header's name before the first:
a line with an encoded word has at most 76 (RFC 2047, 2)."""
SHORT = 65
"""Characters of a header that need no folding: with its name it stays within 78 (RFC 5322, 2.1.1)."""
SIGNATURE = "-- "
"""Begins what mail programs do not quote (RFC 3676, 4.3)."""

SUBMISSION_PORT, SMTPS_PORT = 587, 465
PERMANENT = 500
"""Replies from here on will not change when the same is tried again (RFC 5321, 4.2.1)."""
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over. `starttls`: required, not merely tried; `tls`: from the first byte."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = False
    tls: bool = False

    @property
    def encrypted(self) -> bool:
        return self.starttls or self.tls


def smtp_server(url: str) -> SmtpServer:
    """Read smtp://[user:password@]host[:port][?starttls=true] or smtps://…. Raises ValueError."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    starttls = query.pop("starttls", ["false"])[-1]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or query:
        raise ValueError(
            "should look like smtp://host:port, with ?starttls=true where the server asks for it"
        )
    if starttls not in ("true", "false") or (starttls == "true" and parts.scheme == "smtps"):
        raise ValueError("starttls is true or false, and only for smtp://")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("has a user without a password, or a password without a user")
    tls = parts.scheme == "smtps"
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or (SMTPS_PORT if tls else SUBMISSION_PORT),
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        starttls=starttls == "true",
        tls=tls,
    )


def message(errand_id: str, letter: Mapping[str, Any], sender: str, imprint: str = "") -> bytes:
    """The letter as mail. Id and date come from the errand: a repeat is the same mail to the last header.

    Raises ValueError for a header with a line break. The lines are put together here, their encodings by the standard
    library: its models of a mail read, fold and measure each header letter by letter, which takes ten times as long,
    and letters are what this service does most.
    """
    name, address = _parsed(sender)
    headers = {
        # a name in several encoded words is read with blanks between them by some programs, Python's among them
        "From": formataddr((name, address)).replace(" <", "\r\n <"),
        "To": letter["to"],
        "Subject": _unstructured(letter["subject"]),
        "Date": format_datetime(uuid7_time(UUID(errand_id))),
        "Message-ID": f"<{errand_id}@{address.rpartition('@')[2]}>",
        # RFC 3834: no out-of-office answers, please
        "Auto-Submitted": "auto-generated",
        "Content-Language": letter["language"],
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
    }
    for value in (sender, letter["to"], letter["subject"], letter["language"]):
        if "\r" in value or "\n" in value:
            raise ValueError("a header has no line breaks")
    head = "".join(f"{header}: {value}\r\n" for header, value in headers.items())
    text = f"{letter['text']}\n{SIGNATURE}\n{imprint.strip()}\n" if imprint.strip() else letter["text"]
    lines = "".join(f"{_without_blanks_at_its_end(line)}\n" for line in text.splitlines() or [""])
    return head.encode("ascii") + b"\r\n" + encodestring(lines.encode()).replace(b"\n", b"\r\n")


def _without_blanks_at_its_end(line: str) -> str:
    """Encoded there, they would make a line longer than 76 (RFC 2045, 6.7); the mark of a signature is short."""
    return line if line == SIGNATURE else line.rstrip(" \t")


def _unstructured(text: str) -> str:
    """A header's text as it is, or as encoded words (RFC 2047), one a line, where it is long or not plain ASCII."""
    if text.isascii() and text.isprintable() and len(text) <= SHORT and "=?" not in text:
        return text
    return "\r\n ".join(header_encode(word, "utf-8") for word in _words(text))


def _words(text: str) -> Iterator[bytes]:
    """The text in pieces of at most WORD_OCTETS, none of which ends within a character."""
    word = b""
    for character in text:
        octets = character.encode()
        if len(word) + len(octets) > WORD_OCTETS:
            yield word
            word = b""
        word += octets
    yield word


class Mailer:
    """Hands letters over, one after the other; one connection serves all that wait at the same time."""

    def __init__(self, server: SmtpServer, sender: str, imprint: str, timeout_seconds: float) -> None:
        self._server = server
        self._sender = sender
        self._imprint = imprint
        self._timeout_seconds = timeout_seconds
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._connection: SMTP | None = None

    async def send(self, errand_id: str, letter: Mapping[str, Any]) -> None:
        """Send one letter. Raises SMTPException, OSError or TimeoutError when it should be tried again."""
        mail = message(errand_id, letter, self._sender, self._imprint)
        self._waiting += 1
        try:
            async with self._turn:
                await self._hand_over(errand_id, letter["to"], mail)
        finally:
            self._waiting -= 1
            if not self._waiting:
                await self._leave()

    async def _hand_over(self, errand_id: str, to: str, mail: bytes) -> None:
        handed_over = False
        try:
            connection = await self._connected()
            await connection.sendmail(_parsed(self._sender)[1], [to], mail)
            handed_over = True
        except SMTPRecipientsRefused as refused:
            handed_over = True
            (reply,) = refused.recipients
            if reply.code < PERMANENT:
                raise
            # Trying again changes nothing. The address stays out of the log: it is personal data.
            log.warning("mail refused for good", id=errand_id, code=reply.code)
        finally:
            if not handed_over:
                self._drop()

    async def _connected(self) -> SMTP:
        if self._connection is None or not self._connection.is_connected:
            self._drop()
            server = self._server
            self._connection = SMTP(
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls,
                start_tls=server.starttls,
                timeout=self._timeout_seconds,
                # the library would ask the DNS for it, and block
                local_hostname=socket.gethostname(),
            )
            await self._connection.connect()
        return self._connection

    async def _leave(self) -> None:
        """Say goodbye when nobody waits: servers close idle connections, and not always politely."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.quit(timeout=CLOSE_SECONDS)
        except (SMTPException, OSError, TimeoutError) as error:
            log.debug("mail server left first", error=type(error).__name__)
        finally:
            connection.close()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
