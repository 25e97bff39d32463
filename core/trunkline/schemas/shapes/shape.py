"""A shape: one form that a value may take, with the subschemas that describe it. Pure."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import jsonschema_rs
from msgspec import Struct

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.json_values import TYPES, identity, same, type_of

Schema = Mapping[str, Json]

_STRUCTURE = frozenset(
    {
        "additionalProperties", "dependentRequired", "items", "patternProperties", "prefixItems", "properties",
        "required", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
_LONGEST_PATTERN = 1_000
_LONGEST_NAME = 1_000
_LINEAR = jsonschema_rs.RegexOptions(size_limit=1 << 20)
"""An engine that never backtracks: its time is linear in the name, and its compiled size is bounded."""


class Unfolds(Protocol):
    """A document that turns its own subschemas into shapes."""

    def unfold(self, schema: Json) -> "tuple[Shape, ...]":
        """List the shapes that *schema* allows."""
        ...


class Part(Struct, frozen=True):
    """A subschema that was merged into a shape; a *condition* (``if``, ``not``) limits values and has no annotations."""

    schema: Schema
    document: Unfolds
    is_condition: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One form that a value may take: ``anyOf`` makes several shapes, ``allOf`` and ``$ref`` are merged in.

    *values* are the values that ``enum`` or ``const`` allow, *excluded* the values that ``not`` removes. *conditions* has
    the ``if`` schemas that match (True) or do not match (False) in this shape. *parts* are the subschemas, the outermost
    first.
    """

    types: frozenset[str] = TYPES
    values: tuple[Json, ...] | None = None
    excluded: tuple[Json, ...] = ()
    formats: frozenset[str] = frozenset()
    conditions: frozenset[tuple[str, bool]] = frozenset()
    parts: tuple[Part, ...] = field(default=(), repr=False)

    @property
    def is_open(self) -> bool:
        """Return True if the value's type, format and choice of values are all unrestricted."""
        return self.types == TYPES and not self.formats and self.values is None

    def admits(self, value: Json) -> bool:
        """Return True if *value* has an allowed type and is an allowed value; its members are not checked."""
        if type_of(value) not in self.types or any(same(value, item) for item in self.excluded):
            return False
        return self.values is None or any(same(value, item) for item in self.values)

    def key(self) -> Hashable:
        """Return a key of this shape: shapes of one document with equal keys allow the same values."""
        parts = tuple(
            (id(part.schema), part.is_condition)
            for part in self.parts
            if not _STRUCTURE.isdisjoint(part.schema)
        )
        values = None if self.values is None else frozenset(map(identity, self.values))
        excluded = frozenset(map(identity, self.excluded))
        return (self.types, values, excluded, self.formats, self.conditions, parts)

    # --- annotations for forms

    def annotations(self, keyword: str) -> list[Json]:
        """List the values of *keyword* in the subschemas (``title``, ``default``, ``examples``…), the outermost first."""
        return [schema[keyword] for schema in self.descriptions if keyword in schema]

    @property
    def descriptions(self) -> list[Schema]:
        """The subschemas that describe the value: all but the conditions."""
        return [part.schema for part in self.parts if not part.is_condition]

    # --- the members of an object or a list

    @property
    def field_names(self) -> tuple[str, ...]:
        """The properties that are listed by name, in their order."""
        return self._names_in("properties")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The regular expressions of ``patternProperties``, in their order."""
        return self._names_in("patternProperties")

    def _names_in(self, keyword: str) -> tuple[str, ...]:
        return tuple({name: None for schema in self.descriptions for name in schema.get(keyword, {})})

    @property
    def required(self) -> frozenset[str]:
        """The properties that are always present; any other may be absent."""
        names = {name for part in self.parts for name in part.schema.get("required", ())}
        dependents, waiting = self.dependents, list(names)
        while waiting:
            more = dependents.get(waiting.pop(), frozenset()) - names
            names |= more
            waiting += more
        return frozenset(names)

    @property
    def dependents(self) -> Mapping[str, frozenset[str]]:
        """For each property, the properties that must be present with it (``dependentRequired``)."""
        needs: dict[str, frozenset[str]] = {}
        for part in self.parts:
            for name, names in part.schema.get("dependentRequired", {}).items():
                needs[name] = needs.get(name, frozenset()).union(names)
        return needs

    def lists(self, name: str) -> bool:
        """Return True if a property is described by its name, or by a pattern that it may match."""
        return any(listed(schema, name) for schema in self.descriptions)

    @property
    def has_other_fields(self) -> bool:
        """Return True if an object may have properties that it does not list.

        JSON Schema allows them by default. Here an object that lists its properties is taken to have no others, so that a
        misspelt path is refused. The exception is an object whose schema has ``additionalProperties: true``.
        """
        schemas = self.descriptions
        if any("additionalProperties" in schema or "unevaluatedProperties" in schema for schema in schemas):
            return True
        return not any("properties" in schema or "patternProperties" in schema for schema in schemas)

    @property
    def prefix_length(self) -> int:
        """The number of items that are described by position (``prefixItems``)."""
        return max((len(part.schema.get("prefixItems", ())) for part in self.parts), default=0)


class _NoDocument:
    __slots__ = ()

    def unfold(self, schema: Json) -> tuple[Shape, ...]:  # noqa: ARG002 - nothing in it was read
        return (OPEN,)


OPEN: Final = Shape()
"""The shape of a value without restrictions."""
UNREAD: Final = Shape(parts=(Part({"additionalProperties": True}, _NoDocument()),))
"""The shape of a value whose schema was too large to read; an object may have properties that the shape does not list."""


def listed(schema: Schema, name: str) -> list[Json]:
    """List the schemas in *schema* itself for the property *name*, by its name and by patterns that it may match."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    own = [properties[name]] if name in properties else []
    return own + [rule for pattern, rule in patterns.items() if _may_match(pattern, name)]


def _may_match(pattern: str, name: str) -> bool:
    """Return True if *name* matches *pattern*, or may match it.

    Payloads are validated by the same library, so a plain pattern means the same in both places. A pattern counts as a
    match if the linear engine cannot run it (look-around, back-references), cannot parse it or finds it too large.
    """
    if len(pattern) > _LONGEST_PATTERN or len(name) > _LONGEST_NAME:
        return True
    try:
        validator = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_LINEAR)
    except ValueError:
        return True
    return validator.is_valid(name)
