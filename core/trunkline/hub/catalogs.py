"""What this deployment's schemas define: the catalogue of event types, and that of actions, searches and lookups."""

from collections.abc import Sequence

from trunkline.errors import PluginFailed, SchemaInvalid
from trunkline.hub.products import schema_folders
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.files import load_definitions, load_event_types
from trunkline.schemas.publishing import published
from trunkline.settings import Settings


def load_catalog(settings: Settings, of_plugins: Sequence[EventType] = ()) -> SchemaCatalog:
    """Gather the event types: those of the product, and those *of_plugins*.

    Raises:
        SettingsInvalid: the deployment names a folder or a package that is not there.
        SchemaInvalid: a file of ours or of the deployment is not fit to judge payloads.
    """
    event_types: dict[tuple[str, int], EventType] = {}
    for folder in schema_folders(settings):
        for kind in load_event_types(folder):
            _add(event_types, kind, str(folder))
    names = {kind.name for kind in event_types.values()}
    repeated = {kind.name for kind in of_plugins if kind.name in names}
    if repeated:
        msg = f"registers event types that this deployment already has: {', '.join(sorted(repeated))}"
        raise PluginFailed("with event types", msg)
    is_open = settings.events.published_schemas == "open"
    return SchemaCatalog([*event_types.values(), *of_plugins], publish=published if is_open else None)


def load_definition_catalog(settings: Settings, *, event_types: SchemaCatalog) -> DefinitionCatalog:
    """Gather the actions, searches and lookups of the product.

    Raises:
        SettingsInvalid, SchemaInvalid: as ``load_catalog`` does.
    """
    definitions = [
        definition for folder in schema_folders(settings) for definition in load_definitions(folder)
    ]
    return DefinitionCatalog(definitions, event_types=event_types.names())


def _add(event_types: dict[tuple[str, int], EventType], kind: EventType, source: str) -> None:
    if (kind.name, kind.version) in event_types:
        raise SchemaInvalid(
            source, f"version {kind.version} of the event type '{kind.name}' is defined twice"
        )
    event_types[kind.name, kind.version] = kind
