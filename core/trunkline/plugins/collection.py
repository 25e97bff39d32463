"""The third step of loading: collect and check the contributions of each plugin.

Contributions that need no context are collected before the hub is built (``collect_static``), the rest once its services
exist (``collect_with``). If a plugin raises or returns invalid values, all its contributions are removed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import structs
from pydantic import BaseModel

from trunkline.contract import PluginContext
from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.plugins import values
from trunkline.plugins.calls import call_registration, describe_error
from trunkline.plugins.guard import guarded
from trunkline.plugins.records import Collected, Contributions
from trunkline.plugins.registry import Registry
from trunkline.plugins.sections import Section, check_sections, read_section
from trunkline.schemas.definitions import KINDS, Definition, Kind

_WITH_FUNCTIONS = frozenset(
    {
        "register_casters",
        "register_channels",
        "register_connectors",
        "register_portal_pages",
        "register_operations",
    }
)
"""Hooks whose values contain functions, which the guard wraps."""
MakeContext = Callable[[str, BaseModel | None], PluginContext]
"""Builds the context of a plugin, from its name and its settings."""


def collect_static(
    registry: Registry, *, sections: Mapping[str, Section], folder: Path = Path()
) -> Collected:
    """Collect settings, event types, casters, migrations, connectors and commands.

    *sections* are the plugins' sections of the settings; relative paths in them start at *folder*.

    Raises:
        SettingsInvalid: a section belongs to no plugin, or a setting in it is unknown or malformed.
        PluginFailed: a plugin that is enabled by name cannot be used.
    """
    check_sections(sections, plugins=[record.name for record in registry.records])

    def ask(plugin: str) -> None:
        model = _ask(registry, plugin, "register_settings", check=values.check_settings) or None
        contributions = Contributions(
            read_section(plugin, sections.get(plugin), model=model, folder=folder),
            event_types=_ask(registry, plugin, "register_event_types", check=values.check_event_types),
            migrations=_ask(registry, plugin, "register_migrations", check=values.check_migrations),
            connectors=_ask(registry, plugin, "register_connectors"),
            casters=_ask(registry, plugin, "register_casters"),
            commands=_ask(registry, plugin, "register_commands"),
        )
        registry.keep(plugin, contributions)

    def list_steps(offer: Contributions) -> list[str]:
        return [f"{one.event_type}:{one.from_version} to {one.to_version}" for one in offer.casters]

    _ask_each(registry, registry.active, ask)
    _refuse_clashes(registry, "event type", lambda offer: {value.name for value in offer.event_types})
    _refuse_clashes(registry, "connector", lambda offer: [value.name for value in offer.connectors])
    _refuse_clashes(registry, "caster", list_steps)
    return registry.collected


def collect_with(
    registry: Registry,
    *,
    contexts: MakeContext,
    definitions: Collection[Definition] = (),
    with_routes: bool = True,
) -> Collected:
    """Give each plugin its context, and collect its channels, providers and pages; collect routes after all of these.

    *definitions* are the definitions in the schemas. With *with_routes* plugins are asked for routes at once; otherwise
    ``collect_routes`` asks them later.

    Raises:
        SettingsInvalid: a plugin found a fault in its settings.
        PluginFailed: a plugin that is enabled by name cannot be used.
    """
    defined: dict[Kind, Collection[str]] = {
        kind: frozenset(definition.name for definition in definitions if definition.kind == kind)
        for kind in KINDS
    }

    def ask(plugin: str) -> None:
        kept = registry.contributions_of(plugin)
        context = contexts(plugin, kept.settings)
        channels = _ask(registry, plugin, "register_channels", context)
        if registry.tracer is not None:
            channels = registry.tracer.channels(channels, plugin=plugin, settings=kept.settings)
        check = partial(values.check_operations, defined=defined)
        given = _ask(registry, plugin, "register_operations", context, check=check)
        contributions = structs.replace(
            kept,
            context=context,
            channels=channels,
            providers={
                kind: tuple(operation for operation in given if operation.kind == kind) for kind in KINDS
            },
            pages=_ask(registry, plugin, "register_portal_pages", context),
            routes=None,
        )
        values.check_definitions(plugin, _own_definitions(contributions), beside=definitions)
        registry.keep(plugin, contributions)

    def list_provided(kind: Kind, offer: Contributions) -> list[str]:
        return [provider.name for provider in offer.providers.get(kind, ())]

    def list_calls(offer: Contributions) -> list[str]:
        return [f"{definition.method} {definition.path}" for definition in _own_definitions(offer)]

    _ask_each(registry, registry.active, ask)
    _refuse_clashes(registry, "channel", lambda offer: [value.name for value in offer.channels])
    for kind in KINDS:
        _refuse_clashes(registry, kind, partial(list_provided, kind))
    _refuse_clashes(registry, "call", list_calls)
    return collect_routes(registry) if with_routes else registry.collected


def collect_routes(registry: Registry) -> Collected:
    """Collect the routes of plugins that have a context and have not been asked yet. This loads the web framework.

    Raises:
        SettingsInvalid: a plugin found a fault in its settings.
        PluginFailed: a plugin that is enabled by name cannot be used.
    """
    waiting = [name for name in registry.active if registry.contributions_of(name).routes is None]
    if waiting:
        from trunkline.plugins.route_values import check_routes  # noqa: PLC0415

        def ask(plugin: str) -> None:
            contributions = registry.contributions_of(plugin)
            check = partial(check_routes, reads=not registry.is_own(plugin))
            routes = _ask(registry, plugin, "register_routes", contributions.context, check=check)
            registry.keep(plugin, structs.replace(contributions, routes=routes))

        _ask_each(registry, waiting, ask)
    return registry.collected


def _own_definitions(contributions: Contributions) -> list[Definition]:
    providers = chain.from_iterable(contributions.providers.values())
    return [provider.definition for provider in providers if provider.definition is not None]


def _ask_each(registry: Registry, plugins: Collection[str], ask: Callable[[str], None]) -> None:
    for plugin in plugins:
        try:
            ask(plugin)
        except PluginFailed as failure:
            registry.refuse(failure)
        except SettingsInvalid:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's values: whatever they raise is its end
            registry.refuse(PluginFailed(plugin, f"gave what cannot be read: {describe_error(error)}"))


def _ask(
    registry: Registry,
    plugin: str,
    hook: str,
    context: PluginContext | None = None,
    *,
    check: Callable[[str, object], Any] | None = None,
) -> Any:
    """Call *hook* of *plugin*, and *check* its answer (by default as a list); empty if the plugin does not implement it."""
    implementation = registry.implementation(hook, plugin=plugin)
    if implementation is None:
        return ()
    check = check or partial(values.check_listed, hook=hook)

    def check_and_guard(name: str, answer: object) -> Any:
        checked = check(name, answer)
        return guarded(name, checked, exits=registry.exits) if hook in _WITH_FUNCTIONS else checked

    return call_registration(
        implementation,
        check=check_and_guard,
        arguments={"context": context},
        limit_seconds=registry.start_seconds,
    )


def _refuse_clashes(
    registry: Registry, noun: str, list_names: Callable[[Contributions], Iterable[str]]
) -> None:
    """Refuse plugins that contribute the same name; a plugin that comes with trunkline is kept."""
    owners: dict[str, list[str]] = {}
    for plugin in registry.active:
        for name in list_names(registry.contributions_of(plugin)):
            owners.setdefault(name, []).append(plugin)
    for name, plugins in owners.items():
        own = [plugin for plugin in plugins if registry.is_own(plugin)]
        for plugin in plugins if len(plugins) > 1 else ():
            if own == [plugin]:
                continue
            others = " and ".join(f"'{other}'" for other in plugins if other != plugin)
            reason = f"gives the {noun} '{name}', which plugin {others} gives too; disable one of them"
            registry.refuse(PluginFailed(plugin, reason))
