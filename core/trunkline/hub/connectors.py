"""Connectors: the product of a deployment, and the files that a plugin's generator makes from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from trunkline.contract import Connector, Operations, ReadFile
from trunkline.errors import Conflict, PluginFailed, SettingsInvalid
from trunkline.hub.products import key_prefix_of, packaged_brand
from trunkline.schemas.authorization import AuthorizationServer, EndpointsUnknown
from trunkline.schemas.catalog import EventType
from trunkline.schemas.products import Brand, Product
from trunkline.settings import Settings


def product_of(
    settings: Settings,
    *,
    event_types: Sequence[EventType],
    operations: Operations,
    issuer: AuthorizationServer | None = None,
) -> Product:
    """Make the product for connectors: every event type that is not deprecated, and every operation that a plugin provides.

    *issuer* is the server at which users of connectors sign in; None if they sign in at the hub. Raises as ``brand_of``.
    """
    server = settings.server
    return Product(
        brand=brand_of(settings),
        api_url=(server.public_url or f"http://{server.host}:{server.port}").rstrip("/"),
        event_types=tuple(kind for kind in event_types if not kind.deprecated),
        actions=tuple(operations.provided("action")),
        searches=tuple(operations.provided("search")),
        lookups=tuple(operations.provided("lookup")),
        auth=settings.connectors.auth,
        issuer=issuer,
    )


def make_files(connector: Connector, product: Product, *, plugin: str) -> dict[PurePosixPath, bytes]:
    """Make the files of *connector*, which *plugin* registered, ordered by path.

    Raises:
        Conflict: the platform cannot represent *product*; the sentence of the connector says what to change.
        PluginFailed: the connector raised, or returned anything but files below one folder.
        EndpointsUnknown: the connector needs endpoints that are not known.
    """
    try:
        files = connector.generate(product)
    except EndpointsUnknown:
        raise
    except ValueError as error:
        msg = f"{connector.title} cannot offer this product: {error}."
        raise Conflict(msg) from error
    except Exception as error:
        reason = f"failed to make the connector '{connector.name}': {type(error).__name__}: {error}"
        raise PluginFailed(plugin, reason) from error
    if not isinstance(files, Mapping) or not files:  # pyright: ignore[reportUnnecessaryIsInstance] - not type-checked
        raise PluginFailed(plugin, f"made no files for the connector '{connector.name}'")
    for path, content in files.items():
        if not isinstance(content, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PluginFailed(plugin, f"made '{path}' of {type(content).__name__}, not of bytes")
        pure = PurePosixPath(path)
        if not pure.parts or pure.is_absolute() or {"..", "\\"} & set(pure.parts):
            raise PluginFailed(plugin, f"made '{path}', which is not below the folder that it is made for")
    return {PurePosixPath(path): files[path] for path in sorted(files)}


def find_breaking(
    connector: Connector, files: Mapping[PurePosixPath, bytes], *, published: ReadFile, plugin: str
) -> list[str] | None:
    """List the keys of the *published* export that the new *files* break: keys that are removed, or that have new required fields.

    Returns None if nothing is published, or if the platform has no such keys.

    Raises PluginFailed: the connector of *plugin* raised an error, for example because a published file is not one of its files.
    """
    if connector.keys is None:
        return None

    def made(path: str) -> bytes | None:
        return files.get(PurePosixPath(path))

    try:
        before = list(dict.fromkeys(connector.keys(published)))
        now = set(connector.keys(made))
        asked: list[str] = []
        if connector.demands is not None:
            known = set(connector.demands(published))
            new = [demand for demand in dict.fromkeys(connector.demands(made)) if demand not in known]
            shared = set(before)
            asked = [f"{key} does without {field}" for key, field in new if key in shared]
    except Exception as error:
        reason = f"failed to compare the export '{connector.name}' with the published one: {type(error).__name__}: {error}"
        raise PluginFailed(plugin, reason) from error
    return [*(key for key in before if key not in now), *asked] if before else None


def brand_of(settings: Settings) -> Brand:
    """Read the brand: from the settings, then from the product's ``brand.json``, then from neutral defaults.

    Raises:
        SettingsInvalid: a logo cannot be read.
        SchemaInvalid: a package's ``brand.json`` is not usable.
    """
    prefix = key_prefix_of(settings)
    defaults: dict[str, Any] = {
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
    named = packaged_brand(settings).model_dump(exclude_none=True)
    named |= settings.brand.model_dump(exclude_none=True)
    for name in ("logo", "logo_dark"):
        if name in named:
            named[name] = _read_logo(f"brand.{name}", named[name])
    return Brand(**defaults | named)


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
