"""The admin portal at ``/portal``: server-rendered pages over what a plugin may touch, and nothing else.

A request goes ``routing`` (errors, headers) → ``access`` (who looks, form tokens) → a module of ``pages`` → ``portal.render``.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from trunkline import CompanyRows, Migrations, PluginContext, hookimpl
from trunkline.routes import Routes
from trunkline_portal import link_routes, pages
from trunkline_portal.portal import Portal
from trunkline_portal.settings import Settings


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``portal``."""
    return Settings


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Give the history of the plugin's tables."""
    of_companies = (
        CompanyRows("portal_links", at_once=True),
        CompanyRows("portal_sessions", "company_id = :company AND link_id IS NOT NULL", at_once=True),
    )
    return [Migrations("trunkline_portal:migrations", of_companies=of_companies)]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the pages, and the call that makes sign-in links."""
    portal = Portal(context)
    return [
        *(Routes(router, base="/portal") for router in pages.make_routers(portal)),
        Routes(link_routes.make_router(portal), prefix="/portal/links"),
    ]
