"""MCP Events behind a product's own MCP server: an ASGI middleware that forwards the requests about events to the hub.

::

    app = EventForwarder(server.streamable_http_app(), hub="https://hub.example.com", key=key, company_of=company_of)

The server keeps its tools and its sign-in. ``events/list``, ``events/poll``, ``events/subscribe``,
``events/unsubscribe`` and ``events/stream`` go to the hub, in the name of the user's company, and come back byte for byte.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from typing import Any

import httpx2

METHODS = frozenset({"events/list", "events/poll", "events/subscribe", "events/unsubscribe", "events/stream"})
MAX_BYTES = 32 * 1024
"""The hub's size limit of a message. A longer message cannot be a request about events."""
_OPENING = frozenset({"initialize", "server/discover"})
_EXTENSION = "io.modelcontextprotocol/events"
_SENT = (b"accept", b"content-type", b"mcp-protocol-version", b"mcp-method", b"mcp-name")
_RETURNED = ("content-type", "cache-control", "retry-after", "x-accel-buffering")
_NO_HUB = "Events cannot be had now; try again."

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
CompanyOf = Callable[[Scope], Awaitable["int | str | None"]]


class EventForwarder:
    """Forwards requests about MCP Events from *app* at *path* to the hub at *hub*.

    *key* is an operator's key, or the key of the only company. *company_of* takes the ASGI scope of a request, and
    returns the company (an id or a reference) of the user who sent the request. It returns None if the user has no
    valid credentials; *app* then answers. The caller must close the client *http*.
    """

    def __init__(
        self,
        app: App,
        *,
        hub: str,
        key: str,
        company_of: CompanyOf,
        path: str = "/mcp",
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._app = app
        self._url = f"{hub.rstrip('/')}/mcp"
        self._key = key
        self._company_of = company_of
        self._path = path
        self._http = http or httpx2.AsyncClient(timeout=httpx2.Timeout(60, connect=10))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", self._path):
            await self._app(scope, receive, send)
            return
        heard: list[Message] = []
        message = await _read(receive, heard)
        method = message.get("method")

        async def hear() -> Message:
            return heard.pop(0) if heard else await receive()

        if method in METHODS and (company := await self._company_of(scope)) is not None:
            await self._while_present(self._forward(scope, send, heard, message, company), receive)
        else:
            await self._app(scope, hear, _Advertising(send) if method in _OPENING else send)

    async def _forward(
        self, scope: Scope, send: Send, heard: list[Message], message: Mapping[str, Any], company: int | str
    ) -> None:
        sent = [(name, value) for name, value in scope["headers"] if name.lower() in _SENT]
        own = [(b"authorization", f"Bearer {self._key}".encode()), (b"x-company-id", str(company).encode())]
        body = b"".join(part.get("body", b"") for part in heard)
        has_begun = False
        try:
            async with self._http.stream("POST", self._url, content=body, headers=[*sent, *own]) as answer:
                if answer.status_code in {401, 403} or answer.status_code >= 500:
                    await _refuse(send, message, retry_after=answer.headers.get("retry-after"))
                    return
                kept = [
                    (name.encode(), answer.headers[name].encode())
                    for name in _RETURNED
                    if name in answer.headers
                ]
                await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
                has_begun = True
                async for chunk in answer.aiter_bytes():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except httpx2.HTTPError:
            if has_begun:
                raise  # the client sees a broken stream, and continues from its last cursor
            await _refuse(send, message)

    @staticmethod
    async def _while_present(forwarding: Coroutine[Any, Any, None], receive: Receive) -> None:
        """Run *forwarding* until it ends or the client disconnects, because a stream of events has no end."""

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        doing, leaving = asyncio.ensure_future(forwarding), asyncio.ensure_future(leave())
        try:
            await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        finally:
            for task in (doing, leaving):
                task.cancel()
            await asyncio.gather(doing, leaving, return_exceptions=True)


class _Advertising:
    """Sends the answer to a client's first message, and adds the events capability to it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body = b"\n".join(_advertised(self._body))
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**self._start, "headers": [*headers, length]})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _advertised(body: bytes) -> Iterator[bytes]:
    """Yield the lines of *body* (JSON, or an event stream of JSON) with the events capability added."""
    for line in body.split(b"\n"):
        prefix = b"data: " if line.startswith(b"data: ") else b""
        try:
            message = json.loads(line[len(prefix) :])
            capabilities = message["result"]["capabilities"]
        except (ValueError, KeyError, TypeError):
            yield line
            continue
        extensions = {**capabilities.get("extensions", {}), _EXTENSION: {"listChanged": False}}
        capabilities.update(events={}, extensions=extensions)
        yield prefix + json.dumps(message).encode()


async def _read(receive: Receive, heard: list[Message]) -> Mapping[str, Any]:
    """Read a request into *heard*, and return its message; empty if the request is too long or not a JSON object."""
    size, has_more = 0, True
    while has_more and size <= MAX_BYTES:
        heard.append(await receive())
        size += len(heard[-1].get("body", b""))
        has_more = heard[-1].get("more_body", False)
    try:
        message = {} if has_more else json.loads(b"".join(part.get("body", b"") for part in heard))
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


async def _refuse(send: Send, message: Mapping[str, Any], *, retry_after: str | None = None) -> None:
    error = {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": -32603, "message": _NO_HUB}}
    headers = [(b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(error).encode(), "more_body": False})
