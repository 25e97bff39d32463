"""Reads event types from JSON Schema files: those of a folder, and those that installed packages bring.

What is read here is judged by ``trunkline.schemas.SchemaCatalog``.
"""

import importlib.resources
from collections.abc import Mapping
from importlib.metadata import entry_points
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
import orjson

from trunkline.errors import SchemaInvalid
from trunkline.schemas import EventType, Json

ENTRY_POINT_GROUP = "trunkline.schemas"
"""A distribution names its packages of schema files under this group."""


def load_event_types(folder: Traversable | Path) -> list[EventType]:
    """Read every ``events/<type>.json`` below *folder*, in the order of their names; none where there is no ``events``.

    Raises:
        SchemaInvalid: a file cannot be read, is not JSON, or lacks a title or a description.
    """
    events = folder / "events"
    if not events.is_dir():
        return []
    files = sorted(
        (file for file in events.iterdir() if file.name.endswith(".json")), key=lambda one: one.name
    )
    return [_load_event_type(file) for file in files]


def package_event_types(package: str) -> list[EventType]:
    """Read the event types of the installed *package*.

    Raises:
        SchemaInvalid: *package* cannot be imported, or one of its files cannot serve.
    """
    try:
        folder = importlib.resources.files(package)
    except ImportError as error:
        raise SchemaInvalid(package, f"this package of schemas cannot be imported: {error}") from None
    return load_event_types(folder)


def installed_event_types() -> list[EventType]:
    """Read the event types of every package that stands in the entry-point group ``trunkline.schemas``.

    Raises:
        SchemaInvalid: a package cannot be imported, or one of its files cannot serve.
    """
    packages = sorted({entry.module for entry in entry_points(group=ENTRY_POINT_GROUP)})
    return [event_type for package in packages for event_type in package_event_types(package)]


def _load_event_type(file: Traversable) -> EventType:
    source = str(file)
    document = _read(file, source)
    schema = _parse(document, source)
    return EventType(
        file.name.removesuffix(".json"),
        _text(schema, "title", source),
        _text(schema, "description", source),
        schema,
        version=_version(schema, source),
        deprecated=schema.get("deprecated") is True,
        schema_json=document,
        example_json=_first_example(document, source),
    )


def _read(file: Traversable, source: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SchemaInvalid(source, f"the file cannot be read: {error.strerror}") from None


def _parse(document: bytes, source: str) -> dict[str, Json]:
    try:
        schema = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SchemaInvalid(source, f"the file is not JSON at {place}: {error.msg}") from None
    if not isinstance(schema, dict):
        raise SchemaInvalid(source, "the file must hold one JSON object, the schema")
    return schema


def _text(schema: Mapping[str, Json], key: str, source: str) -> str:
    value = schema.get(key)
    if not isinstance(value, str) or not value.strip():
        raise SchemaInvalid(source, f"the schema has no '{key}'; give it one that people understand")
    return value


def _version(schema: Mapping[str, Json], source: str) -> int:
    version = schema.get("x-version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SchemaInvalid(source, "'x-version' must be a whole number from 1")
    return version


def _first_example(document: bytes, source: str) -> bytes:
    try:
        raw = msgspec.json.decode(document, type=dict[str, msgspec.Raw]).get("examples")
        examples = [] if raw is None else msgspec.json.decode(raw, type=list[msgspec.Raw])
        return msgspec.json.format(bytes(examples[0]), indent=-1) if examples else b""
    except msgspec.MsgspecError as error:
        raise SchemaInvalid(source, f"'examples' must be a list of payloads: {error}") from None
