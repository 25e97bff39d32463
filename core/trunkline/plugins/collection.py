"""The third step of loading: ask the plugins, one by one, for what they give, and check it.

What needs no context is collected before the hub is built (``collect_static``), the rest when its services are there
(``collect_with``). A plugin that raises, or gives nonsense, is taken out with everything it gave.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from trunkline.capabilities import PluginContext
from trunkline.errors import PluginFailed
from trunkline.plugins import values
from trunkline.plugins.calls import call_registration
from trunkline.plugins.records import Collected, Given
from trunkline.plugins.registry import Registry
from trunkline.plugins.sections import Section, check_sections, read_section

Value = TypeVar("Value")

MakeContext = Callable[[str, BaseModel | None], PluginContext]
"""Build the context of the plugin that is named, with its settings."""


def collect_static(registry: Registry, *, sections: Mapping[str, Section]) -> Collected:
    """Collect settings, event types and migrations; *sections* are the plugins' sections of the settings.

    Raises:
        SettingsInvalid: a section belongs to no plugin, or a setting in it is unknown or malformed.
        PluginFailed: a plugin that was asked for by name cannot be used.
    """
    check_sections(sections, found=[record.name for record in registry.records])

    def ask(plugin: str) -> None:
        model = _ask(registry, plugin, "register_settings", values.check_settings, {})
        settings = read_section(plugin, sections.get(plugin), model=model)
        event_types = _ask(registry, plugin, "register_event_types", values.check_event_types, {})
        migrations = _ask(registry, plugin, "register_migrations", values.check_migrations, {})
        registry.keep(plugin, Given(settings, event_types=event_types or (), migrations=migrations or ()))

    _ask_each(registry, ask)
    _refuse_clashes(registry, "event type", lambda given: [value.name for value in given.event_types])
    return registry.collected


def collect_with(registry: Registry, *, contexts: MakeContext) -> Collected:
    """Give each plugin its context and collect channels and routes.

    Raises:
        PluginFailed: a plugin that was asked for by name cannot be used.
    """

    def ask(plugin: str) -> None:
        given = registry.given(plugin)
        context = contexts(plugin, given.settings)
        arguments = {"context": context}
        channels = _ask(registry, plugin, "register_channels", values.check_channels, arguments)
        routes = _ask(registry, plugin, "register_routes", values.check_routes, arguments)
        given = replace(given, context=context, channels=channels or (), routes=routes or ())
        registry.keep(plugin, given)

    _ask_each(registry, ask)
    _refuse_clashes(registry, "channel", lambda given: [value.name for value in given.channels])
    return registry.collected


def _ask_each(registry: Registry, ask: Callable[[str], None]) -> None:
    for plugin in registry.active:
        try:
            ask(plugin)
        except PluginFailed as failure:
            registry.refuse(failure)


def _ask(
    registry: Registry,
    plugin: str,
    hook: str,
    check: Callable[[str, object], Value],
    arguments: Mapping[str, object],
) -> Value | None:
    """Call *hook* of *plugin* and check what it gives; None where the plugin does not implement it."""
    implementation = registry.implementation(hook, plugin=plugin)
    if implementation is None:
        return None
    return check(plugin, call_registration(implementation, hook=hook, arguments=arguments))


def _refuse_clashes(registry: Registry, noun: str, list_names: Callable[[Given], Iterable[str]]) -> None:
    owners: dict[str, list[str]] = {}
    for plugin in registry.active:
        for name in list_names(registry.given(plugin)):
            owners.setdefault(name, []).append(plugin)
    for name, plugins in owners.items():
        for plugin in plugins if len(plugins) > 1 else ():
            others = " and ".join(f"'{other}'" for other in plugins if other != plugin)
            reason = f"gives the {noun} '{name}', which plugin {others} gives too; disable one of them"
            registry.refuse(PluginFailed(plugin, reason))
