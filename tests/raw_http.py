"""Raw HTTP: clients with unusual bytes or timing, and hubs for them."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.keys import scopes_of
from tests.reliability.isolation import smuggling

from trunkline.api import server
from trunkline.hub.hub import Hub
from trunkline_kit.hubs import settings_for

SOON = 40
"""Seconds after which a waiting test fails."""
head = smuggling.head


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        return document


class Client:
    """One connection on which a test sends and reads raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write, even if the other side no longer reads."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def answer(self) -> Answer:
        """Read one answer with a Content-Length."""
        async with asyncio.timeout(SOON):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(first.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait until the server has closed the connection; fail if data comes before that."""
        async with asyncio.timeout(SOON):
            with contextlib.suppress(ConnectionError):
                return await self._reader.read(1) == b""
        return True

    async def read_some(self, size: int) -> bytes:
        """Read up to *size* bytes; empty at the end of the connection."""
        async with asyncio.timeout(SOON):
            try:
                return await self._reader.read(size)
            except ConnectionError:
                return b""

    def abort(self) -> None:
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()


async def connect(port: int, *, receives_little: bool = False) -> Client:
    """Connect to *port* of this machine; with *receives_little* the kernel buffers almost no unread data."""
    connecting = socket.socket()
    connecting.setblocking(False)
    if receives_little:
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connecting, limit=1 if receives_little else 2**16)
    return Client(reader, writer)


class Site:
    """A hub that is served on a port, and clients for it."""

    def __init__(self, hub: Hub, port: int, stack: contextlib.AsyncExitStack) -> None:
        self.hub = hub
        self.port = port
        self._stack = stack

    async def connect(self, *, receives_little: bool = False) -> Client:
        """Connect; with *receives_little* the kernel buffers almost no unread data."""
        client = await connect(self.port, receives_little=receives_little)
        self._stack.callback(client.close)
        return client

    async def key(self, company_id: int | None = 92) -> str:
        _, key = await self.hub.keys.create(
            company_id, name="test", scopes=scopes_of(company_id, ["events:write", "events:read"])
        )
        return key


@contextlib.asynccontextmanager
async def serving(database_url: str, changed: Mapping[str, str] | None = None) -> AsyncIterator[Site]:
    """Serve a hub without a dispatcher on a free port. The kernel buffers little data that clients have not read."""
    hub = Hub(settings_for(database_url, {"plugins.enabled": "polling", **(changed or {})}), dispatch=False)
    with server.bind("127.0.0.1", 0) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        port = listener.getsockname()[1]
        async with server.running(hub, listener=listener), contextlib.AsyncExitStack() as stack:
            yield Site(hub, port, stack)
