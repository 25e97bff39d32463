"""What the event types' JSON Schemas say about a filter's paths, and which comparisons they allow.

Part of the pure centre, used only when a subscription is made or changed: ``filters.compile`` asks here, matching does
not. A schema is read generously: a path or comparison is refused only where no payload could ever meet it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from urllib.parse import unquote

from trunkline.filters.comparisons import ORDERINGS
from trunkline.schemas.catalog import Json

Schema = Mapping[str, Json]

_EVERY_TYPE = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_NUMBERS = frozenset({"integer", "number"})
_DATES = frozenset({"date", "date-time"})
_MOST_SHAPES = 256
_IN_WORDS = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One form that a value may take: ``anyOf`` makes several, ``allOf`` and ``$ref`` are folded in.

    *values* is what ``enum`` or ``const`` leaves, *nodes* are the schemas that were folded, *root* is the document that
    their references point into.
    """

    root: Schema = field(repr=False)
    types: frozenset[str] = _EVERY_TYPE
    formats: frozenset[str] = frozenset()
    values: tuple[Json, ...] | None = None
    nodes: tuple[Schema, ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether the schema says nothing about the value."""
        return self.types == _EVERY_TYPE and not self.formats and self.values is None

    @property
    def is_date(self) -> bool:
        """Tell whether a string here is a date or a date-time."""
        return "string" in self.types and bool(self.formats & _DATES)


def shapes_at(schema: Schema, path: Sequence[str]) -> list[Shape]:
    """List the forms that the value at *path* may take; none where the schema has no such path."""
    shapes = _expand(schema, root=schema)
    for name in path:
        shapes = [below for shape in shapes for below in _descend(shape, name)]
        if len(shapes) > _MOST_SHAPES:
            shapes = [Shape(schema)]
    return shapes


def objection(shapes: Sequence[Shape], operator: str, value: Json) -> str | None:
    """Say why no value of *shapes* can be compared with *value* by *operator*; None where one can.

    For ``in``, *value* is one element of the list.
    """
    if any(_allows(shape, operator, value) for shape in shapes):
        return None
    if operator in {"eq", "ne", "in"} and any(_has_type(shape, value) for shape in shapes):
        known = [json.dumps(item, ensure_ascii=False) for shape in shapes for item in shape.values or ()]
        return f"is not one of the values that the field has: {', '.join(known)}"
    return f"cannot be compared by '{operator}': the field is {_describe(shapes)}"


def same(left: Json, right: Json) -> bool:
    """Tell whether two scalars are equal as JSON: 1 is 1.0, but true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _allows(shape: Shape, operator: str, value: Json) -> bool:
    if operator == "exists" or shape.is_open:
        return True
    if operator in ORDERINGS:
        return shape.is_date if isinstance(value, str) else bool(shape.types & _NUMBERS)
    if operator == "starts_with":
        return "string" in shape.types
    if operator == "contains":
        return _may_contain(shape, value)
    return _has_type(shape, value) and (shape.values is None or any(same(value, v) for v in shape.values))


def _may_contain(shape: Shape, value: Json) -> bool:
    if "string" in shape.types and isinstance(value, str):
        return True
    return "array" in shape.types and any(_allows(item, "eq", value) for item in _items(shape))


def _has_type(shape: Shape, value: Json) -> bool:
    return not shape.types.isdisjoint(_types_of(value))


def _types_of(value: Json) -> frozenset[str]:
    match value:
        case None:
            return frozenset({"null"})
        case bool():
            return frozenset({"boolean"})
        case str():
            return frozenset({"string"})
        case int() | float():
            return _NUMBERS if value == value // 1 else frozenset({"number"})
        case list() | tuple():
            return frozenset({"array"})
        case _:
            return frozenset({"object"})


def _describe(shapes: Iterable[Shape]) -> str:
    words: dict[str, None] = {}
    for shape in shapes:
        types = shape.types - {"integer"} if "number" in shape.types else shape.types
        for name in sorted(types, key=lambda name: (name == "null", name)):
            words["a date" if name == "string" and shape.is_date else _IN_WORDS[name]] = None
    return " or ".join(words) or "never there"


def _expand(schema: Json, *, root: Schema, seen: frozenset[str] = frozenset()) -> list[Shape]:
    """List the forms that *schema* allows; one open form where they are too many to tell apart."""
    if schema is False:
        return []
    if not isinstance(schema, Mapping):
        return [Shape(root)]
    shapes = [_own(schema, root)]
    for choice in _choices(schema):
        options = [option for part in choice for option in _expand(part, root=root, seen=seen)]
        shapes = _combine(shapes, options)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        shapes = _combine(shapes, _referenced(reference, root=root, seen=seen))
    return shapes if len(shapes) <= _MOST_SHAPES else [Shape(root)]


def _own(schema: Schema, root: Schema) -> Shape:
    """Read what *schema* itself says, without the schemas inside it."""
    named = schema.get("type", _EVERY_TYPE)
    types = frozenset({named} if isinstance(named, str) else named)
    types |= _NUMBERS if "number" in types else frozenset()
    kind = schema.get("format")
    values = (schema["const"],) if "const" in schema else schema.get("enum")
    if values is not None:
        types &= frozenset().union(*map(_types_of, values))
    return Shape(
        root,
        types=types,
        formats=frozenset({kind} if isinstance(kind, str) else ()),
        values=None if values is None else tuple(values),
        nodes=(schema,),
    )


def _choices(schema: Schema) -> Iterator[Sequence[Json]]:
    """Yield groups of subschemas that apply to the same value; each group is a choice between its members."""
    for part in schema.get("allOf", ()):
        yield (part,)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            yield schema[keyword]
    if "if" in schema:
        yield (schema.get("then", True), schema.get("else", True))
    if "dependentSchemas" in schema:
        yield (True, *schema["dependentSchemas"].values())


def _referenced(reference: str, *, root: Schema, seen: frozenset[str]) -> list[Shape]:
    """Follow a local *reference*; one that leads elsewhere leaves the value open, one into itself adds nothing."""
    if reference in seen:
        return []
    node: Json = root
    start, *names = reference.split("/")
    for name in names:
        key = unquote(name).replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    if start != "#" or node is None:
        return [Shape(root)]
    return _expand(node, root=root, seen=seen | {reference})


def _combine(shapes: Sequence[Shape], others: Sequence[Shape]) -> list[Shape]:
    """Require one of *shapes* and one of *others* at once; pairs that exclude each other fall away."""
    if len(shapes) * len(others) > _MOST_SHAPES:
        return [Shape(shapes[0].root)]
    both = (_merge(left, right) for left, right in product(shapes, others))
    return [shape for shape in both if shape.types and shape.values != ()]


def _merge(left: Shape, right: Shape) -> Shape:
    values = left.values if right.values is None else right.values
    if left.values is not None and right.values is not None:
        values = tuple(value for value in left.values if any(same(value, other) for other in right.values))
    return Shape(
        left.root,
        types=left.types & right.types,
        formats=left.formats | right.formats,
        values=values,
        nodes=left.nodes + right.nodes,
    )


def _descend(shape: Shape, name: str) -> list[Shape]:
    """List the forms of the property *name* of an object of *shape*."""
    if "object" not in shape.types:
        return []
    declared = [schema for node in shape.nodes for schema in _declared(node, name)]
    shapes = [Shape(shape.root)]
    for schema in declared or _undeclared(shape.nodes):
        shapes = _combine(shapes, _expand(schema, root=shape.root)) if shapes else []
    return shapes


def _declared(node: Schema, name: str) -> Iterator[Json]:
    properties = node.get("properties", {})
    if name in properties:
        yield properties[name]
    for pattern, schema in node.get("patternProperties", {}).items():
        if _found(pattern, name):
            yield schema


def _found(pattern: str, name: str) -> bool:
    """Search as ECMA 262 would; a pattern that Python cannot read counts as found, so that nothing is refused."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _undeclared(nodes: Sequence[Schema]) -> list[Json]:
    """List what holds for a property that no node declares.

    JSON Schema leaves such a property open unless told otherwise. Here an object that lists its properties is taken
    at its word, so that a misspelt path is refused, and ``additionalProperties: true`` opens it.
    """
    rules = [
        node[keyword]
        for node in nodes
        for keyword in ("additionalProperties", "unevaluatedProperties")
        if keyword in node
    ]
    lists_its_own = any("properties" in node or "patternProperties" in node for node in nodes)
    return rules or [not lists_its_own]


def _items(shape: Shape) -> list[Shape]:
    """List the forms of an element of an array of *shape*."""
    shapes = [Shape(shape.root)]
    for node in shape.nodes:
        if "items" in node and "prefixItems" not in node:
            shapes = _combine(shapes, _expand(node["items"], root=shape.root)) if shapes else []
    return shapes
