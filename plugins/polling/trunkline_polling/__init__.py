"""Cursor polling: the reading half of the events API, over the same log that feeds every push."""

from collections.abc import Sequence

from trunkline import Channel, PluginContext, hookimpl
from trunkline.routes import Routes
from trunkline_polling.routes import make_routes


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Give the channel that is pulled."""
    return [
        Channel(
            "polling",
            title="Polling",
            description="Customers read their events in order, at their own pace, by cursor.",
        )
    ]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the routes that read events."""
    return [make_routes(context)]
