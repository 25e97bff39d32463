"""The pages, one module each. ``MODULES`` names every module; ``navigation.ITEMS`` defines the sidebar."""

from fastapi import APIRouter

from trunkline_portal.pages import (
    account,
    catalogue,
    changes,
    company,
    company_record,
    connectors,
    consumers,
    deliveries,
    emitting,
    enter,
    events,
    everybody,
    extra,
    health,
    key_rotation,
    keys,
    letting_in,
    limits,
    oidc,
    overview,
    quarantine,
    quarantined_event,
    revoking,
    searching,
    sign_in,
    static,
    subscriptions,
    targets,
    unknown,
)
from trunkline_portal.portal import Portal

MODULES = (
    static,
    sign_in,
    oidc,
    enter,
    account,
    company,
    everybody,
    company_record,
    overview,
    events,
    deliveries,
    quarantine,
    quarantined_event,
    consumers,
    subscriptions,
    targets,
    keys,
    key_rotation,
    revoking,
    changes,
    catalogue,
    emitting,
    connectors,
    limits,
    letting_in,
    health,
    searching,
    extra,
    unknown,  # must be last: it takes every address without a page
)


def make_routers(portal: Portal) -> list[APIRouter]:
    """Build the routers of all pages."""
    return [company_record.make_own_router(portal), *(module.make_router(portal) for module in MODULES)]
