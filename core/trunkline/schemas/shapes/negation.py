"""The negation of a schema's keyword, for ``not`` and the ``else`` of an ``if``. Pure."""

from collections.abc import Sequence

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.combining import own_values
from trunkline.schemas.shapes.json_values import TYPES, declared_types
from trunkline.schemas.shapes.shape import Part, Schema, Shape, Unfolds


def opposite_values(keyword: str, schema: Schema, document: Unfolds) -> Sequence[Shape] | None:
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


def _with_field(name: str, rule: Json, document: Unfolds, *, must_be_there: bool = False) -> Shape:
    schema: dict[str, Json] = {"properties": {name: rule}, "required": [name] if must_be_there else []}
    return Shape(types=frozenset({"object"}), parts=(Part(schema, document, is_condition=True),))
