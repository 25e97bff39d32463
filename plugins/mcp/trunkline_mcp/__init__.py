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

from trunkline import (
    Channel,
    CompanyRows,
    Connector,
    Migrations,
    PluginContext,
    PortalPage,
    Routes,
    hookimpl,
    require_extra,
)
from trunkline_mcp import connector, portal
from trunkline_mcp.channel import make_channel
from trunkline_mcp.settings import Settings

if TYPE_CHECKING:
    from trunkline_mcp.server import AgentServer

require_extra("mcp")


class _Served:
    """The server, once somebody serves."""

    def __init__(self, _: PluginContext) -> None:
        self.server: AgentServer | None = None


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
    """Give the history of the plugin's table."""
    return [Migrations("trunkline_mcp:migrations", of_companies=(CompanyRows("mcp_calls"),))]


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
    server = context.shared(_Served).server = import_module("trunkline_mcp.server").AgentServer(context)
    routes: Routes = import_module("trunkline_mcp.routes").make_routes(context, server)
    return [routes]


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
