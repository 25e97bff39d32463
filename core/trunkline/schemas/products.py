"""A product as connectors are generated from it: its brand, its catalogue, and the fields of each schema as forms show them.

Everything here is pure. A generator (``contract.Connector``) gets a ``Product`` and gives files; what a platform calls
things is the generator's business, what the schemas say is read here, once for all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.definitions import Definition
from trunkline.schemas.versions import HEADER, write_header

FieldKind = Literal["text", "integer", "number", "boolean", "date", "date-time", "object", "list"]

_LONG_TEXT = 500
_FORMATS: Mapping[str, FieldKind] = {"date": "date", "date-time": "date-time"}
_KINDS: Mapping[str, FieldKind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "list",
}


@dataclass(frozen=True, slots=True)
class Brand:
    """How a product names and shows itself. *slug* begins every generated name; *color* is ``#rrggbb``.

    *logo* is an SVG document for light grounds, *logo_dark* for dark ones; without them a generator draws the initial.
    """

    slug: str
    title: str
    description: str
    color: str
    homepage: str
    author: str
    email: str
    repository: str
    version: str = "1.0.0"
    logo: str | None = field(default=None, repr=False)
    logo_dark: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """Which lookup a field is chosen from: *value* of an item is sent, *label* is shown, items must have *where*'s values."""

    lookup: Definition
    value: str
    label: str
    where: Mapping[str, Json] = field(default_factory=dict[str, Json], hash=False)


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a schema. *fields* are an object's own, or those of a list's items.

    *choices* are the values that there are, none where any will do. *is_parameter* tells what belongs into the path.
    """

    name: str
    title: str
    description: str
    kind: FieldKind
    is_required: bool = False
    is_nullable: bool = False
    is_long: bool = False
    is_email: bool = False
    is_parameter: bool = False
    choices: tuple[str, ...] = ()
    default: Json = None
    example: Json = None
    reference: Reference | None = None
    fields: tuple["Field", ...] = ()
    item_kind: FieldKind | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What a connector offers. *api_url* is where the hub is reached, without a slash at its end.

    Everything is in the order of its name. Actions, searches and lookups are those that somebody carries out.
    """

    brand: Brand
    api_url: str
    event_types: tuple[EventType, ...]
    actions: tuple[Definition, ...] = ()
    searches: tuple[Definition, ...] = ()
    lookups: tuple[Definition, ...] = ()

    @property
    def versions_header(self) -> tuple[str, str]:
        """The header, name and value, with which a connector says for which versions of the event types it was made."""
        versions = {event_type.name: event_type.version for event_type in self.event_types}
        return HEADER, write_header(versions)

    def inputs(self, definition: Definition) -> tuple[Field, ...]:
        """What a caller fills in: the parameters of the path first, then the body's or the query's fields."""
        return (
            *self._fields(definition.parameters, is_parameter=True),
            *self._fields(definition.input),
        )

    def outputs(self, definition: Definition) -> tuple[Field, ...]:
        """The fields of an answer."""
        return tuple(self._fields(definition.output))

    def payload(self, event_type: EventType) -> tuple[Field, ...]:
        """The fields of an event's payload."""
        return tuple(self._fields(event_type.schema))

    def lookup(self, name: str) -> Definition | None:
        """Find a lookup by its name."""
        return next((lookup for lookup in self.lookups if lookup.name == name), None)

    def _fields(self, schema: Mapping[str, Json], *, is_parameter: bool = False) -> Iterator[Field]:
        required: Sequence[str] = schema.get("required", ())
        for name, described in schema.get("properties", {}).items():
            yield self._field(name, described, is_required=name in required, is_parameter=is_parameter)

    def _field(
        self, name: str, schema: Mapping[str, Json], *, is_required: bool, is_parameter: bool
    ) -> Field:
        kind, is_nullable = _kind(schema)
        items = schema.get("items", {}) if kind == "list" else {}
        item_kind = _kind(items)[0] if kind == "list" else None
        nested = items if kind == "list" else schema
        return Field(
            name=name,
            title=schema.get("title") or name.replace("_", " ").capitalize(),
            description=schema.get("description", ""),
            kind=kind,
            is_required=is_required,
            is_nullable=is_nullable,
            is_long=kind == "text" and schema.get("maxLength", 0) > _LONG_TEXT,
            is_email=schema.get("format") == "email",
            is_parameter=is_parameter,
            choices=tuple(value for value in schema.get("enum", ()) if isinstance(value, str)),
            default=schema.get("default"),
            example=next((example for example in schema.get("examples", ()) if example is not None), None),
            reference=self._reference(schema.get("x-lookup")),
            fields=tuple(self._fields(nested)) if "object" in {kind, item_kind} else (),
            item_kind=item_kind,
        )

    def _reference(self, reference: Json) -> Reference | None:
        """Follow an ``x-lookup``; None where no plugin provides that lookup."""
        if reference is None:
            return None
        details: Mapping[str, Json] = {"lookup": reference} if isinstance(reference, str) else reference
        lookup = self.lookup(details["lookup"])
        if lookup is None or lookup.listed is None:
            return None
        return Reference(
            lookup,
            value=details.get("value", lookup.listed.value),
            label=details.get("label", lookup.listed.label),
            where=details.get("where", {}),
        )


def alternatives(definition: Definition) -> tuple[tuple[str, ...], ...]:
    """The sets of fields of which a call must fill in at least one; none where each field stands for itself."""
    branches: Sequence[Mapping[str, Json]] = definition.input.get("anyOf", ())
    return tuple(tuple(branch["required"]) for branch in branches if "required" in branch)


def sample_envelope(event_type: EventType) -> dict[str, Json]:
    """Make an event of *event_type* from its example, in the shape in which events are pushed and polled."""
    return {
        "id": 45678,
        "type": event_type.name,
        "createdUtc": "2026-01-28T10:30:00Z",
        "companyId": 92,
        "payload": event_type.example,
    }


def _kind(schema: Mapping[str, Json]) -> tuple[FieldKind, bool]:
    """Tell what a schema's values are, and whether null is one of them; text where it does not say."""
    named = schema.get("type", "string")
    names = [named] if isinstance(named, str) else list(named)
    is_nullable = "null" in names
    kind = _KINDS.get(next((name for name in names if name != "null"), "string"), "text")
    return (_FORMATS.get(schema.get("format", ""), kind) if kind == "text" else kind), is_nullable
