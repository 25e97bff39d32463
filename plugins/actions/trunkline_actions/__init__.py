"""Routes for the actions that plugins carry out, and a provider that calls a product over HTTP.

This plugin has no code for a domain: the definitions list the operations and their fields. An operation is carried out
by another plugin, or by the product at ``actions.provider_url``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import Operation, PluginContext, hookimpl
from trunkline.pages import Kind
from trunkline_actions.provider import Provider
from trunkline_actions.settings import Settings

if TYPE_CHECKING:
    from trunkline.routes import Routes

KINDS: Sequence[Kind] = ("action", "search", "lookup")


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the model of the settings' section ``actions``."""
    return Settings


@hookimpl
def register_operations(context: PluginContext[Settings]) -> Sequence[Operation]:
    """Return the actions, searches and lookups that the provider carries out."""
    provider = Provider.of(context)
    return [
        Operation(name, provider.run, uses_database=False, kind=kind)
        for kind in KINDS
        for name in provider.names(kind)
    ]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the routes that carry out actions, and the routes that list them."""
    from trunkline.routes import definition_routes  # noqa: PLC0415
    from trunkline_actions.routes import make_routes  # noqa: PLC0415

    return [make_routes(context), *definition_routes(context.operations, "action")]
