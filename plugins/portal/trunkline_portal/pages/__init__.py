"""The pages, one module each. ``MODULES`` names every module with a table; ``navigation.ITEMS`` defines the sidebar."""

from fastapi import APIRouter

from trunkline_portal.pages import (
    account,
    catalogue,
    changes,
    company_record,
    connectors,
    consumers,
    deliveries,
    events,
    everybody,
    extra,
    health,
    keys,
    letting_in,
    limits,
    oidc,
    others,
    overview,
    quarantine,
    searching,
    sign_in,
    subscriptions,
    targets,
)
from trunkline_portal.portal import Portal

MODULES = (
    sign_in,
    account,
    everybody,
    company_record,
    overview,
    events,
    deliveries,
    quarantine,
    consumers,
    *subscriptions.MODULES,
    targets,
    keys,
    changes,
    catalogue,
    connectors,
    limits,
    letting_in,
    health,
    searching,
    extra,
    others,  # must be last: it takes every address without a page
)


def make_routers(portal: Portal) -> list[APIRouter]:
    """Build the routers of all pages."""
    tables = [company_record.OWN_ROUTES, catalogue.SENDING_ROUTES, *(module.ROUTES for module in MODULES)]
    return [oidc.make_router(portal), *map(portal.router, tables)]
