"""Nulls without meaning: optional members that are null although their schema allows no null. Pure."""

from collections.abc import Hashable, Iterable, Mapping

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.members import any_item_shapes, field_shapes
from trunkline.schemas.shapes.shape import Shape
from trunkline.schemas.shapes.unfolding import SchemaDocument


class NullRules:
    """Finds members of a body that *schema* allows to be null; *schema* is read only when a body with a null comes."""

    __slots__ = ("_places", "_schema")

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._schema = schema
        self._places: dict[Hashable, _Place] = {}

    def without_nulls(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """Remove the optional members, at any depth, that are null but whose schema allows no null."""
        stripped: dict[str, Json] = dict(body)
        if _has_null(body):
            stripped = self._strip(body, self.place(SchemaDocument(self._schema).shapes_at()))
        return stripped

    def place(self, shapes: Iterable[Shape]) -> "_Place":
        """Return the ``_Place`` of a value with one of *shapes*. Equal shapes share a ``_Place``."""
        by_key = {shape.key(): shape for shape in shapes}
        key = frozenset(by_key)
        if key not in self._places:
            self._places[key] = _Place(self, tuple(by_key.values()))
        return self._places[key]

    def _strip(self, value: Json, place: "_Place | None") -> Json:
        if place is None:
            return value
        if isinstance(value, Mapping):
            return {
                name: self._strip(inner, below)
                for name, inner in value.items()
                if (below := place.field(name)) is None
                or inner is not None
                or below.may_be_null
                or name in place.required
            }
        if isinstance(value, list):
            return [self._strip(item, place.items()) for item in value]
        return value


class _Place:
    """The position of a value in a schema; positions of its members are looked up once each."""

    __slots__ = ("_fields", "_items", "_rules", "_shapes", "may_be_null", "required")

    def __init__(self, rules: NullRules, shapes: tuple[Shape, ...]) -> None:
        self._rules = rules
        self._shapes = shapes
        self.may_be_null = any(shape.admits(None) for shape in shapes)
        objects = [shape for shape in shapes if "object" in shape.types]
        self.required = frozenset[str]().union(*(shape.required for shape in objects))
        listed = {name for shape in objects for name in shape.field_names}
        self._fields: dict[str, _Place | None] = dict.fromkeys(listed)
        self._items: _Place | None = None

    def field(self, name: str) -> "_Place | None":
        """Return the position of the property *name*; None if it is not listed."""
        if name not in self._fields:
            return None
        place = self._fields[name]
        if place is None:
            shapes = [inner for shape in self._shapes for inner in field_shapes(shape, name)]
            place = self._fields[name] = self._rules.place(shapes)
        return place

    def items(self) -> "_Place":
        """Return the position of a list's items."""
        if self._items is None:
            items = [item for shape in self._shapes for item in any_item_shapes(shape)]
            self._items = self._rules.place(items)
        return self._items


def _has_null(value: Json) -> bool:
    if isinstance(value, Mapping | list):
        return any(map(_has_null, value.values() if isinstance(value, Mapping) else value))
    return value is None
