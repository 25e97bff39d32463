"""What this deployment's schemas define: the catalogue of event types, and that of actions, searches and lookups."""

from pathlib import Path

from trunkline.errors import PluginFailed, SchemaInvalid, SettingsInvalid
from trunkline.plugins import Registry
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.files import (
    installed_definitions,
    installed_event_types,
    load_definitions,
    load_event_types,
)
from trunkline.settings import Settings

DEFAULT_SCHEMAS = Path("schemas")


def load_catalog(settings: Settings, registry: Registry) -> SchemaCatalog:
    """Gather the event types: those that are installed, the plugins', and the deployment's own folder's.

    Raises:
        SettingsInvalid: the deployment names a folder that is not there.
        SchemaInvalid: a file of ours or of the deployment is not fit to judge payloads.
    """
    event_types: dict[tuple[str, int], EventType] = {}
    for kind in installed_event_types(settings.events.schema_packages):
        _add(event_types, kind, "an installed package")
    folder = _own_schemas(settings)
    for kind in load_event_types(folder):
        _add(event_types, kind, str(folder))
    names = {kind.name for kind in event_types.values()}
    repeated = {kind.name for kind in registry.collected.event_types if kind.name in names}
    if repeated:
        msg = f"registers event types that this deployment already has: {', '.join(sorted(repeated))}"
        raise PluginFailed("with event types", msg)
    return SchemaCatalog([*event_types.values(), *registry.collected.event_types])


def load_definition_catalog(settings: Settings, *, event_types: SchemaCatalog) -> DefinitionCatalog:
    """Gather the actions, searches and lookups that are installed and those of the deployment's own folder.

    Raises:
        SettingsInvalid, SchemaInvalid: as ``load_catalog`` does.
    """
    installed = installed_definitions(settings.events.schema_packages)
    definitions = [*installed, *load_definitions(_own_schemas(settings))]
    return DefinitionCatalog(definitions, event_types=event_types.names())


def _own_schemas(settings: Settings) -> Path:
    folder = settings.events.schemas_dir
    if folder is not None and not folder.is_dir():
        msg = f"Setting 'events.schemas_dir': there is no folder {folder}"
        raise SettingsInvalid(msg)
    return folder or DEFAULT_SCHEMAS


def _add(event_types: dict[tuple[str, int], EventType], kind: EventType, source: str) -> None:
    if (kind.name, kind.version) in event_types:
        raise SchemaInvalid(
            source, f"version {kind.version} of the event type '{kind.name}' is defined twice"
        )
    event_types[kind.name, kind.version] = kind
