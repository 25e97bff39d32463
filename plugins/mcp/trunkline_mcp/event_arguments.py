"""The arguments of a subscription. They give the wanted values of plain fields of the payload. Pure."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from trunkline import EventType, FieldError, Json
from trunkline_mcp import schemas

MAX_VALUES = 50
"""Limit of the values listed for one field."""
_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def arguments_schema(event_type: EventType) -> dict[str, Json]:
    """Return the schema of the arguments: for each field the wanted value, or a list of wanted values."""
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
    """List the faults of *arguments* for the event type; empty if there are none."""
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
    """Return True if an event with *payload* is selected by *arguments*."""
    for name, wanted in arguments.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if name not in payload or not any(_equals(payload[name], value) for value in values):
            return False
    return True


def filter_of(arguments: Mapping[str, Json]) -> dict[str, Json] | None:
    """Convert *arguments* to a subscription's filter with the same effect as ``matches``; None means all events."""
    return {
        f"payload.{name}": {"in": wanted} if isinstance(wanted, list) else {"eq": wanted}
        for name, wanted in arguments.items()
    } or None


def _kinds_of(event_type: EventType) -> dict[str, Sequence[str]]:
    """List the fields with plain values, each with its types. A name with a dot is left out, because a filter cannot name it."""
    properties: Mapping[str, Any] = schemas.flat(event_type.schema).get("properties", {})
    found = {name: _types_of(schema) for name, schema in properties.items() if "." not in name}
    return {name: kinds for name, kinds in found.items() if kinds}


def _types_of(schema: Mapping[str, Json]) -> Sequence[str]:
    """List the types of a plain value; empty if the value may be an object, a list, or anything."""
    if isinstance(branches := schema.get("anyOf", schema.get("oneOf")), list):
        of_branches = [_types_of(branch) for branch in branches]
        return list(dict.fromkeys(chain(*of_branches))) if all(of_branches) else ()
    if "type" in schema:
        written = schema["type"]
        kinds: list[str] = written if isinstance(written, list) else [written]
        return kinds if all(kind in _SCALARS for kind in kinds) else ()
    values: list[Json] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    found = [next((kind for kind in _SCALARS if _is_of(value, [kind])), "") for value in values]
    if found and all(found):
        return list(dict.fromkeys(found))
    return next(filter(None, map(_types_of, schema.get("allOf", ()))), ())


def _is_of(value: Json, kinds: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, _SCALARS[kind]) for kind in kinds if kind != "boolean")


def _equals(found: Json, wanted: Json) -> bool:
    return found == wanted and isinstance(found, bool) == isinstance(
        wanted, bool
    )  # a boolean equals no number
