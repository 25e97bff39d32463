"""The public documentation of a deployment: a page for each event type, action and search.

``trunkline export docs DIR`` writes it as a static site; a running hub serves the same files at ``/docs/events``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trunkline import PluginContext, hookimpl
from trunkline.pages import Connector, Product

if TYPE_CHECKING:
    from trunkline.routes import Routes


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the site."""
    from trunkline_docs.generator import make_site  # noqa: PLC0415 - which loads Jinja2

    return make_site(product).files


@hookimpl
def register_connectors() -> Sequence[Connector]:
    """Return the generator of the site."""
    return [
        Connector(
            "docs",
            title="Documentation",
            description="A static site about every event type, action and search, for any web server or none.",
            generate=generate,
            steps=(
                "Unpack the site onto any web server; its links work below any address.",
                "Or open index.html from the disk: it needs no server.",
            ),
        )
    ]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes that serve the site."""
    from trunkline_docs.routes import make_routes  # noqa: PLC0415

    return [make_routes(context)]
