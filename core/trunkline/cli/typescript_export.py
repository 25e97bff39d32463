"""``export typescript``: the types of a deployment's events, actions, searches and lookups, for ``@trunkline/client``."""

from collections.abc import Mapping, Sequence

from trunkline.cli.python_export import whole_input
from trunkline.cli.typescript_types import comment, member, type_of
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition
from trunkline.schemas.fields import item_list, item_schema

_HEAD = """\
{title}
// Written by `trunkline export typescript`: write it anew when they change. Use it so: new Client<Hub>(url, key)

export type Hub = {{
"""
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
