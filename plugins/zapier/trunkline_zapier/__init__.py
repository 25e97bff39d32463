"""Zapier: the channel ``zapier``, to which the platform subscribes, and the platform's app, made from the catalogue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, hookimpl
from trunkline.pages import Connector
from trunkline.routes import rest_hook_channel
from trunkline_zapier.fields import JOINT
from trunkline_zapier.generator import generate, remarks
from trunkline_zapier.published import demands, keys

if TYPE_CHECKING:
    from trunkline.routes import Routes

CHANNEL = "zapier"
TITLE = "Zapier"

_CONNECTING = (
    "Sign in to Zapier, make a Zap, and choose the app of this product; if it is not in the public list, open the invitation that you got.",
    "When Zapier asks you to connect an account, paste the API key.",
)
_STEPS = (
    "Unpack the app, and run 'npm install' in its folder, with Node 22 or newer.",
    "Run 'register' and then 'push' of zapier-platform-cli; the app's README has the exact commands. You can use it at once, and others by invitation.",
    "To have it listed for everybody, hand it in for review on Zapier's developer platform.",
)


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return the channel that posts signed events to Zapier's URLs."""
    return [rest_hook_channel(CHANNEL, title=TITLE)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes by which Zapier subscribes and unsubscribes."""
    from trunkline.routes import rest_hook_routes  # noqa: PLC0415

    return [rest_hook_routes(context, channel=CHANNEL, title=TITLE)]


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Return the generator of the app."""
    return [
        Connector(
            CHANNEL,
            title=TITLE,
            description="An app for the Zapier platform, to be pushed with its command line.",
            generate=generate,
            remarks=remarks,
            keys=keys,
            demands=demands,
            steps=_STEPS,
            connecting=_CONNECTING,
            channel=CHANNEL,
            field_name=JOINT.join,
        )
    ]
