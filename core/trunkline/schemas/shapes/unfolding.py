"""Turns a JSON Schema document into shapes: references, combinations and conditions are resolved. Pure.

The work is bounded for any schema: a recursive reference adds nothing, nesting has a maximum depth, and a document has a
budget of steps. Beyond these limits a schema is read as open: it allows any value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import orjson
from msgspec import Struct, structs

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.combining import combine, distinct, merge, own_values
from trunkline.schemas.shapes.json_values import TYPES, declared_types
from trunkline.schemas.shapes.members import field_shapes
from trunkline.schemas.shapes.references import UNKNOWN, References
from trunkline.schemas.shapes.shape import OPEN, UNREAD, Part, Schema, Shape

_MAX_DEPTH = 64
_MAX_STEPS = 20_000
_MOST_DEPENDENTS = 4
"""The maximum number of ``dependentSchemas`` that are read in all combinations; more are read as alternatives."""
_SAYS_NOTHING = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "default", "deprecated", "description",
        "examples", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip

_Shapes = tuple[Shape, ...]


class SchemaDocument:
    """A JSON Schema document, read as shapes. It caches the shapes that it has read; do not change the document."""

    __slots__ = ("_references", "_steps", "_unfolded", "root")

    def __init__(self, root: Json) -> None:
        self.root = root
        self._references = References(root)
        self._steps = 0
        self._unfolded: dict[int, tuple[Json, _Shapes]] = {}

    def shapes_at(self, path: Iterable[str] = ()) -> _Shapes:
        """List the shapes of the value at *path*, a list of property names; none if the schema has no such path."""
        shapes = self.unfold(self.root)
        for name in path:
            shapes = distinct(inner for shape in shapes for inner in field_shapes(shape, name))
        return shapes

    def unfold(self, schema: Json) -> _Shapes:
        """List the shapes that *schema*, a part of this document, allows."""
        known = self._unfolded.get(id(schema))  # it stays unique, because the schema is kept with its shapes
        if known is None or known[0] is not schema:
            known = self._unfolded[id(schema)] = (schema, _Unfolding(self).unfold(schema))
        return known[1]

    def resolve(self, reference: str) -> Json:
        """Return the subschema that *reference* points at; ``UNKNOWN`` if the document has none."""
        return self._references.resolve(reference)

    def spend(self, steps: int) -> bool:
        """Take *steps* from the budget; False once it is spent."""
        self._steps += steps
        return self._steps <= _MAX_STEPS


class _Unfolding(Struct, frozen=True):
    """The reading of one subschema: its depth, and the references *followed* so far.

    References in *optional* were followed before a choice such as ``anyOf``. Because of the choice, a value can end the
    recursion.
    """

    document: SchemaDocument
    followed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    depth: int = 0

    def unfold(self, schema: Json) -> _Shapes:
        if schema is False:
            return ()
        if not isinstance(schema, Mapping):
            return (OPEN,)
        if self.depth > _MAX_DEPTH or not self.document.spend(1):
            return (UNREAD,)
        inner = structs.replace(self, depth=self.depth + 1)
        types = declared_types(schema["type"]) if "type" in schema else TYPES
        name = schema.get("format")
        formats = frozenset([name] if isinstance(name, str) else ())
        shape = Shape(types, formats=formats, parts=(Part(schema, self.document),))
        values = own_values(schema)
        own = shape if values is None else merge(shape, Shape(values=tuple(values)))
        shapes: _Shapes = () if own is None else (own,)
        for choice in inner.choices(schema):
            shapes = self.combine(shapes, choice)
        return shapes

    def combine(self, shapes: _Shapes, others: _Shapes) -> _Shapes:
        affordable = self.document.spend(len(shapes) * len(others))
        return combine(shapes, others) if affordable else (UNREAD,)

    def choices(self, schema: Schema) -> Iterator[_Shapes]:
        """Yield groups of shapes; the value has at least one shape of each group."""
        for part in schema.get("allOf", ()):
            yield self.unfold(part)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                yield self._any_of(schema[keyword])
        if "if" in schema:
            yield self._conditional(schema["if"], schema.get("then", True), schema.get("else", True))
        if "not" in schema:
            yield self._conditions(self.negate(schema["not"]))
        dependents = schema.get("dependentSchemas", {})
        if len(dependents) > _MOST_DEPENDENTS:
            yield self._any_of([True, *dependents.values()])
        else:
            for name, dependent in dependents.items():
                yield self._conditional({"type": "object", "required": [name]}, dependent, True)
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(schema.get(keyword), str):
                yield self._referenced(schema[keyword])

    def _any_of(self, schemas: Iterable[Json]) -> _Shapes:
        below = structs.replace(self, optional=self.followed)
        return distinct(shape for schema in schemas for shape in below.unfold(schema))

    def _conditional(self, condition: Json, then: Json, otherwise: Json) -> _Shapes:
        text = orjson.dumps(condition, option=orjson.OPT_SORT_KEYS, default=str)
        if b'"$ref"' in text or b'"$dynamicRef"' in text:
            text += orjson.dumps(self.document.root.get("$defs"), option=orjson.OPT_SORT_KEYS, default=str)
        key = sha256(text).hexdigest()  # only conditions that mean the same share it, in any document
        below = structs.replace(self, optional=self.followed)
        met = self.combine(self._conditions(below.unfold(condition), (key, True)), below.unfold(then))
        unmet = self.combine(self._conditions(below.negate(condition), (key, False)), below.unfold(otherwise))
        return distinct((*met, *unmet))

    def _conditions(self, shapes: Sequence[Shape], *keys: tuple[str, bool]) -> _Shapes:
        return tuple(
            replace(
                shape,
                conditions=shape.conditions.union(keys),
                parts=tuple(structs.replace(part, is_condition=True) for part in shape.parts),
            )
            for shape in shapes
        )

    def _referenced(self, reference: str) -> _Shapes:
        """Follow a local *reference*. A reference to another document allows any value; a recursive reference adds nothing."""
        if reference in self.followed:
            return () if reference in self.optional else (OPEN,)
        schema = self.document.resolve(reference)
        if schema is UNKNOWN:
            return (OPEN,)
        return structs.replace(self, followed=self.followed | {reference}).unfold(schema)

    # --- the values that a schema rules out

    def negate(self, schema: Json) -> _Shapes:
        """List the shapes of the values that *schema* rules out; an open shape if shapes cannot express a keyword's opposite."""
        if isinstance(schema, bool):
            return () if schema else (OPEN,)
        if not isinstance(schema, Mapping) or self.depth > _MAX_DEPTH or not self.document.spend(1):
            return (OPEN,)
        inner = structs.replace(self, depth=self.depth + 1)
        shapes: list[Shape] = []
        for keyword in [keyword for keyword in schema if keyword not in _SAYS_NOTHING]:
            opposite = inner.opposite_combination(keyword, schema[keyword])
            if opposite is None:
                opposite = _opposite_values(keyword, schema, self.document)
            if opposite is None:
                return (OPEN,)
            shapes += opposite
        return distinct(shapes)

    def opposite_combination(self, keyword: str, value: Json) -> Sequence[Shape] | None:
        """List the shapes of values that break a *keyword* that combines schemas; None if shapes cannot express it."""
        if keyword == "not":
            return self.unfold(value)
        if keyword == "allOf":
            return [shape for part in value for shape in self.negate(part)]
        if keyword == "$ref" and value not in self.followed:
            schema = self.document.resolve(value)
            below = structs.replace(self, followed=self.followed | {value})
            return None if schema is UNKNOWN else below.negate(schema)
        if keyword != "anyOf":
            return None
        shapes: _Shapes = (OPEN,)
        for part in value:
            shapes = self.combine(shapes, self.negate(part))
        return shapes


def _opposite_values(keyword: str, schema: Schema, document: SchemaDocument) -> Sequence[Shape] | None:
    """List the shapes of values that break *keyword* of *schema*; None if shapes cannot express it."""
    match keyword:
        case "type":
            types = TYPES - declared_types(schema["type"])
            return [Shape(types)] if types else []
        case "const" | "enum":
            return [Shape(excluded=tuple(own_values({keyword: schema[keyword]}) or ()))]
        case "required":
            described = schema.get("properties", {})
            absent = [name for name in schema["required"] if name not in described]
            return [_with_field(name, False, document) for name in absent]
        case "properties":
            required = schema.get("required", ())
            return [
                _with_field(name, {"not": rule}, document, must_be_there=name not in required)
                for name, rule in schema["properties"].items()
            ]
        case _:
            return None


def _with_field(name: str, rule: Json, document: SchemaDocument, *, must_be_there: bool = False) -> Shape:
    schema: dict[str, Json] = {"properties": {name: rule}, "required": [name] if must_be_there else []}
    return Shape(types=frozenset({"object"}), parts=(Part(schema, document, is_condition=True),))
