"""n8n: the channel ``n8n``, to which the platform subscribes, and the platform's app, made from the catalogue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import Channel, PluginContext, hookimpl
from trunkline.pages import Connector
from trunkline.routes import rest_hook_channel
from trunkline_n8n.generator import generate, remarks
from trunkline_n8n.published import demands, keys

if TYPE_CHECKING:
    from trunkline.routes import Routes

CHANNEL = "n8n"
TITLE = "n8n"

_CONNECTING = (
    "In n8n, open Settings, Community nodes, and install the package of this product; n8n Cloud lists it among the nodes if it is verified.",
    "Add the node to a workflow, make a new credential, and paste the API key.",
)
_STEPS = (
    "Unpack the package, and run 'npm install' and 'npm run build' in its folder, with Node 24.",
    "Run 'npm publish'. From then on every n8n that people run themselves finds it under Settings, Community nodes.",
    "To have it in n8n Cloud, submit the published package to n8n for verification.",
)


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return the channel that posts signed events to n8n's URLs."""
    return [rest_hook_channel(CHANNEL, title=TITLE)]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes by which n8n subscribes and unsubscribes."""
    from trunkline.routes import rest_hook_routes  # noqa: PLC0415

    return [rest_hook_routes(context, channel=CHANNEL, title=TITLE)]


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Return the generator of the app."""
    return [
        Connector(
            CHANNEL,
            title=TITLE,
            description="A community package with an action node and two triggers.",
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
