"""The form of JSON Schemas for generators of clients: pure functions from schemas to schemas.

Each rule avoids a misreading by a generator of ``docs/how-to/make-a-client.md``: widths of numbers, nested unions, defaults
that make members required, nulls that never occur.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic.alias_generators import to_pascal

from trunkline.schemas.shapes.references import UNKNOWN, References

Schema = dict[str, Any]
Use = Literal["answer", "change", "creation"]
"""The use of a schema: in answers only; in requests that create, in which null has no meaning; or in other requests."""

COMPONENTS = "#/components/schemas/"
COMPONENT = "x-component"
"""The member that names a nested schema as a component."""

_WORDS = re.compile("[^A-Za-z0-9]+")
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONES = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems",
         "unevaluatedProperties")  # fmt: skip
_OF_A_DOCUMENT = {"$schema", "$id", "$defs", "definitions", "$anchor"}
_FORMATS = {"integer": "int64", "number": "double"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MAX_INT64 = 2**63 - 1
_NULL = {"type": "null"}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def formed(schema: Schema, use: Use) -> Schema:
    """Return *schema* in the form of the documents, for its *use*."""
    made = mapped(schema, lambda inner: formed(inner, use))
    made = _flat(made)
    made.pop("title", None)  # generators name classes after it; a component has its own name
    if "const" in made and "type" not in made and type(made["const"]) in _TYPES:
        made["type"] = _TYPES[type(made["const"])]
    if isinstance(made.get("const"), bool):  # Java's generator makes an enum of it that does not compile
        del made["const"]
    if isinstance(made.get("items"), bool):  # openapi-python-client takes none
        made["items"] = {}
    _form_number(made)
    choices = made.get("anyOf", ())
    if choices and all(set(choice) == {"required"} for choice in choices):
        names = " or ".join(f"`{'` and `'.join(choice['required'])}`" for choice in choices)
        del made["anyOf"]
        _describe(made, f"At least {names} is required.")
    elif choices and all(set(choice) == {"format"} for choice in choices):
        del made["anyOf"]
        _describe(made, f"Format: `{'` or `'.join(choice['format'] for choice in choices)}`.")
    for name, member in made.get("properties", {}).items():
        if isinstance(member, dict):
            made["properties"][name] = _member(member, use, is_required=name in made.get("required", ()))
    return made


def formed_parameter(schema: Schema) -> Schema:
    """Return the schema of a parameter in the form of the documents; it keeps its default."""
    default = schema.get("default")
    made = _member(formed(schema, "creation"), "answer", is_required=False)
    return made if default is None else made | {"default": default}


def mapped(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return a copy of *schema* with *change* applied to each schema directly in it; a named true or false is made an object."""
    made = dict(schema)
    for key in _MAPS:
        if isinstance(made.get(key), dict):
            made[key] = {name: change(_as_object(inner)) for name, inner in made[key].items()}
    for key in _LISTS:
        if isinstance(made.get(key), list):
            made[key] = [change(_as_object(inner)) for inner in made[key]]
    for key in _ONES:
        if isinstance(made.get(key), dict):
            made[key] = change(made[key])
    return made


def _as_object(schema: Any) -> Schema:
    return schema if isinstance(schema, dict) else {} if schema else {"not": {}}


def _flat(schema: Schema) -> Schema:
    """Flatten nested unions, and replace a union of one choice by the choice."""
    choices: list[Schema] = []
    notes: Schema = {}
    for choice in schema.get("anyOf", ()):
        if isinstance(choice, dict) and isinstance(choice.get("anyOf"), list) and COMPONENT not in choice:
            notes |= {key: value for key, value in choice.items() if key != "anyOf"}
            choices += choice["anyOf"]
        else:
            choices.append(choice)
    if not choices:
        return schema
    unique = [choice for number, choice in enumerate(choices) if choice not in choices[:number]]
    values = [choice for choice in unique if choice != _NULL]
    if len(values) == 1 and not {"$ref", COMPONENT} & set(values[0]):
        notes |= {key: values[0][key] for key in ("description", "examples") if key in values[0]}
        values[0] = {key: value for key, value in values[0].items() if key not in notes}
    nulls = [_NULL] if len(values) < len(unique) and not any(map(takes_null, values)) else []
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(values) == 1 and not nulls:
        return {**values[0], **notes, **rest}
    return {**notes, **rest, "anyOf": [*values, *nulls]}


def _form_number(schema: Schema) -> None:
    """Add the width of a number, and write integer limits as integers."""
    kinds = schema.get("type", ())
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind in _FORMATS:
            schema.setdefault("format", _FORMATS[kind])
    if schema.get("format") != "int64":
        return
    for bound in _BOUNDS:
        limit = schema.get(bound)
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            if abs(limit) > _MAX_INT64:
                del schema[bound]
            elif float(limit).is_integer():
                schema[bound] = int(limit)


def _member(schema: Schema, use: Use, *, is_required: bool) -> Schema:
    """Form one member of an object: its default goes into the description, and a meaningless null is removed.

    An answer omits a member instead of setting it to null, unless its description says what null means.
    """
    made = dict(schema)
    default = made.pop("default", None)
    if default is not None and use != "answer":
        _describe(made, f"Default: `{json.dumps(default)}`.")
    choices = made.get("anyOf")
    has_no_null = use == "creation" or (use == "answer" and "null" not in made.get("description", ""))
    if not is_required and has_no_null and choices and _NULL in choices and COMPONENT not in made:
        made["anyOf"] = [choice for choice in choices if choice != _NULL]
        made = _flat(made)
    return made


def _describe(schema: Schema, sentence: str) -> None:
    text = schema.get("description", "")
    ending = "" if not text or text.endswith((".", "!", "?")) else "."
    schema["description"] = f"{text}{ending} {sentence}".strip()


def restore_nulls(example: Any, schema: Schema, schemas: Mapping[str, Schema]) -> None:
    """Restore the nulls of required members that FastAPI left out of an *example* of *schema*."""
    while "$ref" in schema:
        schema = schemas.get(schema["$ref"].removeprefix(COMPONENTS), {})
    if isinstance(example, list) and isinstance(schema.get("items"), dict):
        for item in example:
            restore_nulls(item, schema["items"], schemas)
    elif isinstance(example, dict):
        for name, member in schema.get("properties", {}).items():
            if name in example:
                restore_nulls(example[name], member, schemas)
            elif name in schema.get("required", ()) and takes_null(member):
                example[name] = None


def takes_null(schema: Schema) -> bool:
    """Return whether *schema* allows null."""
    return (
        _NULL in schema.get("anyOf", ()) or "null" in schema.get("type", ()) or None in schema.get("enum", ())
    )


# ---- components ------------------------------------------------------------------------------------------------------


def references(value: Any) -> Iterator[str]:
    """Yield the names of the components to which *value*, a part of a document, refers."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(COMPONENTS):
            yield reference.removeprefix(COMPONENTS).partition("/")[0]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def reached(start: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """Return the names of all components that *start* refers to, directly or indirectly."""
    names: set[str] = set()
    left = list(references(start))
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += references(schemas.get(name, {}))
    return names


def components_of(schema: Schema, name: str, taken: Iterable[str]) -> dict[str, Schema]:
    """Return *schema* as the component *name*, and as further components the schemas in it to which it refers.

    Generators read no reference into a component. The further names are not in *taken*.
    """
    document = References(schema)
    names = {id(schema): name}
    used = {*taken, name}
    made: dict[str, Schema] = {}

    def moved(inner: Schema) -> Schema:
        own = mapped({key: value for key, value in inner.items() if key not in _OF_A_DOCUMENT}, moved)
        reference = str(inner.get("$ref"))
        target = document.resolve(reference) if "$ref" in inner else UNKNOWN
        if target is UNKNOWN:
            return own
        if _is_endless(inner, document):
            return {key: value for key, value in own.items() if key != "$ref"}
        if id(target) not in names:
            component = free_name(f"{name}{to_pascal(_WORDS.sub('_', reference.rpartition('/')[2]))}", used)
            names[id(target)] = component
            used.add(component)
            made[component] = moved(_as_object(target))
        return own | {"$ref": f"{COMPONENTS}{names[id(target)]}"}

    return {name: moved(schema) | {"title": name}, **made}


def _is_endless(schema: Any, document: References) -> bool:
    """Whether the references of *schema* lead back to it without a schema between them; it then allows any value."""
    followed = set[str]()
    while isinstance(schema, dict) and "$ref" in schema:
        if schema["$ref"] in followed:
            return True
        followed.add(schema["$ref"])
        schema = document.resolve(schema["$ref"])
    return False


def inlined(schema: Schema, document: References, followed: frozenset[str] = frozenset()) -> Schema:
    """Return *schema*, a part of *document*, with the schemas to which it refers in the place of its references."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return mapped(schema, lambda inner: inlined(inner, document, followed))
    target = document.resolve(reference) if reference not in followed else {}
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return inlined({**(target if isinstance(target, dict) else {}), **own}, document, followed | {reference})


def with_components(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Turn nested schemas that have the member ``COMPONENT``, and objects that occur more than once, into components."""
    counts = Counter(
        _key(inner)
        for schema in schemas.values()
        for inner in _inside(schema)
        if "properties" in inner and COMPONENT not in inner
    )
    made: dict[str, Schema] = {}
    names: dict[str, str] = {}

    def lifted(schema: Schema, owner: str) -> Schema:
        key = _key(schema)
        inner = mapped(schema, lambda inner: lifted(inner, owner))
        asked = inner.pop(COMPONENT, None)
        if asked is None and counts[key] < 2:
            return inner
        notes: Schema = {
            note: inner.pop(note) for note in ("description", "examples") if asked and note in inner
        }
        if key not in names:
            record = f"{owner.removesuffix('Output').removesuffix('Input')}Record"
            names[key] = asked or free_name(record, {*schemas, *made})
            made[names[key]] = inner | {"title": names[key]}
        return notes | {"$ref": f"{COMPONENTS}{names[key]}"}

    kept = {
        name: mapped(schema, lambda inner, name=name: lifted(inner, name))  # type: ignore[misc]
        for name, schema in schemas.items()
    }
    return kept | made


def free_name(name: str, taken: Sequence[str] | set[str]) -> str:
    """Return *name*, with a number appended if it is in *taken*."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    return free


def _inside(schema: Schema) -> Iterator[Schema]:
    found: list[Schema] = []

    def note(inner: Schema) -> Schema:
        found.append(inner)
        return inner

    mapped(schema, note)
    for inner in found:
        yield inner
        yield from _inside(inner)


def _key(schema: Schema) -> str:
    return json.dumps(schema, sort_keys=True, default=str)
