"""OAuth 2.0: a person connects an app with a company by consent, instead of handing over an API key.

An app sends a person to ``/oauth/authorize`` (``authorize_routes``, ``requests``). In the portal the person allows the
request (``pages``). The app exchanges its code for tokens at ``/oauth/token`` (``token_routes``), and calls the API
with them. ``grants`` manages codes, connections and tokens, ``apps`` finds and authenticates apps, ``store`` has the
SQL. An app that no operator has registered describes itself (``client_metadata``): in a document
(``client_documents``), or by registering itself (``token_routes``).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import CompanyRows, Migrations, PluginContext, hookimpl
from trunkline.pages import PortalPage
from trunkline.routes import BearerRequest, Command, Principal, TrunklineError
from trunkline_oauth import commands, pages, secrets
from trunkline_oauth.apps import Apps
from trunkline_oauth.grants import CONNECTION_PREFIX, Grants
from trunkline_oauth.settings import Settings

if TYPE_CHECKING:
    from trunkline.routes import Routes

SWEEP_SECONDS = 5.0
"""Interval of the sweep for ended connections. The subscriptions and keys of a connection end at most this time after it."""


class _Server:
    def __init__(self, context: PluginContext) -> None:
        self.apps = Apps(context)
        self.grants = Grants(context, self.apps)


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the model of the settings section ``oauth``."""
    return Settings


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Return the migrations of the plugin's tables."""
    of_connection = "connection_id IN (SELECT id FROM oauth_connections WHERE company_id = :company)"
    of_companies = (
        CompanyRows("oauth_codes", at_once=True),
        CompanyRows("oauth_tokens", of_connection, at_once=True),
        CompanyRows("oauth_connections", at_once=True),
    )
    return [Migrations("trunkline_oauth:migrations", of_companies=of_companies)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes for apps and operators."""
    from trunkline.routes import Routes  # noqa: PLC0415
    from trunkline_oauth import api_routes, authorize_routes, token_routes  # noqa: PLC0415

    server = context.shared(_Server)
    own, known = authorize_routes.make_routers(context, server.apps)
    return [
        Routes(own, prefix="/oauth", base=""),
        Routes(token_routes.make_router(context, server.apps, server.grants), prefix="/oauth", base=""),
        Routes(known, prefix="/.well-known", base=""),
        Routes(api_routes.make_router(server.apps, server.grants), prefix="/oauth"),
    ]


@hookimpl
def register_portal_pages(context: PluginContext) -> Sequence[PortalPage]:
    """Return the page that asks for consent, and the list of connected apps."""
    server = context.shared(_Server)
    return pages.make_pages(context, server.apps, server.grants)


@hookimpl
def register_commands() -> Sequence[Command]:
    """Return ``trunkline run oauth …``."""
    return commands.COMMANDS


@hookimpl
@contextlib.asynccontextmanager
async def lifespan(context: PluginContext) -> AsyncGenerator[None]:
    """While the hub runs, end connections that have expired or whose key has ended."""
    sweeping = asyncio.create_task(_sweep(context))
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)


async def _sweep(context: PluginContext) -> None:
    grants = context.shared(_Server).grants
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await grants.sweep()
        except TrunklineError as error:
            context.log.warning("cannot end connections that are over now: %s", error)
        except Exception:  # the next try may succeed
            context.log.exception("connections that are over were not ended")


@hookimpl
async def authenticate_request(context: PluginContext, request: BearerRequest) -> Principal | None:
    """Find the principal of an access token."""
    if not request.token.startswith(secrets.ACCESS):
        return None
    return await context.shared(_Server).grants.authenticate(request.token, request.path)


@hookimpl
async def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Return the principal of a connection, with its present rights."""
    if not principal_id.startswith(CONNECTION_PREFIX):
        return None
    return await context.shared(_Server).grants.find(principal_id)


@hookimpl
async def describe_end(context: PluginContext, principal_id: str) -> Sequence[str]:
    """Name the apps whose connections end when the principal ends."""
    names = await context.shared(_Server).grants.names_ending_with(principal_id)
    return [f"These apps that it connected are disconnected: {', '.join(names)}."] if names else []
