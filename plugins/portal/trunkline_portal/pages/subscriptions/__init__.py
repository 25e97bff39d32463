"""Subscriptions of every channel: listed, made, changed, watched and replayed."""

from trunkline_portal.pages.subscriptions import changing, detail, editing, listing, replaying

MODULES = (listing, editing, changing, replaying, detail)
