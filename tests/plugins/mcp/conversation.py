"""Messages of a client, written without a client library, with and without a handshake."""

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

MODERN = "2026-07-28"
HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ERAS = (MODERN, *HANDSHAKE)
_META = "io.modelcontextprotocol"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_IDS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Speaks one version of the protocol to ``/mcp`` by a client that has a key."""

    http: httpx2.AsyncClient
    version: str = MODERN
    headers: dict[str, str] = field(default_factory=dict)
    address: str = "/mcp"

    async def send(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> httpx2.Response:
        return await self.http.post(
            self.address,
            content=json.dumps(self.message(method, params)),
            headers=self.head(method, params) | more,
        )

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Send a request that succeeds; return its result."""
        answer = (await self.send(method, params)).json()
        assert "result" in answer, answer
        return answer["result"]

    async def error(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request that is refused; return the JSON-RPC error."""
        answer = (await self.send(method, params)).json()
        assert "error" in answer, answer
        return answer["error"]

    async def tools(self) -> dict[str, Any]:
        return {tool["name"]: tool for tool in (await self.ask("tools/list"))["tools"]}

    async def call(self, name: str, **arguments: Any) -> Any:
        return await self.ask("tools/call", {"name": name, "arguments": arguments})

    def message(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        meta = {f"{_META}/protocolVersion": self.version, f"{_META}/clientCapabilities": {}}
        own = {"_meta": meta} if self.version not in HANDSHAKE else {}
        return {"jsonrpc": "2.0", "id": next(_IDS), "method": method, "params": {**(params or {}), **own}}

    def head(self, method: str, params: dict[str, Any] | None = None) -> dict[str, str]:
        """Write the headers of a request."""
        head = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": self.version,
        }
        if self.version not in HANDSHAKE:
            head["mcp-method"] = method
            if method in _NAMED:
                head["mcp-name"] = str((params or {}).get(_NAMED[method], ""))
        return head | self.headers
