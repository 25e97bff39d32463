"""The properties of a schema as forms show them, read from its shapes. Pure.

References, combinations and nulls are resolved here, once for every generator. A field has one kind. If no form field can
show all forms of its value, its kind is ``any``, and people write the value as JSON.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition
from trunkline.schemas.shapes.json_values import NUMBERS, TYPES, type_of
from trunkline.schemas.shapes.members import any_item_shapes, field_shapes
from trunkline.schemas.shapes.shape import Shape
from trunkline.schemas.shapes.unfolding import SchemaDocument

FieldKind = Literal["text", "integer", "number", "boolean", "date", "date-time", "object", "list", "any"]
"""The kind of a field's value: ``any`` is JSON of several forms; ``object`` and ``list`` contain fields or entries."""

DEEPEST: Final = 6
"""The maximum nesting of objects and lists in a form; deeper values are written as JSON."""

_LONG_TEXT = 500
_FORMATS: Mapping[str, FieldKind] = {"date": "date", "date-time": "date-time"}
_JOINED: Mapping[frozenset[FieldKind], FieldKind] = {
    frozenset(["integer", "number"]): "number",
    frozenset(["date", "date-time"]): "date-time",
    frozenset(["text", "date"]): "text",
    frozenset(["text", "date-time"]): "text",
    frozenset(["text", "date", "date-time"]): "text",
}
"""The kind of form field for values of several kinds."""
_TEXT: frozenset[FieldKind] = frozenset(["text"])
_NULL = frozenset(["null"])
_SCALARS = frozenset({"boolean", "integer", "number", "string"})
_SENDING_NULL = re.compile(r"\s*\bSend null\b[^.]*\.")
_MADE_UP: Mapping[FieldKind, Json] = {
    "object": {"name": "value"},
    "list": ["value"],
    "any": {"name": "value"},
}
_NAMES: Mapping[FieldKind, str] = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "date-time": "a time",
    "object": "an object",
    "list": "a list",
}

FindReference = Callable[[Json], "Reference | None"]
"""Resolves an ``x-lookup``; None if no plugin provides that lookup."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The lookup that lists a field's values: of an item, *value* is sent and *label* is shown. Items must match *where*."""

    lookup: Definition
    value: str
    label: str
    where: Mapping[str, Json] = field(default_factory=dict[str, Json], hash=False)

    @property
    def value_title(self) -> str:
        """The title of the item's field that is sent."""
        listed = self.lookup.listed
        lists = [entry for entry in read_fields(self.lookup.output) if listed and entry.name == listed.items]
        items = [item for entry in lists for item in entry.fields]
        return next((item.title for item in items if item.name == self.value), "")


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a schema. *fields* are the fields of an object, or of a list's items.

    *choices* are the possible values (of a list: of its items), empty if any value is allowed; *choice_titles* are
    their titles. *is_parameter* is True for a parameter of the path. *json_because* is the reason why the value is
    written as JSON: no form can show it. It is empty if a form can. *yields_to* names another field: if both are filled
    in, only that one is used.
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
    choices: tuple[Json, ...] = ()
    default: Json = None
    example: Json = None
    reference: Reference | None = None
    fields: tuple["Field", ...] = ()
    item_kind: FieldKind | None = None
    choice_titles: tuple[str, ...] = ()
    json_because: str = ""
    yields_to: str | None = None

    @property
    def titled_choices(self) -> tuple[tuple[Json, str], ...]:
        """The choices that a form offers, each with its title. An empty text is left out: it is what an empty field gives."""
        titled = zip(self.choices, self.choice_titles, strict=True)
        return tuple((value, title) for value, title in titled if value != "")


def read_fields(schema: Mapping[str, Json], *, find: FindReference = lambda _: None) -> tuple[Field, ...]:
    """List the properties of the object that *schema* describes, in their order."""
    return _Reader(find).fields(SchemaDocument(schema).shapes_at())


@functools.lru_cache(maxsize=256)  # reading the fields of an answer takes 3 ms
def item_list(definition: Definition) -> str | None:
    """Return the name of the list in the answer of a lookup or a search; None if there is none.

    The items of a search are its first list of objects.
    """
    if definition.listed is not None:
        return definition.listed.items
    if definition.kind != "search" or definition.is_single:
        return None
    lists = [entry for entry in read_fields(definition.output) if entry.kind == "list"]
    return next((entry.name for entry in lists if entry.item_kind == "object"), None)


def item_schema(definition: Definition) -> Mapping[str, Json]:
    """Return the schema of an item in ``item_list``; that of any object if the list has none."""
    described: Mapping[str, Json] = definition.output.get("properties", {}).get(
        item_list(definition) or "", {}
    )
    items: Mapping[str, Json] = described.get("items", {"type": "object"})
    return items


def as_form(fields: Iterable[Field], *, is_update: bool) -> tuple[Field, ...]:
    """Prepare *fields* for display in a form.

    If one list fills two fields, an item's name and its id, only the id is chosen from the list. The form of an update has no
    default values, so that it changes no field unintentionally. Sentences on sending null are removed, because a form clears a
    field in another way, or cannot clear it.
    """
    shown = [_worded_for_form(entry, is_update=is_update) for entry in fields]
    return tuple(_without_second_list(entry, shown) for entry in shown)


def with_examples(fields: Iterable[Field], values: Sequence[Mapping[str, Json]]) -> tuple[Field, ...]:
    """Add an example, from *values* or made up, to each of *fields* that is written as JSON and has none."""
    shown: list[Field] = []
    for entry in fields:
        held = [value[entry.name] for value in values if value.get(entry.name) is not None]
        if entry.json_because and entry.example is None:
            shown.append(replace(entry, example=next(iter(held), _MADE_UP.get(entry.kind))))
        elif entry.fields and not entry.json_because:
            inner = [item for value in held for item in (value if isinstance(value, list) else [value])]
            objects = [item for item in inner if isinstance(item, Mapping)]
            shown.append(replace(entry, fields=with_examples(entry.fields, objects)))
        else:
            shown.append(entry)
    return tuple(shown)


def title_of(value: Json) -> str:
    """Write a choice's value as a title: ``on_hold`` becomes ``On hold``; a phrase stays unchanged."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text != text.lower() or " " in text:
        return text
    return text.replace("_", " ").replace("-", " ").capitalize() if text[:1].isalpha() else text


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the fields of a schema; *within* are the enclosing objects."""

    find: FindReference
    within: tuple[frozenset[object], ...] = ()

    def fields(self, shapes: Sequence[Shape]) -> tuple[Field, ...]:
        objects = [shape for shape in shapes if "object" in shape.types]
        names = dict.fromkeys(name for shape in objects for name in shape.field_names)
        return tuple(read for name in names if (read := self._field(name, objects)) is not None)

    def _field(self, name: str, objects: Sequence[Shape]) -> Field | None:
        """Read the property *name* of an object that has one of the shapes *objects*; None if the property can have no value."""
        shapes = _distinct(inner for shape in objects for inner in field_shapes(shape, name))
        if not shapes:
            return None
        described = [schema for shape in objects for schema in shape.descriptions]
        own = [schema.get("properties", {}).get(name) for schema in described]
        schemas: list[Mapping[str, Json]] = [schema for schema in own if isinstance(schema, Mapping)]
        title = next((schema["title"] for schema in schemas if "title" in schema), None)
        schemas += [schema for shape in shapes for schema in shape.descriptions]  # of references
        says = {key: value for schema in reversed(schemas) for key, value in schema.items()}
        examples = [value for schema in schemas for value in schema.get("examples", ())]
        kind, reason = _kind(shapes)
        read = Field(
            name=name,
            title=title or " ".join(name.replace("_", " ").split()).capitalize() or name,
            description=says.get("description") or "",
            kind=kind,
            is_required=all(name in shape.required for shape in objects),
            is_nullable=any(shape.admits(None) for shape in shapes),
            is_long=kind == "text" and (says.get("maxLength") or 0) > _LONG_TEXT,
            is_email=kind == "text" and all("email" in shape.formats for shape in _filled(shapes)),
            default=says.get("default"),
            example=next((value for value in examples if value is not None), None),
            reference=self.find(says.get("x-lookup")),
            json_because=reason,
        )
        return self._with_members(_with_choices(read, shapes), shapes)

    def _with_members(self, read: Field, shapes: Sequence[Shape]) -> Field:
        """Add the fields of an object, or the items of a list."""
        if read.kind == "object":
            return self._with_fields(read, shapes)
        if read.kind != "list":
            return read
        items = _distinct(item for shape in _filled(shapes) for item in any_item_shapes(shape))
        kind, reason = _kind(items)
        reason = reason and f"in its entries, {reason}"
        item = _with_choices(replace(read, kind=kind, json_because=reason), items)
        if kind == "object":
            item = self._with_fields(item, items)
        elif kind == "list":
            item = replace(item, json_because="its entries are lists")
        lookups = [value for shape in items for value in shape.annotations("x-lookup")]
        reference = read.reference or (self.find(lookups[0]) if lookups else None)
        return replace(item, kind="list", item_kind=kind, reference=reference)

    def _with_fields(self, read: Field, shapes: Sequence[Shape]) -> Field:
        objects = [shape for shape in shapes if "object" in shape.types]
        here = frozenset(shape.key() for shape in objects)
        if here in self.within:
            return replace(read, json_because="it may contain itself again")
        if len(self.within) == DEEPEST:
            return replace(read, json_because="it is nested too deeply")
        fields = replace(self, within=(*self.within, here)).fields(objects)
        return replace(read, fields=fields, json_because="" if fields else "its schema names no fields")


def _distinct(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    return tuple({shape.key(): shape for shape in shapes}.values())


def _filled(shapes: Iterable[Shape]) -> list[Shape]:
    """Leave out the shape that allows only null."""
    return [shape for shape in shapes if shape.types - _NULL]


def _kind(shapes: Sequence[Shape]) -> tuple[FieldKind, str]:
    """Return the kind of the values of *shapes*; if no form can show them, also the reason."""
    filled = _filled(shapes)
    if any(shape.types >= TYPES - _NULL for shape in filled):
        return "any", "its schema names no type"
    kinds: frozenset[FieldKind] = frozenset().union(*map(_kinds, filled)) or _TEXT
    if len(kinds) == 1:
        return next(iter(kinds)), ""
    if kinds in _JOINED:
        return _JOINED[kinds], ""
    if kinds.isdisjoint({"object", "list"}) and any(_takes_any_text(shape) for shape in filled):
        return "text", ""
    return "any", f"it may be {' or '.join(_NAMES[kind] for kind in _NAMES if kind in kinds)}"


def _kinds(shape: Shape) -> set[FieldKind]:
    types = shape.types - _NULL
    kinds: set[FieldKind] = set()
    if numbers := types & NUMBERS:
        whole = "number" not in numbers or (
            shape.values is not None and all(type_of(value) != "number" for value in shape.values)
        )
        kinds.add("integer" if whole else "number")
    if "string" in types:
        kinds |= {_FORMATS[name] for name in _FORMATS if name in shape.formats} or _TEXT
    if "boolean" in types:
        kinds.add("boolean")
    if "object" in types:
        kinds.add("object")
    if "array" in types:
        kinds.add("list")
    return kinds


def _takes_any_text(shape: Shape) -> bool:
    return "string" in shape.types and shape.values is None and not shape.formats


def _with_choices(read: Field, shapes: Sequence[Shape]) -> Field:
    """Add the possible values, if they can be listed. Each value has a title, which may be a readable form of the value."""
    filled = _filled(shapes)
    if read.kind == "boolean" or not filled or any(shape.values is None for shape in filled):
        return read
    titles: dict[tuple[str, Json], str] = {}
    for shape in filled:
        name = ""
        if len(filled) > 1:
            name = next((str(part.get("title", "")) for part in shape.descriptions if "const" in part), "")
        for value in shape.values or ():
            if value is not None and type_of(value) in _SCALARS:
                title = name if name and name != read.title else title_of(value)
                titles.setdefault((type_of(value), value), title)
    return replace(read, choices=tuple(value for _, value in titles), choice_titles=tuple(titles.values()))


def _worded_for_form(entry: Field, *, is_update: bool) -> Field:
    description = _SENDING_NULL.sub("", entry.description).strip()
    inner = tuple(_worded_for_form(field, is_update=is_update) for field in entry.fields)
    return replace(entry, description=description, default=None if is_update else entry.default, fields=inner)


def _without_second_list(entry: Field, fields: Sequence[Field]) -> Field:
    reference = entry.reference
    if reference is None or entry.is_required or entry.kind == "list" or _sends_id(reference):
        return entry
    for other in fields:
        chosen = other.reference
        if chosen is None or other.is_required or other.kind == "list" or not _sends_id(chosen):
            continue
        if (chosen.lookup.name, chosen.where) == (reference.lookup.name, reference.where):
            return replace(entry, reference=None, yields_to=other.name)
    return entry


def _sends_id(reference: Reference) -> bool:
    listed = reference.lookup.listed
    return listed is not None and reference.value == listed.value
