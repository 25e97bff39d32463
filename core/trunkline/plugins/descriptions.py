"""Describes one plugin as JSON, for ``trunkline plugins show``."""

import importlib.util
import inspect
import re
from collections.abc import Iterator
from typing import Any

from fastapi.routing import iter_route_contexts
from msgspec import structs
from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import PydanticUndefined

from trunkline.contract import Migrations, Routes
from trunkline.plugins.records import Contributions, PluginRecord
from trunkline.plugins.registry import Registry
from trunkline.runtime.redaction import redact
from trunkline.schemas.definitions import FOLDERS
from trunkline.settings import ENVIRONMENT_PREFIX
from trunkline.store import migrate, revisions

MASK = "**********"
_SECRET_NAME = re.compile(r"secret|token|password|passphrase|credential|(^|_)key($|_)", re.IGNORECASE)


def describe_plugins(registry: Registry, name: str) -> list[dict[str, Any]]:
    """Describe the plugin *name*. Returns one entry, two if two distributions claim the name, none if there is no such plugin.

    A running plugin has all members. A failed plugin has the reason and, if it was imported, its hooks.
    """
    return [_describe(registry, record) for record in registry.records if record.name == name]


def _describe(registry: Registry, record: PluginRecord) -> dict[str, Any]:
    is_turned_away = record.state == "failed" and registry.is_active(record.name)
    contributions = Contributions() if is_turned_away else registry.contributions_of(record.name)
    return {
        **structs.asdict(record),
        "deprecations": list(record.deprecations),
        "file": None if is_turned_away else _find_file(registry, record),
        "hooks": [] if is_turned_away else list(_hooks(registry, record.name)),
        "settings": list(_settings(record.name, contributions.settings)) if contributions.settings else [],
        "channels": [
            {"name": channel.name, "title": channel.title, "delivers": "push" if channel.deliver else "pull"}
            for channel in contributions.channels
        ],
        "event_types": [
            {"name": event_type.name, "title": event_type.title} for event_type in contributions.event_types
        ],
        "casters": [
            {"event_type": caster.event_type, "from": caster.from_version, "to": caster.to_version}
            for caster in contributions.casters
        ],
        **{
            plural: [
                {"name": provider.name, "defined_by": "plugin" if provider.definition else "schemas"}
                for provider in contributions.providers.get(kind, ())
            ]
            for kind, plural in FOLDERS.items()
        },
        "routes": [route for routes in contributions.routes or () for route in _routes(routes)],
        "pages": [
            {"path": f"/portal/x/{record.name}/{page.name}", "title": page.title, "scope": page.scope}
            for page in contributions.pages
        ],
        "connectors": [
            {"name": connector.name, "title": connector.title} for connector in contributions.connectors
        ],
        "commands": [
            {"command": f"trunkline run {record.name} {command.name}"} for command in contributions.commands
        ],
        "migrations": [_migrations(migrations) for migrations in contributions.migrations],
    }


def _find_file(registry: Registry, record: PluginRecord) -> str | None:
    """Return the file that is or would be imported; None for a module in a package that was not imported."""
    module = registry.module(record.name)
    if module is not None:
        return getattr(module, "__file__", None)
    if record.module is None or "." in record.module:  # finding it would import the package
        return None
    spec = importlib.util.find_spec(record.module)
    return spec.origin if spec else None


def _hooks(registry: Registry, name: str) -> Iterator[dict[str, Any]]:
    for hook, function in registry.implementations(name):
        code = getattr(inspect.unwrap(function), "__code__", None)
        yield {
            "name": hook,
            "file": code.co_filename if code else None,
            "line": code.co_firstlineno if code else None,
        }


def _settings(plugin: str, settings: BaseModel) -> Iterator[dict[str, Any]]:
    for name, field in type(settings).model_fields.items():
        default: object = field.get_default(call_default_factory=True, validated_data={})
        yield {
            "name": f"{plugin}.{name}",
            "variable": f"{ENVIRONMENT_PREFIX}{plugin}__{name}".upper(),
            "type": _type_name(field.annotation),
            "required": field.is_required(),
            "default": None if default is PydanticUndefined else _show(name, default),
            "value": _show(name, getattr(settings, name)),
            "description": field.description,
        }


def _show(name: str, value: object) -> str | None:
    """Write a setting's *value*; a secret, recognised by type or name, is masked."""
    if value is None:
        return None
    is_secret = isinstance(value, SecretStr | SecretBytes) or (
        isinstance(value, str | bytes) and _SECRET_NAME.search(name)
    )
    return MASK if is_secret and value else redact(str(value))


def _type_name(annotation: object) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(annotation))


def _routes(routes: Routes) -> Iterator[dict[str, Any]]:
    for context in iter_route_contexts(routes.router.routes):
        for method in sorted((context.methods or set()) - {"HEAD"}):
            yield {"method": method, "path": f"{routes.base}{routes.prefix}{context.path}"}


def _migrations(migrations: Migrations) -> dict[str, Any]:
    """Return the location of a history, its newest revision, and the number of its revisions.

    A history that cannot be read counts as empty; then the newest revision is None.
    """
    try:
        known = revisions.read(migrate.folder_of(migrations.location))
    except (ImportError, OSError, ValueError):
        known = []
    return {"location": migrations.location, "head": known[-1] if known else None, "revisions": len(known)}
