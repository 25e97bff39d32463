"""Combines shapes that a value must have at once: ``allOf``, ``$ref`` with other keywords, ``if`` with ``then``. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.json_values import common, type_of, types_of, without
from trunkline.schemas.shapes.shape import OPEN, UNREAD, Part, Shape, listed

MOST_SHAPES: Final = 256
"""The maximum number of shapes of one value. A value with more shapes is read as open: it may be any value."""
MOST_PARTS: Final = 256
"""The maximum number of subschemas that are merged into one shape."""


def merge(left: Shape, right: Shape) -> Shape | None:
    """Return the shape of values that have both *left* and *right*; None if the two exclude each other."""
    types = left.types & right.types
    excluded = left.excluded + right.excluded
    values = common(left.values, right.values)
    if values is not None:
        values = tuple(value for value in without(values, excluded) if type_of(value) in types)
        types &= types_of(values)
    conditions = left.conditions | right.conditions
    if not types or any((key, not is_met) in conditions for key, is_met in conditions):
        return None
    formats, parts = left.formats | right.formats, left.parts + right.parts
    merged = Shape(types, values, excluded, formats, conditions, parts)
    # A condition may leave no value for a required property, such as the discriminator of alternatives.
    conditional = {name for part in parts if part.is_condition for name in part.schema.get("properties", {})}
    if conditional and any(_has_no_value(merged, name) for name in conditional & merged.required):
        return None
    return merged


def combine(shapes: Sequence[Shape], others: Sequence[Shape]) -> tuple[Shape, ...]:
    """Return the shapes of values that have one of *shapes* and one of *others*; pairs that exclude each other are dropped."""
    parts = sum(max((len(shape.parts) for shape in side), default=0) for side in (shapes, others))
    if len(shapes) * len(others) > MOST_SHAPES or parts > MOST_PARTS:
        return (UNREAD,)
    merged = (merge(left, right) for left, right in product(shapes, others))
    return distinct(shape for shape in merged if shape is not None)


def distinct(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Drop repeated shapes; if too many are left, return one open shape, which every value has."""
    unique = tuple({shape.key(): shape for shape in shapes}.values())
    return unique if len(unique) <= MOST_SHAPES else (UNREAD,)


def unfold_all(rules: Iterable[tuple[Part, Json]]) -> tuple[Shape, ...]:
    """List the shapes of a value for which all *rules* hold; each rule is a schema with the part that contains it."""
    shapes: tuple[Shape, ...] = (OPEN,)
    for part, schema in rules:
        shapes = combine(shapes, part.document.unfold(schema))
    return shapes


def own_values(schema: Json) -> Sequence[Json] | None:
    """Return the values that *schema* itself allows by ``const`` or ``enum``; None if it lists none."""
    if not isinstance(schema, Mapping):
        return None
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum")
    return values if isinstance(values, list | tuple) else None


def _has_no_value(shape: Shape, name: str) -> bool:
    values: tuple[Json, ...] | None = None
    excluded: list[Json] = []
    for schema in (schema for part in shape.parts for schema in listed(part.schema, name)):
        if schema is False:
            return True
        values = common(values, own_values(schema))
        if isinstance(schema, Mapping) and "not" in schema:
            excluded += own_values(schema["not"]) or ()
    return values is not None and not without(values, excluded)
