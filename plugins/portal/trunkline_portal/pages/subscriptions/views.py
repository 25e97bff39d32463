"""The view of a subscription on pages: its data, address and possible actions."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline import NotFound
from trunkline_portal.access import Viewer
from trunkline_portal.pages.subscriptions import filter_rows, paces, targets
from trunkline_portal.pages.subscriptions.filter_rows import OPERATORS
from trunkline_portal.portal import Portal

BASE = "/subscriptions"
"""Path of the section below ``Viewer.root``."""
CHANNEL = targets.WEBHOOKS
"""The channel for subscriptions with an address. Subscriptions of channels that declare targets can be edited here, too.

Subscriptions of all other channels belong to the platforms.
"""
_READ_AS = dict(OPERATORS)


def url_of(viewer: Viewer, subscription_id: str, part: str = "") -> str:
    """Return the address of a subscription's page, or of a *part* of it."""
    return f"{viewer.root}{BASE}/{subscription_id}{f'/{part}' if part else ''}"


def channel_titles(portal: Portal) -> Mapping[str, str]:
    """Return the titles of the platforms' channels and of channels that declare targets."""
    platforms = {connector.name: connector.title for connector in portal.context.deployment.connectors()}
    return platforms | dict(targets.choices(portal))


class Subscription(Struct, frozen=True):
    """A subscription as pages show it, at *url*. *is_editable* is true if it can be changed and tested here."""

    view: Mapping[str, Any]
    url: str
    channel: str
    is_editable: bool

    @property
    def id(self) -> str:
        """Return the subscription's id."""
        return str(self.view["id"])

    @property
    def types(self) -> str:
        """Describe the events that the subscription takes."""
        names: Sequence[str] = self.view["event_types"]
        return "Every event type" if names == ["*"] else ", ".join(names)

    @property
    def pace(self) -> dict[str, str]:
        """Return the options for limits and retries, as texts for the form's fields."""
        return paces.texts(self.view)

    @property
    def conditions(self) -> list[str]:
        """Describe the filter by its conditions; empty if rows cannot express the filter, or if there is none."""
        rows = filter_rows.rows_of(self.view["filter"] or {}, {}) or []
        return [f"{row.path} {_READ_AS[row.operator]} {row.value}".strip() for row in rows]


def views_of(portal: Portal, viewer: Viewer, views: Sequence[Mapping[str, Any]]) -> list[Subscription]:
    """Make the views of several subscriptions; the channels' titles are read once."""
    titles, editable = channel_titles(portal), dict(targets.choices(portal))
    return [
        Subscription(
            view,
            url_of(viewer, str(view["id"])),
            titles.get(channel, channel.replace("_", " ").capitalize()),
            is_editable=channel in editable,
        )
        for view in views
        for channel in (str(view["channel"]),)
    ]


async def find(portal: Portal, viewer: Viewer, subscription_id: str) -> Subscription:
    """Read a subscription of any channel. Raises NotFound."""
    view = await portal.context.subscriptions.get(viewer.company_id, subscription_id, channel=None)
    return views_of(portal, viewer, [view])[0]


async def find_editable(portal: Portal, viewer: Viewer, subscription_id: str) -> Subscription:
    """Read a subscription that can be changed here. Raises NotFound."""
    subscription = await find(portal, viewer, subscription_id)
    if not subscription.is_editable:
        raise NotFound("subscription", subscription_id)
    return subscription
