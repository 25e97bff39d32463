"""One connection to a receiver: its requests are parsed, and answered in their order."""
# ruff: noqa: D102  # asyncio and the parser define the names and meaning of these methods

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools

from trunkline_kit.receiver.replies import Answer, Reply


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request. *path* includes the query, header names are lower case, *received_at* is monotonic nanoseconds.

    *connection* is the number of its connection, from 1; equal numbers mean a kept-alive connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: int
    connection: int


class Connection(asyncio.Protocol):
    """One connection to a receiver, to which a ``Reply`` writes. The connection is in *siblings* while it is open."""

    def __init__(
        self, number: int, receive: Callable[[ReceivedRequest], Reply], siblings: set["Connection"]
    ) -> None:
        self.number = number
        self._receive = receive
        self._siblings = siblings
        self.transport: asyncio.Transport | None = None
        self._requests = _Requests(self)
        self._waiting: deque[Reply] = deque()
        self._playing: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def write(self, data: bytes) -> None:
        """Send *data* unchanged in one write."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until more can be written."""
        await self._writable.wait()

    def close(self) -> None:
        """Close after the written data has been sent."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close at once and drop unsent data."""
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        """Close at once with a TCP reset."""
        if self.transport is not None:
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self.transport = None
        self._waiting.clear()
        if self._playing is not None:
            self._playing.cancel()
        self._siblings.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._requests.feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.write(Answer(400, {"connection": "close"}).render())
            self.close()

    def answer(self, request: ReceivedRequest) -> None:
        """Answer *request* after the earlier ones."""
        reply = self._receive(request)
        if self._playing is not None:
            self._waiting.append(reply)
        else:
            self._play(reply)

    def _play(self, reply: Reply) -> None:
        if isinstance(reply, Answer) and not reply.delay_seconds:  # the only case in benchmarks: no task
            self.write(reply.render())
        else:
            self._playing = asyncio.get_running_loop().create_task(reply(self))
            self._playing.add_done_callback(self._played)

    def _played(self, task: asyncio.Task[None]) -> None:
        self._playing = None
        if not task.cancelled():
            task.result()
        while self._waiting and self._playing is None:
            self._play(self._waiting.popleft())


class _Requests:
    """The requests on one connection, assembled from the parser's callbacks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)
        self.feed = self._parser.feed_data

    def on_message_begin(self) -> None:
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        request = ReceivedRequest(
            method=self._parser.get_method().decode("latin-1"),
            path=self._path.decode("latin-1"),
            headers=self._headers,
            body=b"".join(self._body),
            received_at=time.monotonic_ns(),
            connection=self._connection.number,
        )
        self._connection.answer(request)
