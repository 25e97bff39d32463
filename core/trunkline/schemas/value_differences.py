"""Compares the types, values and formats that two schemas allow for a value; its members are not compared. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.json_values import NUMBERS, TYPES, type_of, without
from trunkline.schemas.shapes.shape import Shape

Kind = Literal[
    "type_removed",
    "field_removed",
    "field_renamed",
    "type_widened",
    "now_optional",
    "enum_value_added",
    "format_changed",
    "operation_removed",
    "call_changed",
    "now_required",
    "type_narrowed",
    "enum_value_removed",
]


class Difference(Struct, frozen=True):
    """One difference that breaks a client: *path* is a JSON pointer below the compared schemas."""

    kind: Kind
    path: str
    message: str


Shapes = Sequence[Shape]


def read_values(old: Shapes, new: Shapes) -> Iterator[Difference]:
    """Yield the types, values and formats that *new* allows and *old* does not."""
    known, coming = _types(old), _types(new)
    if wider := coming - _allowed_types(old):
        message = f"was {_join(known)}, may now also be {_join(wider)}"
        if coming == TYPES or _without_integer(coming).isdisjoint(_without_integer(known)):
            message = f"was {_join(known)}, is now {_join(coming)}"
        yield Difference("type_widened", "", message)
    any_value = "was one of {}, may now be any value"
    for message in _foreign_values(new, old, everything=any_value, some="may now also be {}"):
        yield Difference("enum_value_added", "", message)
    for before, after in _lost_formats(new, old):
        yield Difference("format_changed", "", f"had the format {before}, has now {after}")


def call_values(old: Shapes, new: Shapes) -> Iterator[Difference]:
    """Yield the types, values and formats that *old* allows and *new* does not."""
    if lost := _types(old) - _allowed_types(new):
        yield Difference("type_narrowed", "", f"was {_join(_types(old))}, may no longer be {_join(lost)}")
    any_value = "was any value, must now be one of {}"
    for message in _foreign_values(old, new, everything=any_value, some="may no longer be {}"):
        yield Difference("enum_value_removed", "", message)
    for after, before in _lost_formats(old, new):
        yield Difference("format_changed", "", f"had the format {before}, must now have {after}")


def _types(shapes: Shapes) -> frozenset[str]:
    """Return the types that a value can have; if its values are listed, the types of these values."""
    exact = [s.types if s.values is None else frozenset(map(type_of, s.values)) for s in shapes]
    return frozenset().union(*exact)


def _allowed_types(shapes: Shapes) -> frozenset[str]:
    return frozenset().union(*(shape.types for shape in shapes))


def told_apart(inner: Shapes, outer: Shapes) -> list[Shape]:
    """List the shapes of *inner*. If *outer* is not open, open shapes are left out, as their type is already a break."""
    is_known = _allowed_types(outer) != TYPES
    return [shape for shape in inner if not (is_known and shape.types == TYPES)]


def _foreign_values(inner: Shapes, outer: Shapes, *, everything: str, some: str) -> Iterator[str]:
    """Report the values that *inner* allows and *outer* does not, among the types that both allow."""
    known = [value for shape in outer for value in shape.values or ()]
    excluded = [value for shape in outer for value in shape.excluded]
    common = _allowed_types(outer)
    listing = common.difference({"boolean", "null"}, *(s.types for s in outer if s.values is None))
    foreign: list[Json] = []
    for shape in told_apart(inner, outer):
        if shape.values is None and shape.types & listing:
            yield everything.format(_show(value for value in known if type_of(value) in listing))
            return
        foreign += shape.values or [value for value in (*excluded, True, False) if shape.admits(value)]
    foreign = [value for value in without(foreign, known) if type_of(value) in common]
    if missing := [value for value in foreign if not any(shape.admits(value) for shape in outer)]:
        yield some.format(_show(missing))


def _lost_formats(inner: Shapes, outer: Shapes) -> Iterator[tuple[str, str]]:
    """Yield pairs (format in *outer*, format in *inner*) of strings, for strings of *inner* that have no format of *outer*."""
    strings = [shape.formats for shape in outer if "string" in shape.types]
    for shape in told_apart(inner, outer):
        if strings and "string" in shape.types and not any(formats <= shape.formats for formats in strings):
            before, after = (", ".join(sorted(formats)) or "none" for formats in (strings[0], shape.formats))
            yield before, after


def _without_integer(types: frozenset[str]) -> frozenset[str]:
    return types - {"integer"} if types >= NUMBERS else types


def _join(types: frozenset[str]) -> str:
    return "anything" if types == TYPES else " or ".join(sorted(_without_integer(types)))


def _show(values: Iterable[Json]) -> str:
    return ", ".join(dict.fromkeys(map(repr, values)))
