"""The catalogs of a deployment: its event types, and its actions, searches and lookups."""

from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TYPE_CHECKING

from trunkline.errors import PluginFailed, SchemaInvalid
from trunkline.hub.products import schema_folders
from trunkline.model.event_groups import OPERATIONAL
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.files import load_definitions, load_event_types, operational_event_types
from trunkline.schemas.publishing import published
from trunkline.schemas.versions import find_missing, steps_of
from trunkline.settings import Settings

if TYPE_CHECKING:
    from trunkline.plugins import Registry  # read-only commands load no plugins


def load_catalog(settings: Settings, registry: "Registry | None" = None) -> SchemaCatalog:
    """Load the event types of the product and of the plugins in *registry*. Plugins whose types cannot be added are refused.

    Raises:
        SettingsInvalid: the deployment names a folder or a package that does not exist.
        SchemaInvalid: a schema file of trunkline or of the deployment is not usable.
        PluginFailed: a plugin that is enabled by name cannot be used.
    """
    event_types: dict[tuple[str, int], EventType] = {}
    for folder in schema_folders(settings):
        for kind in load_event_types(folder):
            if (kind.name, kind.version) in event_types:
                reason = f"version {kind.version} of the event type '{kind.name}' is defined twice"
                raise SchemaInvalid(str(folder), reason)
            event_types[kind.name, kind.version] = kind
    names = {kind.name for kind in event_types.values()}
    publish = published if settings.events.published_schemas == "open" else None
    operational = operational_event_types()
    if registry is None:
        return SchemaCatalog(event_types.values(), publish=publish, operational=operational)
    while True:
        plugins = registry.active
        of_plugins = registry.collected.event_types
        catalog = SchemaCatalog(
            [*event_types.values(), *(kind for kind in of_plugins if kind.name not in names)],
            publish=publish,
            operational=operational,
        )
        for plugin in plugins:
            if fault := _find_fault(registry, plugin, catalog, taken=names):
                registry.refuse(PluginFailed(plugin, fault))
        if registry.active == plugins:
            return catalog


def _find_fault(
    registry: "Registry", plugin: str, catalog: SchemaCatalog, *, taken: AbstractSet[str]
) -> str | None:
    """Find an event type or caster of *plugin* that cannot be in *catalog*, and explain why; None if there is none.

    *taken* has the names of the product's event types.
    """
    given = registry.contributions_of(plugin)
    own = {kind.name for kind in given.event_types}
    if repeated := sorted(own & (taken | OPERATIONAL)):
        return f"gives event types that this deployment already has: {', '.join(repeated)}"
    try:
        steps_of(given.casters, catalog)
    except SchemaInvalid as error:
        return f"gives an unfit caster of '{error.source}': {error.reason}"
    casters = [caster for _, caster in registry.collected.casters]
    casts = {(caster.event_type, caster.from_version, caster.to_version) for caster in casters}
    for name in own:
        if missing := find_missing(name, catalog.versions(name), casts):
            return f"gives an unfit event type '{name}': {missing}"
    return None


def load_definition_catalog(settings: Settings, *, event_types: SchemaCatalog) -> DefinitionCatalog:
    """Load the actions, searches and lookups of the product.

    Raises SettingsInvalid, SchemaInvalid: the product cannot be read (see ``load_catalog``).
    """
    definitions = chain.from_iterable(map(load_definitions, schema_folders(settings)))
    return DefinitionCatalog(definitions, event_types=event_types.names())
