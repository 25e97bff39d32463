"""A scripted HTTP receiver on a real socket: for tests, the demo and benchmarks.

It answers what it is told, well-behaved or hostile, and keeps what it was sent::

    async with Receiver() as receiver:
        receiver.script([Answer(500), Reset()])  # then 200 again
        ...
        await receiver.wait_for(3)
        assert receiver.requests[0].headers["webhook-id"] == "17"

Head and body of an answer leave in one write with TCP_NODELAY: in two writes a kept-alive request takes 43 ms longer
(delayed acknowledgement).
"""
# ruff: noqa: D102  # an answer's class says what its __call__ does

import asyncio
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

import httptools


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request. *path* includes the query, header names are lower case, *received_at* is monotonic nanoseconds.

    *connection* numbers the connection it came on, from 1; equal numbers mean that a connection was kept alive.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: int
    connection: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, valid answer, *delay_seconds* after the request; ``content-length`` is added."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    delay_seconds: float = 0

    def render(self) -> bytes:
        """Return head and body as they are sent."""
        lines = [f"HTTP/1.1 {self.status} ", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    async def __call__(self, connection: "Connection") -> None:
        await asyncio.sleep(self.delay_seconds)
        connection.write(self.render())


@dataclass(frozen=True, slots=True)
class Redirect:
    """A 302, or another *status*, to *url*."""

    url: str
    status: int = 302

    async def __call__(self, connection: "Connection") -> None:
        connection.write(Answer(self.status, {"location": self.url}).render())


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, while the connection stays open."""

    async def __call__(self, connection: "Connection") -> None:  # noqa: ARG002  # nothing is written
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Drip:
    """An answer that never ends: its body comes byte by byte, one each *interval_seconds*."""

    interval_seconds: float = 0.05

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            await asyncio.sleep(self.interval_seconds)
            connection.write(b".")


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset, without an answer."""

    async def __call__(self, connection: "Connection") -> None:
        connection.reset()


@dataclass(frozen=True, slots=True)
class CloseWithoutAnswer:
    """The connection is closed in good order, without an answer."""

    async def __call__(self, connection: "Connection") -> None:
        connection.close()


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not HTTP; then the connection is closed."""

    data: bytes = b"\x00\x15\xff\xfe not HTTP at all \r\n\r\n\x00"

    async def __call__(self, connection: "Connection") -> None:
        connection.write(self.data)
        connection.close()


@dataclass(frozen=True, slots=True)
class EndlessHeaders:
    """Header lines without end, as fast as the other side reads, or one each *interval_seconds*."""

    interval_seconds: float = 0

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            connection.write(b"x-%d: %s\r\n" % (number, b"y" * 64))
            number += 1
            await asyncio.sleep(self.interval_seconds)
            await connection.drain()


@dataclass(frozen=True, slots=True)
class HugeBody:
    """A 200 whose body has *size_bytes*, sent as fast as the other side reads."""

    size_bytes: int = 100 * 1024 * 1024

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self.size_bytes)
        left = self.size_bytes
        while left > 0:
            piece = min(left, 65_536)
            connection.write(b"x" * piece)
            left -= piece
            await connection.drain()


Reply = Callable[["Connection"], Coroutine[object, object, None]]
"""Any of the classes above, or an own ``async def`` that writes to the connection; cancelled when that is lost."""


class Receiver:
    """An HTTP/1.1 server on *host* and a free port, entered as a context.

    *port* 0 takes a free one. With *ssl_context* it speaks TLS. *record* False only counts requests, for benchmarks.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        record: bool = True,
    ) -> None:
        self.host = host
        self.port = port
        self.requests: list[ReceivedRequest] = []
        self.count = 0
        self.connections = 0
        self._ssl_context = ssl_context
        self._record = record
        self._default: Reply = Answer()
        self._defaults: dict[str, Reply] = {}
        self._script: deque[Reply] = deque()
        self._scripts: dict[str, deque[Reply]] = {}
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        scheme = "https" if self._ssl_context else "http"
        return f"{scheme}://{self.host}:{self.port}"

    def answer(
        self,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        delay_seconds: float = 0,
        path: str | None = None,
    ) -> None:
        """Answer every request for which no script is left so; with *path*, only those to that path."""
        self.always(Answer(status, headers or {}, body, delay_seconds), path=path)

    def always(self, reply: Reply, *, path: str | None = None) -> None:
        """Answer every request for which no script is left with *reply*; with *path*, only those to that path."""
        if path is None:
            self._default = reply
        else:
            self._defaults[path] = reply

    def script(self, replies: Iterable[Reply], *, path: str | None = None) -> None:
        """Answer the next requests with *replies*, one each; with *path*, only those to that path."""
        if path is None:
            self._script.extend(replies)
        else:
            self._scripts.setdefault(path, deque()).extend(replies)

    async def wait_for(self, count: int, *, timeout_seconds: float = 5) -> list[ReceivedRequest]:
        """Return the requests as soon as there have been *count* in all.

        Raises:
            TimeoutError: there were not, within *timeout_seconds*.
        """
        if self.count < count:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((count, future))
            async with asyncio.timeout(timeout_seconds):
                await future
        return self.requests

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._accept, self.host, self.port, ssl=self._ssl_context, backlog=4096
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in tuple(self._open):
            connection.abort()
        while self._open:  # noqa: ASYNC110  # an aborted transport is gone at the loop's next turn
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def _accept(self) -> "Connection":
        self.connections += 1
        return Connection(self.connections, self._received, self._open)

    def _received(self, request: ReceivedRequest) -> Reply:
        self.count += 1
        if self._record:
            self.requests.append(request)
        if self._waiters:
            self._wake()
        return self._next_reply(request.path.partition("?")[0])

    def _wake(self) -> None:
        for count, future in self._waiters:
            if self.count >= count and not future.done():
                future.set_result(None)
        self._waiters = [waiter for waiter in self._waiters if not waiter[1].done()]

    def _next_reply(self, path: str) -> Reply:
        script = self._scripts.get(path) or (self._script if path not in self._defaults else None)
        return script.popleft() if script else self._defaults.get(path, self._default)


class Connection(asyncio.Protocol):
    """One connection to a receiver: what a ``Reply`` writes to. It is in *siblings* as long as it is open."""

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
        """Send *data* as it is, in one write."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Return when the other side has read enough for more to be written."""
        await self._writable.wait()

    def close(self) -> None:
        """Send what was written, then close."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close at once, and drop what was not sent."""
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
        """Answer *request* when those before it are answered."""
        reply = self._receive(request)
        if self._playing is not None:
            self._waiting.append(reply)
        else:
            self._play(reply)

    def _play(self, reply: Reply) -> None:
        if isinstance(reply, Answer) and not reply.delay_seconds:  # no task: a benchmark's only case
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
    """The requests on one connection, put together from what the parser calls."""

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
