"""Routes for every action that somebody carries out (CONTRACT §8), and a provider that is reached over HTTP.

The plugin knows no domain: what can be called, and with what, is in the definitions; who carries it out is another plugin,
or the product that the setting ``actions.provider_url`` names.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from trunkline import Action, Lookup, PluginContext, Routes, Search, definition_routes, hookimpl
from trunkline_actions.provider import Provider
from trunkline_actions.routes import make_routes
from trunkline_actions.settings import Settings


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``actions``."""
    return Settings


@hookimpl
def register_actions(context: PluginContext) -> Sequence[Action]:
    """Give the actions that the provider carries out."""
    provider = Provider.of(context)
    return [Action(name, provider.run, uses_database=False) for name in provider.names("action")]


@hookimpl
def register_searches(context: PluginContext) -> Sequence[Search]:
    """Give the searches that the provider carries out."""
    provider = Provider.of(context)
    return [Search(name, provider.run, uses_database=False) for name in provider.names("search")]


@hookimpl
def register_lookups(context: PluginContext) -> Sequence[Lookup]:
    """Give the lookups that the provider carries out."""
    provider = Provider.of(context)
    return [Lookup(name, provider.run, uses_database=False) for name in provider.names("lookup")]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the routes that carry out actions, and those that list them."""
    return [make_routes(context), *definition_routes(context.operations, "action")]
