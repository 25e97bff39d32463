"""Subscriptions of every channel: listed, made, changed, watched and replayed."""

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

MODULES = (listing, creating, editing, changing, rotating, revealing, testing, replays, replaying, detail)
