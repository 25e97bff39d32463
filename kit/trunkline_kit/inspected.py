"""A plugin's distribution, and its registrations in a hub that is built and never started."""

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from trunkline import plugins
from trunkline.contract import PluginContext, hookspecs
from trunkline.errors import TrunklineError
from trunkline.hub.hub import Hub
from trunkline.plugins.records import Candidate, Contributions
from trunkline.plugins.sections import read_section
from trunkline_kit.checks import fail
from trunkline_kit.hubs import settings_for
from trunkline_kit.routes import PluginRoute, list_routes
from trunkline_kit.sources import PluginSource, Site
from trunkline_kit.watching import Watch

REGISTER_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("register_"))
"""The hooks that are called once, at start."""
NOTIFICATION_HOOKS = ("event_accepted", "attempt_finished", "subscription_changed")
"""The hooks that notify a plugin of an event, an attempt or a changed subscription."""


class InspectedPlugin:
    """The plugin of a suite, inspected once for all of its checks. *memo* caches results that several checks use."""

    def __init__(
        self, plugin: PluginSource, *, settings: Mapping[str, str], site: Site, watch: Watch, folder: Path
    ) -> None:
        self.source = plugin
        self.settings = settings
        self.site = site
        self.watch = watch
        self.folder = folder
        self.memo: dict[str, Any] = {}
        self.name = site.declare(plugin)

    @cached_property
    def candidate(self) -> Candidate:
        """Return the declaration of the plugin's distribution."""
        candidates = [candidate for candidate in plugins.discover() if candidate.name == self.name]
        if len(candidates) != 1:
            which = "several distributions declare" if candidates else "no installed distribution declares"
            fail(f"{which} the plugin '{self.name}' in the entry-point group 'trunkline'")
        return candidates[0]

    @cached_property
    def distribution(self) -> Distribution:
        """Return the plugin's distribution."""
        return distribution(self.candidate.distribution)

    @property
    def is_built_in(self) -> bool:
        """Return whether the plugin comes with trunkline itself."""
        return self.candidate.distribution == "trunkline"

    @cached_property
    def files(self) -> Sequence[Path]:
        """List the plugin's Python files: its module, or all files of its package."""
        top = self.candidate.module.partition(".")[0]
        if isinstance(self.source, ModuleType) or (spec := find_spec(top)) is None or spec.origin is None:
            return ()
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
        return [file for file in files if "migrations" not in file.parts]

    @cached_property
    def hub(self) -> Hub:
        """Build a hub with only this plugin, which is never started. Raises CheckFailed."""
        try:
            return self.build(self.settings)
        except TrunklineError as error:
            fail(f"a hub cannot be built with '{self.name}': {error}")

    def build(self, settings: Mapping[str, str]) -> Hub:
        """Build a hub with this plugin alone and *settings*, without starting it. Raises the hub's errors."""
        url = f"sqlite:///{self.folder}/never-opened.db"
        return Hub(settings_for(url, {**settings, "plugins.enabled": self.name}), dispatch=False)

    def read_settings(self, settings: Mapping[str, str]) -> BaseModel | None:
        """Read *settings* as the hub does, without building a hub. Raises SettingsInvalid, PluginFailed."""
        sections = settings_for("sqlite:///never-opened.db", settings).plugin_sections
        return read_section(self.name, sections.get(self.name), model=self.model)

    @property
    def module(self) -> ModuleType:
        """Return the plugin's module."""
        assert self.hub  # which imports it
        return sys.modules[self.candidate.module]

    @property
    def contributions(self) -> Contributions:
        """Return the plugin's registrations: channels, routes, event types and others."""
        return self.hub.registry.contributions_of(self.name)

    @property
    def context(self) -> PluginContext:
        """Return the plugin's context."""
        context = self.contributions.context
        assert context is not None
        return context

    @property
    def model(self) -> type[BaseModel] | None:
        """Return the model of the plugin's settings."""
        return type(self.contributions.settings) if self.contributions.settings is not None else None

    @property
    def routes(self) -> Sequence[PluginRoute]:
        """List the plugin's routes."""
        return list_routes(self.contributions.routes or ())

    @property
    def hooks(self) -> Sequence[str]:
        """List the hooks that the plugin implements."""
        names = (*REGISTER_HOOKS, "lifespan", *NOTIFICATION_HOOKS)
        return [name for name in names if self.hub.registry.implementation(name, plugin=self.name)]

    def call(self, hook: str, context: PluginContext | None = None, **arguments: object) -> Any:
        """Call *hook* as the hub does, and return its result, which may be a coroutine."""
        return call_hook(self.hub, self.name, hook, context=context or self.context, **arguments)

    def contributed(self) -> Mapping[str, tuple[str, ...]]:
        """Return the names of the plugin's channels, actions, searches and migrations. The keys are the suites for them."""
        providers = self.contributions.providers
        searches = (*providers.get("search", ()), *providers.get("lookup", ()))
        return {
            "channel": tuple(channel.name for channel in self.contributions.channels),
            "action": tuple(action.name for action in providers.get("action", ())),
            "search": tuple(search.name for search in searches),
            "migrations": tuple(value.location for value in self.contributions.migrations),
        }


def call_hook(hub: Hub, plugin: str, hook: str, **arguments: object) -> Any:
    """Call *plugin*'s *hook* with the *arguments* that it takes."""
    implementation = hub.registry.implementation(hook, plugin=plugin)
    assert implementation is not None
    return implementation.function(*(arguments[name] for name in implementation.argnames))
