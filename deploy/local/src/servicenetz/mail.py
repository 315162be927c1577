"""A mail server that keeps what it gets: one .eml file for each message, and nothing leaves this machine.

python -m servicenetz.mail PORT FOLDER
"""

import asyncio
import email
import email.message
import email.policy
import itertools
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from servicenetz.processes import Process

READY_WITHIN_S = 15.0
LARGEST_MESSAGE_BYTES = 10_000_000


class Mail(Process):
    """The mail catcher, and what it caught."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"smtp://127.0.0.1:{port}"
        self.inbox = folder / "mail"
        super().__init__("mail", folder, self._server_command, stop_grace_s=5.0)

    def wait_until_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Return once it greets."""
        self.wait_for(self.answers, seconds)

    def answers(self) -> bool:
        """Whether it greets now."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False

    def count(self) -> int:
        """How many messages came, over all runs in this folder."""
        return sum(1 for _ in self.inbox.glob("*.eml"))

    def messages(self) -> list[email.message.EmailMessage]:
        """What came, oldest first."""
        files = sorted(self.inbox.glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]

    def _server_command(self) -> Sequence[str]:
        return [sys.executable, "-m", "servicenetz.mail", str(self.port), str(self.inbox)]


class Inbox:
    """What aiosmtpd calls for each message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = itertools.count()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write the message under a name that sorts by arrival; a file with the final name is whole."""
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 no content"
        recipients = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n".encode()
        name = f"{time.time_ns()}-{next(self._number):06}"
        partial = self._folder / f"{name}.partial"
        partial.write_bytes(head + content)
        partial.rename(self._folder / f"{name}.eml")
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Take mail until SIGTERM."""
    inbox = Inbox(folder)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(
        lambda: SMTP(inbox, hostname="localhost", data_size_limit=LARGEST_MESSAGE_BYTES, loop=loop),
        "127.0.0.1",
        port,
    )
    async with server:
        await ended.wait()


if __name__ == "__main__":
    destination = Path(sys.argv[2])
    destination.mkdir(parents=True, exist_ok=True)
    uvloop.run(serve(int(sys.argv[1]), destination))
