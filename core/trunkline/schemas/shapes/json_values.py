"""JSON values: their types and their equality. Pure."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from trunkline.schemas.catalog import Json

TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
"""Every type. Here ``integer`` and ``number`` exclude each other, so a schema's ``number`` is read as both."""
NUMBERS: Final = frozenset({"integer", "number"})


def type_of(value: Json) -> str:
    """Name the JSON type of *value*; 1.0 is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "integer" if math.isfinite(value) and value == value // 1 else "number"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def types_of(values: Iterable[Json]) -> frozenset[str]:
    """Return the types of *values*; a number of either kind counts as both."""
    types = frozenset(map(type_of, values))
    return types if types.isdisjoint(NUMBERS) else types | NUMBERS


def declared_types(declared: str | Sequence[str]) -> frozenset[str]:
    """Read the keyword ``type``; a number may be an integer too."""
    types = frozenset([declared] if isinstance(declared, str) else declared)
    return types | NUMBERS if "number" in types else types


def identity(value: Json) -> Hashable:
    """Return a key that is the same for equal JSON values: 1 equals 1.0, but true does not equal 1."""
    if isinstance(value, Mapping):
        return frozenset((name, identity(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    return (isinstance(value, bool), value)


def same(left: Json, right: Json) -> bool:
    """Return True if two values are equal as JSON."""
    return left is right or identity(left) == identity(right)


def common(left: Sequence[Json] | None, right: Sequence[Json] | None) -> tuple[Json, ...] | None:
    """List the values in both lists; None in place of a list means any value."""
    if left is None or right is None:
        values = right if left is None else left
        return None if values is None else tuple(values)
    known = frozenset(map(identity, right))
    return tuple(value for value in left if identity(value) in known)


def without(values: Sequence[Json], excluded: Sequence[Json]) -> tuple[Json, ...]:
    """List the *values* that are not in *excluded*."""
    refused = frozenset(map(identity, excluded))
    return tuple(value for value in values if identity(value) not in refused)
