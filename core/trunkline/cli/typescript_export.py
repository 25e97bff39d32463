"""``export typescript``: the types of a deployment's events, actions, searches and lookups, for ``@trunkline/client``."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trunkline.cli.python_export import whole_input
from trunkline.cli.python_types import named_properties
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition
from trunkline.schemas.fields import item_list, item_schema

_HEAD = """\
{title}
// Written by `trunkline export typescript`: write it anew when they change. Use it so: new Client<Hub>(url, key)

export type Hub = {{
"""
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_COMPONENT = "#/components/schemas/"
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_ANY_EVENT = "  events: Record<string, Record<string, any>>;\n"


def typescript_module(
    product: str, types: Sequence[EventType], operations: Mapping[str, Sequence[Definition]]
) -> str:
    """Write the module. *operations* are the ``action``, ``search`` and ``lookup`` definitions."""
    events = [(one.name, one.title, type_of(one.schema, root=one.schema)) for one in types]
    actions = [
        (one.name, one.title, f"{{ input: {_input(one)}; output: {type_of(one.output, root=one.output)} }}")
        for one in operations["action"]
    ]
    searches = [
        (one.name, one.title, f"{{ input: {_input(one)}; output: {_found(one)} }}")
        for one in operations["search"]
    ]
    lookups = [(one.name, one.title, _found(one)) for one in operations["lookup"]]
    return (
        _HEAD.format(title=comment(f"The events, actions, searches and lookups of {product}."))
        + (_group("events", events) if events else _ANY_EVENT)
        + _group("actions", actions)
        + _group("searches", searches)
        + _group("lookups", lookups)
        + "};\n"
    )


def _group(name: str, entries: Sequence[tuple[str, str, str]]) -> str:
    lines = [f"    {comment(title)}\n    {member(key)}: {text};\n" for key, title, text in entries]
    return f"  {name}: {{\n{''.join(lines)}  }};\n" if lines else f"  {name}: {{}};\n"


def _input(definition: Definition) -> str:
    schema = whole_input(definition)
    return type_of(schema, root=definition.input) if schema["properties"] else "{}"


def _found(definition: Definition) -> str:
    """Write the record type of a search or a lookup: its answer, or an item of the list in it."""
    record = definition.output if item_list(definition) is None else item_schema(definition)
    return type_of(record, root=definition.output)


def type_of(  # noqa: C901, PLR0911 - one for each form of a schema
    schema: Mapping[str, Any] | bool, *, root: Mapping[str, Any], within: frozenset[str] = frozenset()
) -> str:
    """Write the type of *schema*; ``#/…`` references are looked up in *root*, and a component is written by its name.

    A reference from *within* a schema to itself becomes ``unknown``.
    """
    if isinstance(schema, bool) or not schema:
        return "unknown"
    if reference := schema.get("$ref"):
        if reference.startswith(_COMPONENT):
            return str(reference.removeprefix(_COMPONENT))
        found: Any = root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step, {}) if isinstance(found, Mapping) else {}
        return "unknown" if reference in within else type_of(found, root=root, within=within | {reference})
    if "const" in schema or "enum" in schema:
        return _union([literal(value) for value in schema.get("enum", [schema.get("const")])])
    parts = schema.get("anyOf") or schema.get("oneOf") or ()
    if parts and not schema.get("properties"):
        return _union([type_of(part, root=root, within=within) for part in parts])
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union([type_of({**schema, "type": one}, root=root, within=within) for one in kind])
    if kind == "array":
        items = "prefixItems" in schema or schema.get("items", True)
        item = type_of(items, root=root, within=within)
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object" and schema.get("properties"):
        required = schema.get("required", ())
        members = [
            (member(key) + ("" if key in required else "?"), type_of(one, root=root, within=within))
            for key, one in named_properties(schema).items()
        ]
        return f"{{ {'; '.join(f'{key}: {text}' for key, text in members)} }}"
    if kind == "object":
        more = "patternProperties" in schema or schema.get("additionalProperties", True)
        return f"Record<string, {'any' if more is True else type_of(more, root=root, within=within)}>"
    return _SIMPLE.get(str(kind), "unknown")


def member(name: str) -> str:
    """Write the name of a member, in quotes if it needs them."""
    return name if _NAME.fullmatch(name) else literal(name)


def literal(value: Any) -> str:
    """Write *value* as a literal."""
    return json.dumps(value, ensure_ascii=False)


def comment(text: str) -> str:
    """Write the first line of *text* as a comment; the text cannot close the comment."""
    return f"/** {text.strip().partition(chr(10))[0].replace('*/', '* /')} */"


def _union(parts: list[str]) -> str:
    return "unknown" if "unknown" in parts else " | ".join(dict.fromkeys(parts))
