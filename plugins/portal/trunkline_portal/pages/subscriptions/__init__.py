"""Subscriptions of every channel: listed, made, changed, watched and replayed."""

from trunkline_portal.pages.subscriptions import (
    changing,
    creating,
    detail,
    editing,
    listing,
    replaying,
    rotating,
    testing,
)

MODULES = (listing, creating, editing, changing, rotating, testing, replaying, detail)
