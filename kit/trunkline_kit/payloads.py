"""Generates payloads from a schema, for properties that must hold for every valid payload.

Most payloads are valid, but not all: a caller must validate them. (``hypothesis-jsonschema`` covers any schema, but
its last release does not work with the current hypothesis.)
"""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from trunkline.schemas.catalog import Json

Strategy = st.SearchStrategy[Any]
_LARGEST = 2**53 - 1


def payloads(schema: Mapping[str, Json]) -> Strategy:
    """Make objects that fit *schema*; the values of a field with an unsupported schema come from the examples."""
    examples = [example for example in schema.get("examples", ()) if isinstance(example, dict)]
    required = set(schema.get("required", ()))
    fields = {
        name: _values(field, [example[name] for example in examples if name in example])
        for name, field in schema.get("properties", {}).items()
    }
    return st.fixed_dictionaries(
        {name: values for name, values in fields.items() if name in required},
        optional={name: values for name, values in fields.items() if name not in required},
    )


def _values(field: Json, examples: list[Json]) -> Strategy:
    """Make values of one field from the examples, and from the field's schema if the schema is simple."""
    known = [st.sampled_from(examples)] if examples else []
    if not isinstance(field, dict) or {"$ref", "anyOf", "oneOf", "allOf", "pattern", "format"} & field.keys():
        return st.one_of(*known) if known else st.none()
    if "enum" in field:
        return st.sampled_from(list(field["enum"]))
    if "const" in field:
        return st.just(field["const"])
    kinds = field.get("type", "string")
    return st.one_of(
        *known, *(_of_type(kind, field) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    )


def _of_type(name: str, field: Mapping[str, Json]) -> Strategy:
    lowest, highest = field.get("minimum", -_LARGEST), field.get("maximum", _LARGEST)
    match name:
        case "integer":
            return st.integers(int(lowest), int(highest))
        case "number":
            return st.floats(float(lowest), float(highest)) | st.integers(int(lowest), int(highest))
        case "boolean" | "null":
            return st.booleans() if name == "boolean" else st.none()
        case "array":
            most = field.get("maxItems", 5)
            return st.lists(
                _values(field.get("items", {}), []), min_size=field.get("minItems", 0), max_size=most
            )
        case "object":
            return payloads(field)
        case _:
            return st.text(min_size=field.get("minLength", 0), max_size=min(field.get("maxLength", 50), 200))
