"""The shapes of members of a value: the properties of an object, the items of a list. Pure."""

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.combining import MOST_SHAPES, distinct, unfold_all
from trunkline.schemas.shapes.shape import UNREAD, Part, Shape, listed

_Rules = list[tuple[Part, Json]]


def field_shapes(shape: Shape, name: str) -> tuple[Shape, ...]:
    """List the shapes that the property *name* may have; empty if the property is not allowed."""
    if "object" not in shape.types or not (shape.lists(name) or shape.has_other_fields):
        return ()
    rules: _Rules = []
    for part in shape.parts:
        schemas = listed(part.schema, name)
        if not schemas and "additionalProperties" in part.schema:
            schemas = [part.schema["additionalProperties"]]
        rules += [(part, schema) for schema in schemas]
    return unfold_all(rules or _rules(shape, "unevaluatedProperties")[-1:])


def pattern_shapes(shape: Shape, pattern: str) -> tuple[Shape, ...]:
    """List the shapes of the properties that match *pattern*, one of ``shape.patterns``."""
    rules = [(part, part.schema.get("patternProperties", {})) for part in shape.parts]
    return unfold_all([(part, schemas[pattern]) for part, schemas in rules if pattern in schemas])


def other_field_shapes(shape: Shape) -> tuple[Shape, ...]:
    """List the shapes that unlisted properties may have; empty if no unlisted properties are allowed."""
    if "object" not in shape.types or not shape.has_other_fields:
        return ()
    return unfold_all(_rules(shape, "additionalProperties") or _rules(shape, "unevaluatedProperties")[-1:])


def item_shapes(shape: Shape, index: int) -> tuple[Shape, ...]:
    """List the shapes of the item at *index*, counted from 0; none if a list ends before it."""
    if "array" not in shape.types:
        return ()
    rules: _Rules = []
    for part in shape.parts:
        prefix = part.schema.get("prefixItems", ())
        if index < len(prefix):
            rules.append((part, prefix[index]))
        elif "items" in part.schema:
            rules.append((part, part.schema["items"]))
    return unfold_all(rules or _rules(shape, "unevaluatedItems")[-1:])


def any_item_shapes(shape: Shape) -> tuple[Shape, ...]:
    """List the shapes that an item at any position may have."""
    if shape.prefix_length > MOST_SHAPES:
        return (UNREAD,)
    positions = range(shape.prefix_length + 1)
    return distinct(item for index in positions for item in item_shapes(shape, index))


def _rules(shape: Shape, keyword: str) -> _Rules:
    return [(part, part.schema[keyword]) for part in shape.parts if keyword in part.schema]
