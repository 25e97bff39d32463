"""The admin portal at ``/portal``: server-rendered pages that use only the plugin API.

A request goes ``routing`` (errors, headers) → ``access`` (viewer, form tokens) → a module of ``pages`` → ``portal.render``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import CompanyRows, Migrations, PluginContext, hookimpl
from trunkline.routes import Principal
from trunkline_portal.oidc.people import PREFIX
from trunkline_portal.oidc.users import Users
from trunkline_portal.settings import Settings

if TYPE_CHECKING:
    from trunkline.routes import Routes


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the section ``portal``."""
    return Settings


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Return the history of the plugin's tables."""
    of_companies = (
        CompanyRows("portal_links", at_once=True),
        CompanyRows("portal_users", at_once=True),
        CompanyRows("portal_sessions", "company_id = :company AND link_id IS NOT NULL", at_once=True),
    )
    return [Migrations("trunkline_portal:migrations", of_companies=of_companies)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the pages, and the route that makes sign-in links."""
    from trunkline.routes import Routes  # noqa: PLC0415
    from trunkline_portal import link_routes, pages  # noqa: PLC0415
    from trunkline_portal.portal import Portal  # noqa: PLC0415

    portal = Portal(context)
    return [
        *(Routes(router, base="/portal") for router in pages.make_routers(portal)),
        Routes(link_routes.make_router(portal), prefix="/portal/links"),
    ]


@hookimpl
async def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Return the present rights of a user of the identity provider."""
    settings = context.settings
    assert isinstance(settings, Settings)
    if settings.oidc is None or not principal_id.startswith(PREFIX):
        return None
    users = Users(context, issuer=settings.oidc.issuer)
    return await users.find(principal_id)
