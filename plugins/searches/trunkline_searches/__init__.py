"""Routes for every search and lookup that a plugin carries out. The plugin knows no domain."""

from collections.abc import Sequence

from trunkline import PluginContext, hookimpl
from trunkline.routes import Routes, definition_routes
from trunkline_searches.routes import make_routes


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the routes that search and look up, and those that list the searches."""
    return [make_routes(context), *definition_routes(context.operations, "search")]
