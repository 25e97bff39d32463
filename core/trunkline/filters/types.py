"""Checks that the comparisons of a filter fit the fields in the JSON Schemas of the event types.

Part of the pure centre. ``filters.compile`` uses it when a subscription is created or changed; matching does not. A path or a
comparison is refused only if no payload could ever match it.
"""

import json
from collections.abc import Iterable, Sequence

from trunkline.filters.comparisons import ORDERINGS
from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.json_values import NUMBERS, type_of
from trunkline.schemas.shapes.members import any_item_shapes
from trunkline.schemas.shapes.shape import Shape

_DATES = frozenset({"date", "date-time"})
_IN_WORDS = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def objection(shapes: Sequence[Shape], operator: str, value: Json) -> str | None:
    """Return the reason why *operator* cannot compare any value of *shapes* with *value*; None if it can.

    For ``in``, *value* is one element of the list.
    """
    if any(_allows(shape, operator, value) for shape in shapes):
        return None
    if operator in {"eq", "ne", "in"} and any(type_of(value) in shape.types for shape in shapes):
        known = [json.dumps(item, ensure_ascii=False) for shape in shapes for item in shape.values or ()]
        if not known:
            return "is a value that the field never has"
        return f"is not one of the values that the field has: {', '.join(dict.fromkeys(known))}"
    return f"cannot be compared by '{operator}': the field is {_describe(shapes)}"


def _allows(shape: Shape, operator: str, value: Json) -> bool:
    if operator in {"eq", "ne", "in"}:
        return shape.admits(value)
    if operator == "exists" or shape.is_open:
        return True
    if operator in ORDERINGS:
        return _is_date(shape) if isinstance(value, str) else not shape.types.isdisjoint(NUMBERS)
    if operator == "starts_with":
        return "string" in shape.types
    if "string" in shape.types and isinstance(value, str):
        return True
    return "array" in shape.types and any(item.admits(value) for item in any_item_shapes(shape))


def _is_date(shape: Shape) -> bool:
    return "string" in shape.types and not shape.formats.isdisjoint(_DATES)


def _describe(shapes: Iterable[Shape]) -> str:
    words: dict[str, None] = {}
    for shape in shapes:
        types = shape.types - {"integer"} if "number" in shape.types else shape.types
        for name in sorted(types, key=lambda name: (name == "null", name)):
            words["a date" if name == "string" and _is_date(shape) else _IN_WORDS[name]] = None
    return " or ".join(words) or "never there"
