"""Cursor polling: the reading half of the events API, over the same log that feeds every push."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, hookimpl

if TYPE_CHECKING:
    from trunkline.routes import Routes


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
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Give the routes that read events."""
    from trunkline_polling.routes import make_routes  # noqa: PLC0415

    return [make_routes(context)]
