"""Signed webhooks: the channel ``webhooks`` and its subscriptions.

Every channel that posts to a URL shares the push itself (``trunkline.deliver_by_http``). This plugin adds the routes by which
customers manage their subscriptions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, deliver_by_http, hookimpl

if TYPE_CHECKING:
    from trunkline.routes import Routes

CHANNEL = "webhooks"


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return the channel that posts signed events to a URL."""
    return [
        Channel(
            CHANNEL,
            title="Webhooks",
            description="Posts each event to an HTTPS URL, signed with HMAC-SHA256 or Ed25519, and tries again until it is taken.",
            deliver=deliver_by_http,
        )
    ]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes that manage the channel's subscriptions."""
    from trunkline.routes import Routes  # noqa: PLC0415
    from trunkline_webhooks.routes import make_router  # noqa: PLC0415

    return [Routes(make_router(context, channel=CHANNEL), prefix="/webhooks/subscriptions")]
