"""Connectors: what this deployment offers, as generators get it, and the files that they make of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from trunkline.contract import Connector, Operations
from trunkline.errors import PluginFailed, SchemaInvalid, SettingsInvalid
from trunkline.schemas.catalog import EventType
from trunkline.schemas.files import installed_brand
from trunkline.schemas.products import Brand, Product
from trunkline.settings import Brand as BrandSection
from trunkline.settings import Settings, describe


def product_of(settings: Settings, *, event_types: Sequence[EventType], operations: Operations) -> Product:
    """Gather what connectors offer: every event type that is not deprecated, and what somebody carries out.

    Raises:
        SettingsInvalid: a logo cannot be read.
        SchemaInvalid: a package's ``brand.json`` cannot serve.
    """
    server = settings.server
    return Product(
        brand=brand_of(settings),
        api_url=(server.public_url or f"http://{server.host}:{server.port}").rstrip("/"),
        event_types=tuple(one for one in event_types if not one.deprecated),
        actions=tuple(operations.provided("action")),
        searches=tuple(operations.provided("search")),
        lookups=tuple(operations.provided("lookup")),
    )


def make_files(connector: Connector, product: Product, *, plugin: str) -> dict[PurePosixPath, bytes]:
    """Have *connector*, which *plugin* gave, make its files; in the order of their paths.

    Raises:
        PluginFailed: it raised, or gave something else than files below one folder.
    """
    try:
        made = connector.generate(product)
    except Exception as error:
        reason = f"failed to make the connector '{connector.name}': {type(error).__name__}: {error}"
        raise PluginFailed(plugin, reason) from error
    if not isinstance(made, Mapping) or not made:  # pyright: ignore[reportUnnecessaryIsInstance] - not type-checked
        raise PluginFailed(plugin, f"made no files for the connector '{connector.name}'")
    for path, content in made.items():
        if not isinstance(content, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PluginFailed(plugin, f"made '{path}' of {type(content).__name__}, not of bytes")
        if not _is_below(path):
            raise PluginFailed(plugin, f"made '{path}', which is not below the folder that it is made for")
    return {PurePosixPath(path): made[path] for path in sorted(made)}


def _is_below(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and not {"..", "\\"} & set(pure.parts)


def brand_of(settings: Settings) -> Brand:
    """Lay the settings over the brand that the schemas' package brings, and that over what is true of anybody.

    Raises:
        SettingsInvalid: a logo cannot be read.
        SchemaInvalid: a package's ``brand.json`` cannot serve.
    """
    prefix = settings.auth.key_prefix
    plain = {
        "slug": prefix,
        "title": prefix,
        "description": f"Events and actions of {prefix}.",
        "color": "#334155",
        "homepage": "https://example.com",
        "author": prefix,
        "email": "support@example.com",
        "repository": "https://example.com",
        "version": "1.0.0",
    }
    try:
        packaged = BrandSection.model_validate(installed_brand(settings.events.schema_packages))
    except ValidationError as error:
        raise SchemaInvalid("brand.json", describe(error, section="brand")) from None
    named = _given(packaged) | _given(settings.brand)
    logos = {
        name: _read_logo(f"brand.{name}", named.pop(name)) for name in ("logo", "logo_dark") if name in named
    }
    return Brand(**plain | named | logos)


def _given(section: BrandSection) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _read_logo(setting: str, path: Path) -> str:
    """Read an SVG file. Raises SettingsInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"Setting '{setting}': the file {path} cannot be read: {error}"
        raise SettingsInvalid(msg) from None
    if "<svg" not in text:
        msg = f"Setting '{setting}': the file {path} is not an SVG document"
        raise SettingsInvalid(msg)
    return text
