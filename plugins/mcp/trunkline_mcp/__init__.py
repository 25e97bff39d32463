"""An MCP server at ``/mcp``: every action, search and lookup is a tool for agents, and events can be looked up and explained.

A message goes ``routes`` (key, origin, size) → the SDK's low-level server (``server``), which knows both eras of the
protocol → ``toolbox`` (which tools a caller has) → ``operation_tools`` or ``event_tools``. The SDK takes half a second to
load: ``serving`` loads it for the first message.
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

PATH = "/mcp"


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``mcp``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Give the channel of MCP Events by webhook."""
    context.shared(Serving)  # an issuer that cannot be asked is told at the start
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
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Give the route that agents send their messages to."""
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
    """Tell whose access token of the issuer a message to the server has; tokens for the server are good for nothing else."""
    tokens = context.shared(Serving).tokens
    return await tokens.authenticate(request) if tokens is not None and request.path == PATH else None


@hookimpl
async def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Tell what a user of the issuer may do who came lately."""
    return await Users(context).find(principal_id) if principal_id.startswith(users.PREFIX) else None


@hookimpl
@asynccontextmanager
async def lifespan(context: PluginContext) -> AsyncGenerator[None]:
    """Run the server while the hub runs, from its first message on."""
    async with context.shared(Serving).running():
        yield
