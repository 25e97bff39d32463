"""A real SMTP server in the test's own loop, and the far side of the channel at it."""

import asyncio
import secrets
import socket
import time
from email import message_from_bytes
from email.policy import default
from typing import Self

from aiosmtpd.smtp import SMTP, AuthResult

from trunkline.testing import LONGEST_WAIT_SECONDS, Arrival, FarSide

TAKEN = "250 taken"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MailServer:
    """Accepts messages at *port*. *replies* has a reply for an address.

    A reply is a line of SMTP to its RCPT or DATA, ``hang``, ``reset``, or ``leave``: the server takes the message, and breaks the
    connection at QUIT.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.replies: dict[str, str] = {}
        self.messages: list[tuple[str, bytes, float]] = []
        self.accounts: dict[str, str] = {}
        self.signed_in: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def _protocol(self) -> SMTP:
        options = {}
        if self.accounts:
            options = {"authenticator": self._sign_in, "auth_required": True, "auth_require_tls": False}
        return SMTP(self, hostname="mail.test", loop=asyncio.get_running_loop(), **options)

    def _sign_in(self, server, session, envelope, mechanism, data) -> AuthResult:
        name, password = data.login.decode(), data.password.decode()
        self.signed_in.append(name)
        return AuthResult(success=self.accounts.get(name) == password)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        reply = self.replies.get(address, TAKEN)
        if reply.startswith("rcpt "):
            return reply.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        self.messages.append((address, envelope.content, time.monotonic()))
        reply = self.replies.get(address, TAKEN)
        if reply == "hang":
            await asyncio.Event().wait()
        if reply == "reset":
            server.transport.abort()
        return TAKEN if reply == "leave" else reply

    async def handle_QUIT(self, server, session, envelope) -> str:  # noqa: N802
        if "leave" in self.replies.values():
            server.transport.abort()
        return "221 bye"


class Mailbox(FarSide):
    """Receives mail, and recognises a repeated message by its ``Message-ID``."""

    impossible = (
        "mailto:jane",
        "mailto:jane@example.com?bcc=joe@example.com",
        "mailto:jane@example.com%0d%0aBcc:joe",
    )

    def __init__(self, server: MailServer) -> None:
        self.address = f"{secrets.token_hex(6)}@example.com"
        self.url = f"mailto:{self.address}"
        self._server = server

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while (
                len(messages := [message for message in self._server.messages if message[0] == self.address])
                < count
            ):
                await asyncio.sleep(0.02)
        return [_arrival(content, at) for _, content, at in messages]

    async def accept(self) -> bool:
        return self._reply(TAKEN)

    async def refuse_for_now(self) -> bool:
        return self._reply("rcpt 451 4.7.1 greylisted, try again later")

    async def refuse_for_good(self) -> bool:
        return self._reply("rcpt 550 5.1.1 no such user")

    async def break_once_taken(self) -> bool:
        return self._reply("leave")

    async def hang(self) -> bool:
        return self._reply("hang")

    async def reset(self) -> bool:
        return self._reply("reset")

    async def another(self) -> "Mailbox":
        return Mailbox(self._server)

    def _reply(self, reply: str) -> bool:
        self._server.replies[self.address] = reply
        return True


def _arrival(content: bytes, at: float) -> Arrival:
    message = message_from_bytes(content, policy=default)
    headers = {name.lower(): str(value) for name, value in message.items()}
    event_id = headers["message-id"].removeprefix("<").partition(".")[0]
    return Arrival(event_id, message.get_content().encode(), headers, at, key=headers["message-id"])
