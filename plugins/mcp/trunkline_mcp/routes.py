"""The route at ``/mcp``. It checks the sender and the size of a message; the MCP server answers the message."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Message, Receive, Scope, Send

from trunkline import BodyInvalid, Json, PluginContext
from trunkline.routes import Caller, Routes, read_body, read_json, requires
from trunkline_mcp.cancelling import CANCELLED, Key, RunningCalls, cancelled_by
from trunkline_mcp.connector import PATH
from trunkline_mcp.raw_json import CALLER_KEY, MESSAGE_KEY, RAW_KEY, TOOLS_KEY, Filling, RawJson
from trunkline_mcp.resource_metadata import ResourceMetadata, challenging
from trunkline_mcp.serving import Serving
from trunkline_mcp.settings import Settings, ToolForm

if TYPE_CHECKING:
    from trunkline_mcp.server import AgentServer

MAX_BYTES = 32 * 1024
"""Limit of a message: few arguments need more, and the most expensive message blocks the event loop for 13 ms."""

Calls = Annotated[Caller, Depends(requires(None, bucket="read"))]
_PARSE_ERROR, _INVALID_REQUEST, _INVALID_PARAMS = -32700, -32600, -32602
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_MESSAGE = (
    "Send one JSON-RPC message: an object with 'jsonrpc' \"2.0\", a string 'method', 'params' (if any) as an object, "
    "and, in a request, an 'id' that is a string or an integer."
)
_NO_STREAM = "Send messages by POST: nothing is sent unasked here, and no session is kept that could end."


def make_routes(context: PluginContext, serving: Serving, metadata: ResourceMetadata) -> Routes:
    """Build the route over the server of *serving*; *metadata* names the issuers of tokens."""
    assert isinstance(context.settings, Settings)
    own: list[str] = []
    if public_url := context.deployment.public_url:
        parts = urlsplit(public_url)
        own.append(f"{parts.scheme}://{parts.netloc}")
    handlers = _Handlers(serving, metadata, origins=frozenset({*own, *context.settings.allowed_origins}))
    router = APIRouter(route_class=challenging(metadata), tags=["MCP"], include_in_schema=False)
    router.add_api_route(
        "", handlers.take, methods=["POST"], summary="Send a message of the Model Context Protocol"
    )
    router.add_api_route("", handlers.refuse, methods=["GET", "DELETE"])
    return Routes(router, prefix=PATH, base="")


class _Handlers:
    """Accepts messages for the server of *serving*, also from web pages of *origins*."""

    def __init__(self, serving: Serving, metadata: ResourceMetadata, *, origins: frozenset[str]) -> None:
        self._serving = serving
        self._metadata = metadata
        self._origins = origins
        self._running = RunningCalls()

    async def take(self, request: Request, caller: Calls, tools: ToolForm | None = None) -> Response:
        """Check a message's sender and size, and leave the answer to the server. *tools* is the form for lists of tools."""
        origin = request.headers.get("origin")
        if origin and origin not in self._origins and not _is_here(origin):
            sentence = f"Pages of {origin[:200]} may not send messages here; 'mcp.allowed_origins' names those that may."
            return _error(403, _INVALID_REQUEST, sentence)
        _ = caller.company_id  # an operator must name one before anything is read
        body = await read_body(request, limit=MAX_BYTES)
        try:
            as_written, message = read_json(body)
        except BodyInvalid as error:
            return _unreadable(body, error)
        if not _is_message(message):  # the SDK's sentence is a dump, and it drops a request with another id
            return _error(400, _INVALID_REQUEST, _NO_MESSAGE)
        server = await self._serving.server()
        if scope := server.scope_missing(caller, message):
            challenge = self._metadata.challenge(request, error="insufficient_scope", scopes=[scope])
            sentence = f"This access token lacks the scope '{scope}'."
            headers = {"WWW-Authenticate": challenge} if challenge else None
            return _error(403, _INVALID_REQUEST, sentence, headers=headers)
        if (cancelled := cancelled_by(message)) is not None:
            self._running.cancel(_key_of(request, caller, cancelled))
        same_as_over_http = orjson.dumps(message)
        message_id = message.get("id") if isinstance(message, dict) else None
        key = _key_of(request, caller, message_id if isinstance(message_id, str | int) else None)
        keys = {CALLER_KEY: caller, MESSAGE_KEY: as_written, TOOLS_KEY: tools}
        return _Answer(server, same_as_over_http, keys=keys, running=self._running, key=key)

    async def refuse(self, _: Calls) -> Response:
        """Refuse a request to open a stream or to end a session."""
        return _error(405, _INVALID_REQUEST, _NO_STREAM, headers={"Allow": "POST"})


class _Answer(Response):
    """The server's answer to *body*, generated while it is sent. *keys* are added to the ASGI scope."""

    def __init__(
        self,
        server: "AgentServer",
        body: bytes,
        *,
        keys: Mapping[str, object],
        running: RunningCalls,
        key: Key,
    ) -> None:
        super().__init__()
        self._running = running
        self._key = key
        self._keys = keys
        self._server = server
        self._message: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hear() -> Message:
            return self._message.pop() if self._message else await receive()

        # the parser leaves the white space around a header's value (RFC 9110, 5.5)
        headers = [
            (name, value.strip() if name.startswith(b"mcp-") else value) for name, value in scope["headers"]
        ]
        raw = RawJson()
        message_scope = {**scope, **self._keys, "headers": headers, RAW_KEY: raw}
        filling = Filling(raw, send)
        answer = self._server.answer(message_scope, hear, filling)
        if self._server.watches_client(scope):
            await answer
        elif not await self._running.run(answer, receive, key=self._key, is_sent=lambda: filling.is_whole):
            cancelled = _error(200, CANCELLED, "Request cancelled", message_id=self._key[-1])
            await cancelled(scope, receive, send)


def _key_of(request: Request, caller: Caller, message_id: str | int | None) -> Key:
    """Return the key of a call: its API key or token, the client's address and name, and the message id."""
    address = request.client.host if request.client else None
    agent = request.headers.get("user-agent", "")
    return caller.principal.key_id, caller.company_id, address, agent, type(message_id), message_id


def _is_here(origin: str) -> bool:
    try:
        return urlsplit(origin).hostname in _LOOPBACK
    except ValueError:
        return False


def _is_message(message: Json) -> bool:
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params"), dict | None)
        and type(message.get("id", 0)) in {int, str}
    )


def _unreadable(body: bytes, error: BodyInvalid) -> Response:
    """Refuse a body that is not JSON, or, with its id, a message whose parameters no call of the hub accepts."""
    try:
        message_id = orjson.loads(body)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message_id = None
    if isinstance(message_id, str | int) and error.errors[0].path.startswith("/params"):
        return _error(400, _INVALID_PARAMS, error.detail, message_id=message_id)
    return _error(400, _PARSE_ERROR, error.detail)


def _error(
    status: int, code: int, sentence: str, *, message_id: object = None, headers: dict[str, str] | None = None
) -> Response:
    """Write a JSON-RPC error. Without *message_id* the error belongs to no message."""
    content = {"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": sentence}}
    return Response(orjson.dumps(content), status, headers=headers, media_type="application/json")
