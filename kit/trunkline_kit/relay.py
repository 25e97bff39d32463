"""A relay between a channel and a real server under test: it passes everything on, withholds answers, or breaks the connection.

It is for a far side whose transport is not HTTP. The server keeps running, so that arrivals can be read from it, while the
channel meets a hanging target or a lost connection::

    async with Relay("127.0.0.1", server.port) as relay:
        yield Stream(relay, "crm")  # a RelayedFarSide, whose target has relay.port
"""

import asyncio
import contextlib
import ssl
from typing import Literal, Self
from weakref import WeakSet

from trunkline_kit.far_sides import LONGEST_WAIT_SECONDS, FarSide, Traffic

Mode = Literal["carry", "hang", "reset"]


class Relay:
    """Listens at *port* for connections to the server at *host*, *server_port*, or at the Unix socket with the path *host*.

    Use it as a context manager. *mode* also applies to existing connections. With ``carry`` everything passes; with
    ``hang`` the channel's data arrives, but no answer comes back; with ``reset`` the connection breaks when the channel
    sends data. With *tls* the relay uses TLS, from the beginning or after the exchange *before_tls* (see ``FarSide``).
    """

    def __init__(
        self,
        host: str,
        server_port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        before_tls: tuple[bytes, bytes] | None = None,
    ) -> None:
        self.mode: Mode = "carry"
        self.port = 0
        self.connections = 0
        """Number of connections on which a channel has sent data."""
        self.aside = b""
        """Data that begins with these bytes, such as a cancel request on another connection, is not counted."""
        self.said_bytes = 0
        """Number of bytes that the channel has sent."""
        self.silent_from: int | None = None
        """Number of sent bytes after which answers are withheld; None if answers are always passed on."""
        self.connected = asyncio.Event()
        """Set by the next connection."""
        self._host = host
        self._server_port = server_port
        self._tls = tls
        self._before_tls = before_tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._others = contextlib.AsyncExitStack()
        self._spoken_over: WeakSet[asyncio.StreamWriter] = WeakSet()

    @property
    def server(self) -> str:
        """The server's address, as the text of a side effect shows it."""
        return f"'{self._host}'" if self._host.startswith("/") else f"'{self._host}', {self._server_port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connect, "127.0.0.1", 0, ssl=None if self._before_tls else self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._others.aclose()
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def beside(self) -> "Relay":
        """Open another relay to the same server, with a separate mode; the other relay is closed with this one."""
        return await self._others.enter_async_context(Relay(self._host, self._server_port))

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connected.set()
        try:
            if self._tls is not None and self._before_tls is not None:
                asked, consent = self._before_tls
                await reader.readexactly(len(asked))
                writer.write(consent)
                await writer.start_tls(self._tls)
            if self._host.startswith("/"):
                answers, calls = await asyncio.open_unix_connection(self._host)
            else:
                answers, calls = await asyncio.open_connection(self._host, self._server_port)
            try:
                await self._carry_both(reader, writer, answers, calls)
            finally:
                calls.close()
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the server is down or the test has ended: the channel sees a closed connection
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _carry_both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        calls: asyncio.StreamWriter,
    ) -> None:
        ways = [
            asyncio.ensure_future(self._carry(reader, calls, writer, is_answer=False)),
            asyncio.ensure_future(self._carry(answers, writer, writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        channel: asyncio.StreamWriter,
        *,
        is_answer: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if not is_answer and not (self.aside and data.startswith(self.aside)):
                    self.connections += target not in self._spoken_over
                    self._spoken_over.add(target)
                    self.said_bytes += len(data)
                if self.mode == "reset":
                    channel.transport.abort()
                    return
                is_silent = self.silent_from is not None and self.said_bytes >= self.silent_from
                if not is_answer or (self.mode != "hang" and not is_silent):
                    target.write(data)
                    await target.drain()


class RelayedFarSide(FarSide):
    """A far side behind *relay*, which makes the target hang or break. *target* names the relay's port."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.dials = ("127.0.0.1", relay.port)

    def is_own(self, detail: str) -> bool:
        """Return whether the side effect *detail* is the relay's connection to its server."""
        return self.relay.server in detail

    async def reached(self) -> None:
        """Wait only for a connection: while the relay hangs, a channel that awaits a greeting sends no event."""
        await asyncio.wait_for(self.relay.connected.wait(), LONGEST_WAIT_SECONDS)

    def traffic(self) -> Traffic:
        """Return the traffic into the relay."""
        return Traffic(self.relay.connections, self.relay.said_bytes)

    async def accept(self) -> bool:
        """Carry everything again."""
        self.relay.mode = "carry"
        self.relay.silent_from = None
        return True

    async def hang(self) -> bool:
        """Pass data on, but withhold answers."""
        self.relay.mode = "hang"
        self.relay.connected.clear()
        return True

    async def reset(self) -> bool:
        """Break the connection when data is sent."""
        self.relay.mode = "reset"
        return True

    async def fall_silent(self, after_bytes: int) -> bool:
        """Withhold answers after *after_bytes* more bytes were sent."""
        self.relay.silent_from = self.relay.said_bytes + after_bytes
        return True
