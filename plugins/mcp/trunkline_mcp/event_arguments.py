"""The arguments of a subscription: the fields of a payload that are plain values, each equal to what is wanted. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trunkline import EventType, FieldError, Json
from trunkline_mcp import schemas

MAX_VALUES = 50
"""Values of which a field may have one."""
_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def arguments_schema(event_type: EventType) -> dict[str, Json]:
    """Describe what events may be chosen by: each field equals the value, or one of a list."""
    properties = {
        name: {
            "description": f"Only events in which {name} is this, or one of these.",
            "anyOf": [scalar, {"type": "array", "items": scalar, "minItems": 1, "maxItems": MAX_VALUES}],
        }
        for name, kinds in _kinds_of(event_type).items()
        for scalar in ({"type": list(kinds)},)
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def find_faults(event_type: EventType, arguments: Mapping[str, Json]) -> list[FieldError]:
    """Say what is wrong with *arguments*; nothing where they can choose events of the type."""
    known = _kinds_of(event_type)
    faults: list[FieldError] = []
    for name, wanted in arguments.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if name not in known:
            faults.append(FieldError(f"/{name[:100]}", f"is not known here; known are {', '.join(known)}"))
        elif not 1 <= len(values) <= MAX_VALUES:
            faults.append(FieldError(f"/{name}", f"must have 1 to {MAX_VALUES} values"))
        elif not all(_is_of(value, known[name]) for value in values):
            faults.append(FieldError(f"/{name}", f"must be {' or '.join(known[name])}, or a list of such"))
    return faults


def matches(payload: Mapping[str, Json], arguments: Mapping[str, Json]) -> bool:
    """Tell whether an event with *payload* is among those that *arguments* choose."""
    return all(
        name in payload
        and any(_equals(payload[name], value) for value in (wanted if isinstance(wanted, list) else [wanted]))
        for name, wanted in arguments.items()
    )


def filter_of(arguments: Mapping[str, Json]) -> dict[str, Json] | None:
    """Write *arguments* as the filter of a subscription, which chooses the same events as ``matches``; None for all."""
    return {
        f"payload.{name}": {"in": wanted} if isinstance(wanted, list) else {"eq": wanted}
        for name, wanted in arguments.items()
    } or None


def _kinds_of(event_type: EventType) -> dict[str, Sequence[str]]:
    """List the fields that are plain values, each with the types that it may have; a filter cannot name one with a dot."""
    properties: Mapping[str, Any] = schemas.flat(event_type.schema).get("properties", {})
    found = {name: _types_of(schema) for name, schema in properties.items() if "." not in name}
    return {name: kinds for name, kinds in found.items() if kinds}


def _types_of(schema: Mapping[str, Json]) -> Sequence[str]:
    """List the types of a plain value; none for what may be an object or a list, or anything."""
    if isinstance(branches := schema.get("anyOf", schema.get("oneOf")), list):
        of_branches = [_types_of(branch) for branch in branches]
        return (
            list(dict.fromkeys(kind for kinds in of_branches for kind in kinds)) if all(of_branches) else ()
        )
    if "type" not in schema:
        return _types_of_values(schema) or next(filter(None, map(_types_of, schema.get("allOf", ()))), ())
    written = schema["type"]
    kinds: list[str] = written if isinstance(written, list) else [written]
    return kinds if all(kind in _SCALARS for kind in kinds) else ()


def _types_of_values(schema: Mapping[str, Json]) -> Sequence[str]:
    """List the types of the values that a schema names; none where it names none, or an object or a list."""
    values: list[Json] = (
        schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else []
    )
    found = [next((kind for kind in _SCALARS if _is_of(value, [kind])), "") for value in values]
    return list(dict.fromkeys(found)) if all(found) else ()


def _is_of(value: Json, kinds: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, _SCALARS[kind]) for kind in kinds if kind != "boolean")


def _equals(found: Json, wanted: Json) -> bool:
    """Compare numbers by value; a boolean is no number."""
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
