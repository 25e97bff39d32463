"""A real SMTP server in the test's event loop."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Self

from aiosmtpd.smtp import SMTP

TAKEN = "250 taken"


class MailServer:
    """Accepts messages.

    *refusals* has the answers to the next RCPTs of each address; *after* is called with each step and its number.
    """

    def __init__(self) -> None:
        self.port = 0
        self.refusals: dict[str, list[str]] = {}
        self.messages: list[EmailMessage] = []
        self.after: Callable[[str, int], None] = lambda step, number: None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def settings(self) -> dict[str, str]:
        """Give the settings of a hub that sends mail by this server."""
        return {
            "alerts.smtp_host": "127.0.0.1",
            "alerts.smtp_port": str(self.port),
            "alerts.smtp_security": "none",
            "alerts.sender": "hub@hub.example",
        }

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if message["To"] == address]

    async def wait_for(self, count: int, *, timeout_seconds: float = 60) -> None:
        async with asyncio.timeout(timeout_seconds):
            while len(self.messages) < count:
                await asyncio.sleep(0.02)

    def _protocol(self) -> SMTP:
        return SMTP(self, hostname="mail.test", loop=asyncio.get_running_loop())

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if refusals := self.refusals.get(address):
            return refusals.pop(0)
        self.after("rcpt", len(self.messages))
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        self.after("data", len(self.messages))
        return TAKEN

    async def handle_QUIT(self, server, session, envelope) -> str:  # noqa: N802
        self.after("quit", len(self.messages))
        return "221 Bye"
