"""Checks lengths in a request body by its JSON Schema before all other validation, so that a faulty body costs little.

Without this check each wrong entry of a long list, and each unknown member of a large object, would produce a fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from trunkline.errors import FieldError, pointer

MAX_UNKNOWN = 50
"""The number of unknown members of one object that are reported as faults."""
_MAX_DEPTH = 8


class Lengths(Struct, frozen=True):
    """The maximum numbers of entries and members of a value, and the limits of its parts; None if there is no limit."""

    items: int | None = None
    members: int | None = None
    of_items: "Lengths | None" = None
    of_members: Mapping[str, "Lengths"] = field(default_factory=dict[str, "Lengths"])

    def faults(self, value: Any, *path: str | int) -> Iterator[FieldError]:
        """Yield a fault for each list and object in *value* that is too long; *path* is the path of *value*."""
        if isinstance(value, list):
            if self.items is not None and len(value) > self.items:
                yield _fault(path, "entries", self.items, len(value))
            elif self.of_items is not None:
                for number, item in enumerate(value):
                    yield from self.of_items.faults(item, *path, number)
        elif isinstance(value, dict):
            if self.members is not None and len(value) > self.members:
                yield _fault(path, "members", self.members, len(value))
                return
            for name, lengths in self.of_members.items():
                if name in value:
                    yield from lengths.faults(value[name], *path, name)


def of_schema(schema: Any, definitions: Mapping[str, Any], *, depth: int = 0) -> Lengths | None:
    """Read the limits from a JSON Schema of pydantic or of a deployment; None if the schema sets no limits."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    if reference := schema.get("$ref"):
        return of_schema(definitions.get(reference.rpartition("/")[2]), definitions, depth=depth + 1)
    if choices := [*schema.get("anyOf", ()), *schema.get("allOf", ())]:
        found = (of_schema(choice, definitions, depth=depth + 1) for choice in choices)
        return _together([lengths for lengths in found if lengths is not None])
    properties = {
        name: lengths
        for name, member in schema.get("properties", {}).items()
        if (lengths := of_schema(member, definitions, depth=depth + 1)) is not None
    }
    members = schema.get("maxProperties")
    if schema.get("additionalProperties") is False:
        members = len(schema.get("properties", {})) + MAX_UNKNOWN
    of_items = of_schema(schema.get("items"), definitions, depth=depth + 1)
    lengths = Lengths(schema.get("maxItems"), members, of_items, properties)
    return lengths if lengths != Lengths() else None


def _together(several: Sequence[Lengths]) -> Lengths | None:
    """Combine the limits of alternatives, such as a list and an object; the higher of two limits of one kind applies."""
    if len(several) < 2:
        return several[0] if several else None
    members = [one.members for one in several if one.members is not None or one.of_members]
    items = [one.items for one in several if one.items is not None or one.of_items]
    return Lengths(
        None if None in items or not items else max(number for number in items if number is not None),
        None if None in members or not members else max(number for number in members if number is not None),
        next((one.of_items for one in several if one.of_items), None),
        {name: lengths for one in several for name, lengths in one.of_members.items()},
    )


def _fault(path: Sequence[str | int], things: str, most: int, number: int) -> FieldError:
    return FieldError(pointer(*path), f"must have at most {most:,} {things}, not {number:,}")
