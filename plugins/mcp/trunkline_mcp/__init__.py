"""An MCP server at ``/mcp``: every action, search and lookup is a tool for agents, and events can be looked up and explained.

A message goes ``routes`` (key, origin, size) → the SDK's low-level server (``server``), which knows both eras of the
protocol → ``toolbox`` (which tools a caller has) → ``operation_tools`` or ``event_tools``. The SDK takes half a second to
load, so it is loaded by whoever serves, when the routes are made.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import Channel, CompanyRows, Migrations, PluginContext, hookimpl
from trunkline.pages import Connector, PortalPage
from trunkline.routes import BearerRequest, Principal, Routes, require_extra
from trunkline_mcp import connector, portal, resource_metadata, users
from trunkline_mcp.access_tokens import NotedTokens, tokens_for
from trunkline_mcp.channel import make_channel
from trunkline_mcp.resource_metadata import ResourceMetadata
from trunkline_mcp.settings import Settings
from trunkline_mcp.users import Users

if TYPE_CHECKING:
    from trunkline_mcp.server import AgentServer

require_extra("mcp")

PATH = "/mcp"


class _Served:
    """The server, once somebody serves, and who its tokens of an issuer stand for."""

    def __init__(self, _: PluginContext) -> None:
        self.server: AgentServer | None = None
        self.tokens: NotedTokens | None = None


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``mcp``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Give the channel of MCP Events by webhook."""
    return [make_channel(context)]


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Give the history of the plugin's tables."""
    of_companies = (CompanyRows("mcp_users", at_once=True), CompanyRows("mcp_calls"))
    return [Migrations("trunkline_mcp:migrations", of_companies=of_companies)]


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Give what somebody needs to let an agent in."""
    return [
        Connector(
            "mcp",
            title="Agents (MCP)",
            description="A server for AI agents: each action, search and lookup is a tool. Clients connect to it by its address.",
            generate=connector.generate,
            steps=connector.STEPS,
        )
    ]


@hookimpl
def register_portal_pages(context: PluginContext) -> Sequence[PortalPage]:
    """Give the page that shows how agents connect, and what they did."""
    return [portal.make_page(context)]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the route that agents send their messages to."""
    served = context.shared(_Served)
    server = served.server = import_module("trunkline_mcp.server").AgentServer(context)
    served.tokens = tokens_for(context)
    of_hub = context.deployment.access_tokens()
    metadata = ResourceMetadata(
        context,
        issuer=served.tokens.issuer if served.tokens else None,
        hub_issuer=of_hub.issuer if of_hub else None,
    )
    routes: Routes = import_module("trunkline_mcp.routes").make_routes(context, server, metadata)
    return [routes, resource_metadata.make_routes(metadata, public_url=context.deployment.public_url)]


@hookimpl
async def authenticate_request(context: PluginContext, request: BearerRequest) -> Principal | None:
    """Tell whose access token of the issuer a message to the server has; tokens for the server are good for nothing else."""
    tokens = context.shared(_Served).tokens
    return await tokens.authenticate(request) if tokens is not None and request.path == PATH else None


@hookimpl
async def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Tell what a user of the issuer may do who came lately."""
    return await Users(context).find(principal_id) if principal_id.startswith(users.PREFIX) else None


@hookimpl
@asynccontextmanager
async def lifespan(context: PluginContext) -> AsyncGenerator[None]:
    """Run the server while the hub runs."""
    server = context.shared(_Served).server
    if server is None:
        yield
        return
    async with server.running():
        yield
