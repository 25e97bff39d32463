"""An MCP server at ``/mcp``: every action, search and lookup is a tool for agents, and events can be looked up and explained.

A message goes ``routes`` (key, origin, size) → the SDK's low-level server (``server``), which speaks versions of the protocol
with and without a handshake → ``toolbox`` (the caller's tools) → ``operation_tools`` or ``event_tools``. The SDK takes half a
second to load: ``serving`` loads it for the first message.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import Channel, CompanyRows, Migrations, PluginContext, hookimpl
from trunkline.pages import Connector, PortalPage
from trunkline.routes import BearerRequest, Principal, require_extra
from trunkline_mcp import connector, portal, users
from trunkline_mcp.channel import make_channel
from trunkline_mcp.serving import Serving
from trunkline_mcp.settings import Settings
from trunkline_mcp.users import Users

if TYPE_CHECKING:
    from trunkline.routes import Routes

require_extra("mcp")


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the model of the settings section ``mcp``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Return the channel that delivers MCP Events by webhook."""
    context.shared(Serving)  # an unusable issuer is reported at the start
    return [make_channel(context)]


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Return the migrations of the plugin's tables."""
    of_companies = (CompanyRows("mcp_users", at_once=True), CompanyRows("mcp_calls"))
    return [Migrations("trunkline_mcp:migrations", of_companies=of_companies)]


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Return the connector that generates the files for connecting an agent."""
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
    """Return the page that shows how agents connect, and which calls they made."""
    return [portal.make_page(context)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes of the server."""
    from trunkline_mcp import llms, resource_metadata  # noqa: PLC0415
    from trunkline_mcp.routes import make_routes  # noqa: PLC0415

    serving = context.shared(Serving)
    of_hub = context.deployment.access_tokens()
    metadata = resource_metadata.ResourceMetadata(
        context,
        issuer=serving.tokens.issuer if serving.tokens else None,
        hub_issuer=of_hub.issuer if of_hub else None,
    )
    of_metadata = resource_metadata.make_routes(metadata, public_url=context.deployment.public_url)
    return [make_routes(context, serving, metadata), of_metadata, llms.make_routes(context)]


@hookimpl
async def authenticate_request(context: PluginContext, request: BearerRequest) -> Principal | None:
    """Find the principal of an issuer's access token. These tokens are valid only for messages to the MCP server."""
    tokens = context.shared(Serving).tokens
    return (
        await tokens.authenticate(request) if tokens is not None and request.path == connector.PATH else None
    )


@hookimpl
async def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Return the principal of an issuer's user, with present rights, if the user's last call is less than a day old."""
    return await Users(context).find(principal_id) if principal_id.startswith(users.PREFIX) else None


@hookimpl
@asynccontextmanager
async def lifespan(context: PluginContext) -> AsyncGenerator[None]:
    """Run the MCP server while the hub runs; the server starts at the first message."""
    async with context.shared(Serving).running():
        yield
