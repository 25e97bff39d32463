"""Routes for every search and lookup that a plugin carries out. The plugin has no code for a domain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import PluginContext, hookimpl

if TYPE_CHECKING:
    from trunkline.routes import Routes


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes of searches and lookups, and their lists."""
    from trunkline.routes import definition_routes  # noqa: PLC0415
    from trunkline_searches.routes import make_routes  # noqa: PLC0415

    lists = [route for kind in ("search", "lookup") for route in definition_routes(context.operations, kind)]
    return [make_routes(context), *lists]
