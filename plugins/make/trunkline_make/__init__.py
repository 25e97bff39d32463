"""Make: the channel ``make``, to which the platform subscribes, and the platform's app, made from the catalogue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, hookimpl
from trunkline.pages import Connector
from trunkline.routes import rest_hook_channel
from trunkline_make.generator import generate, remarks
from trunkline_make.published import demands, keys

if TYPE_CHECKING:
    from trunkline.routes import Routes

CHANNEL = "make"
TITLE = "Make"

_CONNECTING = (
    "Sign in to Make, make a scenario, and add a module of this product's app; if it is not in the public list, open the invitation that you got.",
    "When Make asks for a connection, choose Add, and paste the API key.",
)
_STEPS = (
    "In VS Code, add the extension Make Apps Editor, create an empty app in Make, and clone it to a local workspace.",
    "Unpack these files over the clone, but keep the 'origins' of the clone's makecomapp.json.",
    "Right-click makecomapp.json and choose 'Deploy to Make'; let it create what it asks about.",
    "Invite users by the app's link, or ask Make for a review, which makes it public.",
)


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return the channel that posts signed events to Make's URLs."""
    return [rest_hook_channel(CHANNEL, title=TITLE)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes by which Make subscribes and unsubscribes."""
    from trunkline.routes import rest_hook_routes  # noqa: PLC0415

    return [rest_hook_routes(context, channel=CHANNEL, title=TITLE)]


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Return the generator of the app."""
    return [
        Connector(
            CHANNEL,
            title=TITLE,
            description="A custom app in Make's format for local development, to deploy with Make's editor.",
            generate=generate,
            remarks=remarks,
            keys=keys,
            demands=demands,
            steps=_STEPS,
            connecting=_CONNECTING,
            channel=CHANNEL,
            field_name=".".join,
        )
    ]
