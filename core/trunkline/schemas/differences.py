"""The differences of two schemas that break a client, found by their shapes. Pure.

A client that *reads* breaks on a value that the new schema allows and the old one did not; a client that *calls* breaks
on a value that the old schema allowed and the new one does not. Each shape of the schema that may allow more (*wide*)
is compared with the closest shape of the other schema. If the other schema has an ``if``, only shapes of the same case
are compared.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct, structs

from trunkline.errors import pointer
from trunkline.schemas.catalog import Json
from trunkline.schemas.shapes.combining import combine, merge
from trunkline.schemas.shapes.members import field_shapes, item_shapes, other_field_shapes, pattern_shapes
from trunkline.schemas.shapes.shape import Shape
from trunkline.schemas.shapes.unfolding import SchemaDocument
from trunkline.schemas.value_differences import Difference, Kind, Shapes, call_values, read_values, told_apart

_MAX_DEPTH = 32
_MAX_PAIRS = 5_000
_MAX_ITEMS = 256
_ANNOTATIONS = frozenset({"title", "description", "examples"})


def reading_differences(old: Json, new: Json) -> list[Difference]:
    """List the differences that break a client of *old* when it reads values of *new*."""
    return _Comparison(is_call=False).whole(old, new)


def calling_differences(old: Json, new: Json) -> list[Difference]:
    """List the differences that break a client that sends objects of *old* to a hub with the schema *new*."""
    return _Comparison(is_call=True).whole(old, new)


class _Member(Struct, frozen=True):
    """A field or item as both schemas describe it; *label* is the name of a member that has no *path*."""

    path: str
    old: Shapes
    new: Shapes
    label: str = ""
    name: str = ""

    def place(self, difference: Difference) -> Difference:
        """Rewrite *difference*, found in the member, as a difference of the enclosing value."""
        if not self.label:
            return structs.replace(difference, path=self.path + difference.path)
        inside = f" at {difference.path}" if difference.path else ""
        return structs.replace(
            difference, path=self.path, message=f"{self.label}{inside}: {difference.message}"
        )


class _Comparison:
    """One comparison of two documents. A pair of shapes is compared only once."""

    def __init__(self, *, is_call: bool) -> None:
        self._is_call = is_call
        self._known: dict[Hashable, tuple[Shapes, Shapes, list[Difference]]] = {}
        self._pairs = 0

    def whole(self, old: Json, new: Json) -> list[Difference]:
        """Compare two documents."""
        if old == new:
            return []
        before, after = SchemaDocument(old).shapes_at(), SchemaDocument(new).shapes_at()
        if self._is_call:
            objects = Shape(types=frozenset({"object"}))
            before, after = combine(before, [objects]), combine(after, [objects])
        differences = self.shapes(before, after, depth=0)
        if self._pairs > _MAX_PAIRS:
            kind: Kind = "type_narrowed" if self._is_call else "type_widened"
            differences.append(Difference(kind, "", "is too large to be compared whole: look at it yourself"))
        return list(dict.fromkeys(differences))

    def shapes(self, old: Shapes, new: Shapes, *, depth: int) -> list[Difference]:
        """Compare all forms of a value; there are no differences if one of the schemas allows no value at all."""
        if not old or not new or depth > _MAX_DEPTH:
            return []
        key = (frozenset(shape.key() for shape in old), frozenset(shape.key() for shape in new))
        if key not in self._known:
            # Empty during the comparison; the shapes are kept, since the key uses their identity.
            self._known[key] = (old, new, [])
            differences = list((call_values if self._is_call else read_values)(old, new))
            wide, narrow = (old, new) if self._is_call else (new, old)
            wide = told_apart(wide, narrow)
            for case in _cases(narrow):
                others = _within(case, narrow)
                for shape in _within(case, wide):
                    with_members = [each for each in others if shape.types & each.types & {"array", "object"}]
                    pairs = [(shape, each) if self._is_call else (each, shape) for each in with_members]
                    differences += self._closest(pairs, depth=depth)
            self._known[key] = (old, new, differences)
        return self._known[key][2]

    def _closest(self, pairs: Sequence[tuple[Shape, Shape]], *, depth: int) -> list[Difference]:
        """Compare each pair, and return the shortest list of differences; pairs that have values in common are preferred."""
        compared = [list(self._pair(*pair, depth=depth)) for pair in pairs]
        if len(pairs) < 2 or not all(compared):
            return min(compared, key=len, default=[])
        ranks = [
            (not _may_meet(*pair), len(differences))
            for pair, differences in zip(pairs, compared, strict=True)
        ]
        return compared[ranks.index(min(ranks))]

    def _pair(self, old: Shape, new: Shape, *, depth: int) -> Iterator[Difference]:
        self._pairs += 1
        if self._pairs > _MAX_PAIRS:
            return
        if "object" in old.types & new.types:
            if self._is_call:
                yield from _newly_required(old, new)
            for member in [*_fields(old, new), *_unnamed_fields(old, new)]:
                if member.new:
                    differences = self.shapes(member.old, member.new, depth=depth + 1)
                    if not self._is_call and member.name:
                        differences = [*_now_optional(old, new, member.name), *differences]
                else:
                    differences = [self._gone(old, new, member)]
                yield from map(member.place, differences)
        if "array" in old.types & new.types:
            for member in _items(old, new):
                yield from map(member.place, self.shapes(member.old, member.new, depth=depth + 1))

    def _gone(self, old: Shape, new: Shape, member: _Member) -> Difference:
        """Report a removed field. If readers get exactly one new field of the same form, report that as its new name."""
        if self._is_call:
            return Difference("field_removed", "", "is no longer taken")
        form = _form_of(old, member.name)
        added = [
            name for name in new.field_names if name not in old.field_names and _form_of(new, name) == form
        ]
        if member.name and len(added) == 1:
            return Difference("field_renamed", "", f"is gone; it seems to be called '{added[0]}' now")
        return Difference("field_removed", "", "is gone")


# --- the cases of an ``if`` -----------------------------------------------------------------------------------------


def _cases(shapes: Shapes) -> list[Shape]:
    """List the combinations of conditions in *shapes*, each as a shape that has only those conditions."""
    cases = [
        Shape(
            conditions=shape.conditions,
            parts=tuple(part for part in shape.parts if part.is_condition) if shape.conditions else (),
        )
        for shape in shapes
    ]
    conditional = [case for case in cases if case.conditions]
    return list({case.key(): case for case in conditional or cases}.values())


def _within(case: Shape, shapes: Shapes) -> list[Shape]:
    """List *shapes* restricted to the conditions of *case*."""
    if not case.conditions:
        return list(shapes)
    return [inside for shape in shapes if (inside := merge(shape, case)) is not None]


def _may_meet(left: Shape, right: Shape) -> bool:
    """Return True if one object can have both shapes: no field that both shapes require has contradicting values."""
    for name in left.required & right.required & {*left.field_names} & {*right.field_names}:
        pairs = product(field_shapes(left, name), field_shapes(right, name))
        if not any(merge(*pair) for pair in pairs):
            return False
    return True


# --- the members that both schemas have ---------------------------------------------------------------------------


def _fields(old: Shape, new: Shape) -> Iterator[_Member]:
    """Yield the fields that *old* names, and those of *new* that *old* allowed only by a pattern or as other fields."""
    for name in old.field_names:
        if before := field_shapes(old, name):
            after = field_shapes(new, name) if new.lists(name) else ()
            yield _Member(pointer(name), before, after, name=name)
    for name in new.field_names:
        if name not in old.field_names and (old.lists(name) or _describes_others(old)):
            before, after = field_shapes(old, name), field_shapes(new, name)
            if before and after:
                yield _Member(pointer(name), before, after)


def _unnamed_fields(old: Shape, new: Shape) -> Iterator[_Member]:
    """Yield the fields that *old* describes by patterns or by ``additionalProperties``."""
    others_before, others_after = other_field_shapes(old), other_field_shapes(new)
    for pattern in old.patterns:
        label = f"a field whose name matches '{pattern}'"
        if before := pattern_shapes(old, pattern):
            after = pattern_shapes(new, pattern) if pattern in new.patterns else others_after
            yield _Member("", before, after, label)
    if not _describes_others(old) or not others_before:
        return
    yield _Member("", others_before, others_after, "a field without a name of its own")
    for pattern in new.patterns:
        after = pattern_shapes(new, pattern)
        if after and pattern not in old.patterns:
            yield _Member("", others_before, after, f"a field whose name matches '{pattern}'")


def _describes_others(shape: Shape) -> bool:
    """Return True if unlisted fields have a schema."""
    keywords = ("additionalProperties", "unevaluatedProperties")
    return any(isinstance(schema.get(word), Mapping) for schema in shape.descriptions for word in keywords)


def _items(old: Shape, new: Shape) -> Iterator[_Member]:
    positions = max(old.prefix_length, new.prefix_length)
    for index in range(min(positions, _MAX_ITEMS)):
        yield _Member("/items", item_shapes(old, index), item_shapes(new, index), f"item {index + 1}")
    yield _Member("/items", item_shapes(old, positions), item_shapes(new, positions))


def _form_of(shape: Shape, name: str) -> list[Json]:
    """List the schemas of the field *name*, without their annotations."""
    forms: list[Json] = []
    for described in (schema.get("properties", {}) for schema in shape.descriptions):
        if isinstance(form := described.get(name), Mapping):
            forms.append({key: value for key, value in form.items() if key not in _ANNOTATIONS})
        elif name in described:
            forms.append(form)
    return forms


# --- the fields that must be present ----------------------------------------------------------------------------------


def _now_optional(old: Shape, new: Shape, name: str) -> Iterator[Difference]:
    if name in new.required:
        return
    if name in old.required:
        yield Difference("now_optional", "", "was always there, may now be absent")
        return
    for other in _triggers(old, new, name):
        yield Difference("now_optional", "", f"was there whenever '{other}' was, may now be absent")


def _newly_required(old: Shape, new: Shape) -> Iterator[Difference]:
    for name in sorted(new.required - old.required):
        yield Difference("now_required", pointer(name), "is now required")
    dependent = {name for names in new.dependents.values() for name in names}
    for name in sorted(dependent - old.required - new.required):
        for other in _triggers(new, old, name):
            yield Difference("now_required", pointer(name), f"is now required where '{other}' is there")


def _triggers(strict: Shape, loose: Shape, name: str) -> list[str]:
    """List the fields whose presence requires *name* in *strict* but not in *loose*, if *loose* may have them."""
    return [
        other
        for other, names in strict.dependents.items()
        if name in names and name not in loose.dependents.get(other, ()) and loose.lists(other)
    ]
