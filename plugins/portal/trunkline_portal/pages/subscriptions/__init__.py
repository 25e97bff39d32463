"""Subscriptions of every channel: listed, made, changed, watched and replayed."""

from fastapi import APIRouter

from trunkline_portal.pages.subscriptions import (
    changing,
    creating,
    detail,
    editing,
    listing,
    replaying,
    replays,
    revealing,
    rotating,
    testing,
)
from trunkline_portal.portal import Portal

_MODULES = (listing, creating, editing, changing, rotating, revealing, testing, replays, replaying, detail)


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    for module in _MODULES:
        router.routes.extend(module.make_router(portal).routes)
    return router
