"""Cursor polling: the routes of the events API that read, from the same log as all pushes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, hookimpl

if TYPE_CHECKING:
    from trunkline.routes import Routes


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return the channel that customers read by polling."""
    return [
        Channel(
            "polling",
            title="Polling",
            description="Customers read their events in order, at their own pace, by cursor.",
        )
    ]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes that read events."""
    from trunkline_polling.routes import make_routes  # noqa: PLC0415

    return [make_routes(context)]
