"""The receiver: a server that answers by script, and keeps the requests."""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Self

from trunkline_kit.receiver.connections import Connection, ReceivedRequest
from trunkline_kit.receiver.replies import Answer, Reply

TURNS_OF_ACCEPTING = 3
"""Iterations of the event loop between accepting a connection and handing it to its protocol."""


class Receiver:
    """An HTTP/1.1 server on *host* and *port*, entered as a context.

    *port* 0 chooses a free port. With *ssl_context* the server uses TLS. If *record* is False, requests are only
    counted, for benchmarks.
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
        """Return the receiver's URL, without a trailing slash."""
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
        """Answer every unscripted request this way; if *path* is given, only the requests to that path."""
        self.always(Answer(status, headers or {}, body, delay_seconds), path=path)

    def always(self, reply: Reply, *, path: str | None = None) -> None:
        """Answer every unscripted request with *reply*; if *path* is given, only the requests to that path."""
        if path is None:
            self._default = reply
        else:
            self._defaults[path] = reply

    def script(self, replies: Iterable[Reply], *, path: str | None = None) -> None:
        """Answer each of the next requests with one of *replies*. If *path* is given, only the requests to that path."""
        if path is None:
            self._script.extend(replies)
        else:
            self._scripts.setdefault(path, deque()).extend(replies)

    async def wait_for(self, count: int, *, timeout_seconds: float = 30) -> list[ReceivedRequest]:
        """Wait until *count* requests have arrived since the start; return all requests.

        Raises:
            TimeoutError: fewer requests arrived within *timeout_seconds*.
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
        for listening in self._server.sockets:
            # Accept no more: a connection accepted while the server closes would stay open.
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(TURNS_OF_ACCEPTING):
            await asyncio.sleep(0)
        self._server.close()
        while self._open:
            for connection in tuple(self._open):
                connection.abort()
            await asyncio.sleep(0)  # an aborted transport is closed in the loop's next iteration
        await self._server.wait_closed()

    def _accept(self) -> "Connection":
        self.connections += 1
        return Connection(self.connections, self._received, self._open)

    def _received(self, request: ReceivedRequest) -> Reply:
        self.count += 1
        if self._record:
            self.requests.append(request)
        if self._waiters:
            for count, future in self._waiters:
                if self.count >= count and not future.done():
                    future.set_result(None)
            self._waiters = [waiter for waiter in self._waiters if not waiter[1].done()]
        path = request.path.partition("?")[0]
        script = self._scripts.get(path) or (self._script if path not in self._defaults else None)
        return script.popleft() if script else self._defaults.get(path, self._default)
