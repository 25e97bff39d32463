"""A product's own MCP server, whose events are those of the hub.

``HUB=http://127.0.0.1:8000 KEY=… uvicorn product_mcp:app --port 9100``. KEY is an operator's key of the hub.
"""

import os

from mcp.server.mcpserver import MCPServer
from starlette.types import Receive, Scope, Send

from trunkline_client.mcp_events import EventForwarder

COMPANIES = {"token-of-jane": 92, "token-of-john": 93}
"""Stands for your own way to sign users in, and for your own table of users."""

server = MCPServer("Shop")


@server.tool()
def count_orders() -> int:
    """Counts the orders of today."""
    return 7


async def company_of(scope: Scope) -> int | None:
    """Tell whose events a user may have: decided by the product, never by what a request says of a company."""
    headers = dict(scope["headers"])
    return COMPANIES.get(headers.get(b"authorization", b"").decode().removeprefix("Bearer "))


class SignedIn:
    """Lets signed-in users in, and nobody else."""

    def __init__(self, app: object) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and await company_of(scope) is None:
            headers = [(b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


tools = server.streamable_http_app(stateless_http=True)
app = SignedIn(EventForwarder(tools, hub=os.environ["HUB"], key=os.environ["KEY"], company_of=company_of))
