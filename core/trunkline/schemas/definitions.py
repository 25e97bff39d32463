"""Actions, searches and lookups as data.

A definition is one JSON file (``schemas``, folders ``actions``, ``searches`` and ``lookups``) and contains everything that
the HTTP routes, OpenAPI and the generated connectors need. Providers carry out the defined operations
(``contract.Operation``). Nothing here does I/O.

The form of a file, with its optional keys in brackets::

    {"name": "update_lead", "title": "Update Lead", "description": "…",
     "method": "PATCH", "path": "/leads/{client_id}", ["success_status": 200], ["emits": ["lead.updated"]],
     ["parameters": {JSON Schema of an object: the names in *path*}],
     "input": {JSON Schema of an object: the body, or the query of a GET}, "output": {JSON Schema},
     ["list": {"items": "employees", "value": "employee_id", "label": "full_name"}], ["single": true],
     "examples": [{["parameters": {…}], "input": {…}, "output": {…}}]}

A search answers with a list of records, the first list of objects in its output. If it is ``single``, it answers with the
record itself, or 404 if there is none. If its input has ``cursor``, it gives the list page by page.

The value of a property with ``x-lookup`` is chosen from a list. ``x-lookup`` is the name of a lookup, or
``{"lookup": name, "value": …, "where": {…}}`` to send another field of its items, or to offer only some of its items.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import orjson

from trunkline.errors import SchemaInvalid
from trunkline.schemas.catalog import Json, Validator

Kind = Literal["action", "search", "lookup"]
"""The kind of an operation: a write, a read by key, or a list to choose from."""
KINDS: tuple[Kind, ...] = ("action", "search", "lookup")
CALL_PREFIX = "/integrations"
"""The base path of the calls of all definitions, below ``/api/v1``."""
FOLDERS: Mapping[Kind, str] = {"action": "actions", "search": "searches", "lookup": "lookups"}
"""The plural of each kind: the folder of its files, and the name of its list."""

_NO_PARAMETERS: Mapping[str, Json] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class ItemList:
    """The list in a lookup's answer, in its member *items*. Of each item, the field *value* is sent, and *label* is shown."""

    items: str
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """One call and its answer."""

    parameters: Mapping[str, Json]
    input: Mapping[str, Json]
    output: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Definition:
    """One action, search or lookup. *path* is below ``/api/v1/integrations``, with its parameters in braces.

    *parameters*, *input* and *output* are JSON Schemas (draft 2020-12) of objects; *emits* names event types. Only
    lookups have *listed*; only searches may have *is_single*, and only actions *takes_if_match*, set to True. *source*
    names its file in errors; empty for a definition written in Python.
    """

    kind: Kind
    name: str
    title: str
    description: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    parameters: Mapping[str, Json] = field(repr=False, hash=False)
    input: Mapping[str, Json] = field(repr=False, hash=False)
    output: Mapping[str, Json] = field(repr=False, hash=False)
    examples: Sequence[Example] = field(default=(), repr=False, hash=False)
    success_status: int = 200
    emits: tuple[str, ...] = ()
    listed: ItemList | None = None
    source: str = field(default="", compare=False, repr=False)
    is_single: bool = False
    takes_if_match: bool = False

    @property
    def is_paged(self) -> bool:
        """Whether the answer is a list in pages, with ``limit``, ``cursor`` and ``next_cursor``."""
        return self.method == "GET" and "cursor" in self.input.get("properties", {})

    @property
    def takes_body(self) -> bool:
        """Whether the input is the body of a request; otherwise it is the query, or there is no input."""
        return self.method in {"POST", "PATCH"}


def read_definition(kind: Kind, document: bytes, *, source: str) -> Definition:
    """Read one definition file; *source* names it in errors. Its schemas are checked by ``DefinitionCatalog``.

    Raises SchemaInvalid: *document* is not JSON, or has a missing, misspelt or unknown key.
    """
    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SchemaInvalid(source, f"the file is not JSON at {place}: {error.msg}") from None
    if faults := _form().check(content):
        place = f"'{faults[0].path}'" if faults[0].path else "the file"
        raise SchemaInvalid(source, f"{place} {faults[0].message}")
    return Definition(
        kind=kind,
        name=content["name"],
        title=content["title"],
        description=content["description"],
        method=content["method"],
        path=content["path"],
        parameters=content.get("parameters", _NO_PARAMETERS),
        input=content["input"],
        output=content["output"],
        examples=tuple(
            Example(example.get("parameters", {}), example["input"], example["output"])
            for example in content["examples"]
        ),
        success_status=content.get("success_status", 200),
        emits=tuple(content.get("emits", ())),
        listed=ItemList(**content["list"]) if "list" in content else None,
        is_single=content.get("single", False),
        source=source,
    )


@functools.cache
def _form() -> Validator:
    """Make the validator of a file's keys and the types of their values."""
    text, mapping = {"type": "string"}, {"type": "object"}
    listed = {"items": text, "value": text, "label": text}
    example = _strict({"parameters": mapping, "input": mapping, "output": mapping}, optional={"parameters"})
    properties = {
        "name": text,
        "title": text,
        "description": text,
        "method": {"enum": ["GET", "POST", "PATCH", "DELETE"]},
        "path": text,
        "success_status": {"type": "integer"},
        "emits": {"type": "array", "items": text},
        "parameters": mapping,
        "input": mapping,
        "output": mapping,
        "list": _strict(listed),
        "single": {"type": "boolean"},
        "examples": {"type": "array", "items": example, "minItems": 1},
    }
    return Validator(
        _strict(properties, optional={"success_status", "emits", "parameters", "list", "single"}),
        name="a definition",
    )


def _strict(properties: Mapping[str, Json], *, optional: Collection[str] = ()) -> dict[str, Json]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
