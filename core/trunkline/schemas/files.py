"""Reads event types and definitions from files in a folder, or in installed packages.

``catalog.SchemaCatalog`` and ``definition_catalog.DefinitionCatalog`` check them.
"""

import importlib.resources
from collections.abc import Iterable, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
import orjson

from trunkline.errors import SchemaInvalid, SettingsInvalid
from trunkline.schemas import entry_points
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.definitions import FOLDERS, KINDS, Definition, read_definition

ENTRY_POINT_GROUP = "trunkline.schemas"
"""The entry-point group under which a distribution names its packages of schema files."""


def load_event_types(folder: Traversable | Path) -> list[EventType]:
    """Read every ``events/<type>.json`` below *folder*, by name; the folder ``events`` is optional.

    ``events/<type>@1.json`` is version 1, kept in addition to a newer version.

    Raises SchemaInvalid: a file or the folder cannot be read, a file is not JSON, lacks a title or a description, or contains another version.
    """
    event_types: list[EventType] = []
    for file in _files(folder / "events"):
        source = str(file)
        name, at, version = file.name.removesuffix(".json").partition("@")
        event_type = read_event_type(name, _read(file, source), source=source)
        if at and version != str(event_type.version):
            reason = f"'x-version' is {event_type.version}, but the file's name says {version or 'nothing after @'}"
            raise SchemaInvalid(source, reason)
        event_types.append(event_type)
    return event_types


def load_definitions(folder: Traversable | Path) -> list[Definition]:
    """Read the files in the folders ``actions``, ``searches`` and ``lookups`` of *folder*; each folder is optional.

    Raises SchemaInvalid: a file or a folder cannot be read, a file is not a definition, or its name differs from the definition's.
    """
    definitions: list[Definition] = []
    for kind in KINDS:
        for file in _files(folder / FOLDERS[kind]):
            source = str(file)
            definition = read_definition(kind, _read(file, source), source=source)
            if file.name != f"{definition.name}.json":
                reason = f"'/name' is '{definition.name}'; the file of that name is {definition.name}.json"
                raise SchemaInvalid(source, reason)
            definitions.append(definition)
    return definitions


def operational_event_types() -> list[EventType]:
    """Read the operational event types from the folder next to this module."""
    return load_event_types(importlib.resources.files("trunkline.schemas") / "operational")


def installed_names() -> list[str]:
    """List the names of the entry points of the installed packages of schemas."""
    return sorted({entry.name for entry in entry_points.installed(ENTRY_POINT_GROUP)})


def installed_folders() -> list[Traversable]:
    """List the folders of the installed packages of schemas. Raises SchemaInvalid: one cannot be imported."""
    packages = {entry.module for entry in entry_points.installed(ENTRY_POINT_GROUP)}
    return [_folder_of(package) for package in sorted(packages)]


def product_folders(names: Sequence[str], *, beside: Path) -> list[Traversable | Path]:
    """List the folders of *names* (``product.schemas``): each is an entry point of an installed package, or else a path.

    Relative paths start at the folder *beside*.

    Raises:
        SettingsInvalid: a name is neither an entry point nor an existing path.
        SchemaInvalid: a package cannot be imported.
    """
    packages = {entry.name: entry.module for entry in entry_points.installed(ENTRY_POINT_GROUP)}
    folders: list[Traversable | Path] = []
    for name in names:
        folder = _folder_of(packages[name]) if name in packages else beside / name
        try:
            is_folder = name in packages or folder.is_dir()
        except OSError as error:
            msg = f"Setting 'product.schemas': the folder {folder} cannot be read: {error.strerror}"
            raise SettingsInvalid(msg) from None
        if not is_folder:
            msg = (
                f"Setting 'product.schemas': there is no folder {folder}, nor an installed package of schemas of that name; "
                f"installed are: {', '.join(sorted(packages)) or 'none'}"
            )
            raise SettingsInvalid(msg)
        folders.append(folder)
    return folders


def read_brand(folders: Iterable[Traversable | Path]) -> dict[str, Json]:
    """Read the first ``brand.json`` in *folders*; its keys are the settings of the section ``brand``. Raises SchemaInvalid."""
    for folder in folders:
        file = folder / "brand.json"
        try:
            is_there = file.is_file()
        except OSError as error:
            raise SchemaInvalid(str(folder), f"the folder cannot be read: {error.strerror}") from None
        if is_there:
            return _parse(_read(file, str(file)), str(file))
    return {}


def _folder_of(package: str) -> Traversable:
    try:
        return importlib.resources.files(package)
    except ImportError as error:
        raise SchemaInvalid(package, f"this package of schemas cannot be imported: {error}") from None


def _files(folder: Traversable | Path) -> list[Traversable]:
    try:
        files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: none in a package's archive
        return []
    except OSError as error:
        raise SchemaInvalid(str(folder), f"the folder cannot be read: {error.strerror}") from None
    return sorted(files, key=lambda file: file.name)


def read_event_type(name: str, document: bytes, *, source: str) -> EventType:
    """Read the schema of the event type *name*; *source* names it in error messages.

    Raises SchemaInvalid: *document* is not JSON, or lacks a title or a description.
    """
    schema = _parse(document, source)
    for key in ("title", "description"):
        if not isinstance(schema.get(key), str) or not schema[key].strip():
            raise SchemaInvalid(source, f"the schema has no '{key}'; give it one that people understand")
    version = schema.get("x-version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SchemaInvalid(source, "'x-version' must be a whole number from 1")
    try:
        raw = msgspec.json.decode(document, type=dict[str, msgspec.Raw]).get("examples")
        examples = [] if raw is None else msgspec.json.decode(raw, type=list[msgspec.Raw])
        first_example = msgspec.json.format(bytes(examples[0]), indent=-1) if examples else b""
    except msgspec.MsgspecError as error:
        raise SchemaInvalid(source, f"'examples' must be a list of payloads: {error}") from None
    return EventType(
        name,
        schema["title"],
        schema["description"],
        schema,
        version=version,
        deprecated=schema.get("deprecated") is True,
        schema_json=document,
        example_json=first_example,
    )


def _read(file: Traversable, source: str) -> bytes:
    try:
        if file.is_file():  # reading a FIFO would not end
            return file.read_bytes()
    except OSError as error:
        raise SchemaInvalid(source, f"the file cannot be read: {error.strerror}") from None
    raise SchemaInvalid(source, "it is neither a file nor a link to one")


def _parse(document: bytes, source: str) -> dict[str, Json]:
    try:
        schema = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SchemaInvalid(source, f"the file is not JSON at {place}: {error.msg}") from None
    if not isinstance(schema, dict):
        raise SchemaInvalid(source, "the file must hold one JSON object, the schema")
    return schema
