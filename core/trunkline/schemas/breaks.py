"""What an older client would break on: event types, actions, searches and lookups of two versions. Pure.

Whoever reads payloads or answers breaks when something comes that the older schema ruled out. So a new optional field, a
narrower type or one value fewer is fine; a field that is gone, a wider type or one value more is not. Whoever calls breaks
when something is refused that the older schema let through: there it is the other way round.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from trunkline.errors import pointer
from trunkline.schemas import definitions
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.definitions import Definition
from trunkline.schemas.versions import choose

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

_ALL_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_PLAIN = ("anyOf", "oneOf", "allOf", "$ref")
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that an older client breaks on.

    *name* is the event type's, or the operation's with *subject* to say which kind it is. *path* is a JSON pointer into the
    event, or into the call (``/parameters``, ``/input``) and its answer (``/output``); empty for the whole. *version* is the
    one of an event type that the older client reads.
    """

    name: str
    path: str
    kind: Kind
    message: str
    subject: Literal["event_type"] | definitions.Kind = "event_type"
    version: int | None = None


@dataclass(frozen=True, slots=True)
class _Document:
    """A schema document, to find its own ``$ref``s in."""

    schema: Mapping[str, Json]

    def resolve(self, reference: str) -> Mapping[str, Json]:
        """Follow a local reference; anything goes where there is nothing."""
        found: Any = self.schema
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def alternatives(self, schema: Json, *, depth: int = 0) -> list[Mapping[str, Json]]:
        """Spell *schema* out: the plain forms that a value may take, without references and combinations."""
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return [{}] if schema is not False else []
        forms: list[Mapping[str, Json]] = [{key: value for key, value in schema.items() if key not in _PLAIN}]
        parts = [[self.resolve(schema["$ref"])]] if isinstance(schema.get("$ref"), str) else []
        parts += [[part] for part in schema.get("allOf", [])]
        parts += [schema[word] for word in ("anyOf", "oneOf") if schema.get(word)]
        for part in parts:
            inner = [form for one in part for form in self.alternatives(one, depth=depth + 1)]
            forms = [_merge(form, addition) for form in forms for addition in inner]
        return forms


def find_breaks(old: Iterable[EventType], new: Iterable[EventType]) -> list[Break]:
    """Compare every version of every type of *old* with what who reads it gets from *new*.

    That is the same version where it is kept, else the next one that there is (``SchemaVersions.chosen``).
    """
    present: dict[str, list[EventType]] = {}
    for kind in sorted(new, key=lambda one: one.version):
        present.setdefault(kind.name, []).append(kind)
    breaks: list[Break] = []
    for kind in sorted(old, key=lambda one: (one.name, one.version)):
        kept = present.get(kind.name)
        if not kept:
            found = [Break(kind.name, "", "type_removed", "the event type is gone")]
        else:
            given = choose([one.version for one in kept], kind.version)
            newer = next(one for one in kept if one.version == given)
            found = compare(kind.name, kind.schema, newer.schema)
        breaks += [replace(one, version=kind.version) for one in found]
    return breaks


def find_operation_breaks(old: Iterable[Definition], new: Iterable[Definition]) -> list[Break]:
    """Compare every action, search and lookup of *old* with the one of the same name in *new*."""
    present = {(one.kind, one.name): one for one in new}
    return [
        replace(found, subject=one.kind)
        for one in old
        for found in _changes(one, present.get((one.kind, one.name)))
    ]


def compare(
    name: str, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str = "/payload"
) -> list[Break]:
    """Compare two schemas of what a client reads: one type's payload, or what stands at *path*."""
    comparison = _Comparison(name, _Document(old), _Document(new))
    return list(dict.fromkeys(comparison.any_form(old, new, path=path, depth=0)))


def _changes(old: Definition, new: Definition | None) -> Iterator[Break]:
    """Give what breaks whoever calls *old* and reads its answer."""
    if new is None:
        yield Break(old.name, "", "operation_removed", f"the {old.kind} is gone")
        return
    if (old.method, old.path) == (new.method, new.path):
        yield from _refusals(old.name, old.parameters, new.parameters, path="/parameters")
    else:
        message = f"was {old.method} {old.path}, is now {new.method} {new.path}"
        yield Break(old.name, "", "call_changed", message)
    yield from _refusals(old.name, old.input, new.input, path="/input")
    yield from compare(old.name, old.output, new.output, path="/output")


def _refusals(name: str, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str) -> Iterator[Break]:
    """Give which fields of an object that *old* let through *new* refuses, or misses."""
    before, after = _properties(old), _properties(new)
    required = [field for field in new.get("required", []) if field not in old.get("required", [])]
    for field in required:
        yield Break(name, path + pointer(field), "now_required", "is now required")
    for field, described in before.items():
        if field not in after:
            yield Break(name, path + pointer(field), "field_removed", "is no longer taken")
        elif isinstance(described, dict) and (refusal := _refused_values(described, after[field])):
            yield Break(name, path + pointer(field), *refusal)


def _refused_values(old: Mapping[str, Json], new: Mapping[str, Json]) -> tuple[Kind, str] | None:
    """Tell which values of a field *new* refuses: of a type, out of a list, or in another format."""
    before, after = _types(old), _types(new)
    if lost := before - after - ({"integer"} if "number" in after else set()):
        return "type_narrowed", f"was {_join(before)}, may no longer be {_join(lost)}"
    allowed, possible = _values(new), _values(old)
    if allowed is not None and possible is None:
        return "enum_value_removed", f"was any value, must now be one of {_show(allowed)}"
    if allowed is not None and (fewer := [value for value in possible or [] if value not in allowed]):
        return "enum_value_removed", f"may no longer be {_show(fewer)}"
    if "format" in new and new["format"] != old.get("format"):
        message = f"had the format {old.get('format', 'none')}, must now have {new['format']}"
        return "format_changed", message
    return None


@dataclass(frozen=True, slots=True)
class _Comparison:
    name: str
    old: _Document
    new: _Document

    def any_form(self, old: Json, new: Json, *, path: str, depth: int) -> Iterator[Break]:
        """Give the breaks of each new form against the old form that it is closest to."""
        if depth > _MAX_DEPTH:
            return
        known = self.old.alternatives(old)
        for form in self.new.alternatives(new):
            tried = [list(self._form(one, form, path=path, depth=depth)) for one in known]
            yield from min(tried, key=len, default=[])

    def _form(
        self, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str, depth: int
    ) -> Iterator[Break]:
        yield from self._values(old, new, path=path)
        yield from self._fields(old, new, path=path, depth=depth)
        if "items" in old:
            yield from self.any_form(
                old["items"], new.get("items", {}), path=f"{path}/items", depth=depth + 1
            )

    def _values(self, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str) -> Iterator[Break]:
        before, after = _types(old), _types(new)
        if wider := after - before - ({"integer"} if "number" in before else set()):
            message = f"was {_join(before)}, may now also be {_join(wider)}"
            if after == _ALL_TYPES or not (after & before):
                message = f"was {_join(before)}, is now {_join(after)}"
            yield Break(self.name, path, "type_widened", message)
            return
        allowed, possible = _values(old), _values(new)
        if allowed is not None and possible is None:
            yield Break(
                self.name,
                path,
                "enum_value_added",
                f"was one of {_show(allowed)}, may now be any value",
            )
        elif allowed is not None and (more := [value for value in possible or [] if value not in allowed]):
            yield Break(self.name, path, "enum_value_added", f"may now also be {_show(more)}")
        if "format" in old and "string" in after and old["format"] != new.get("format"):
            message = f"had the format {old['format']}, has now {new.get('format', 'none')}"
            yield Break(self.name, path, "format_changed", message)

    def _fields(
        self, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str, depth: int
    ) -> Iterator[Break]:
        before, after = _properties(old), _properties(new)
        required, still = set(old.get("required", [])), set(new.get("required", []))
        for name, schema in before.items():
            here = path + pointer(name)
            if name not in after:
                yield self._gone(here, schema, before, after)
                continue
            if name in required - still:
                yield Break(self.name, here, "now_optional", "was always there, may now be absent")
            yield from self.any_form(schema, after[name], path=here, depth=depth + 1)

    def _gone(self, path: str, schema: Json, before: Mapping[str, Json], after: Mapping[str, Json]) -> Break:
        """Name a field that is gone; a new one with the same form is taken for its new name."""
        added = [name for name in after if name not in before and _form_of(after[name]) == _form_of(schema)]
        if len(added) == 1:
            return Break(self.name, path, "field_renamed", f"is gone; it seems to be called '{added[0]}' now")
        return Break(self.name, path, "field_removed", "is gone")


def _merge(one: Mapping[str, Json], other: Mapping[str, Json]) -> Mapping[str, Json]:
    """Put two schemas that hold at once into one."""
    merged = {**one, **other}
    if "type" in one and "type" in other:
        merged["type"] = sorted(_types(one) & _types(other))
    if "properties" in one and "properties" in other:
        merged["properties"] = {**_properties(one), **_properties(other)}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    if (mine := _values(one)) is not None and (theirs := _values(other)) is not None:
        merged["enum"] = [value for value in mine if value in theirs]
    return merged


def _types(schema: Mapping[str, Json]) -> frozenset[str]:
    named = schema.get("type")
    if named is None:
        values = _values(schema)
        return _ALL_TYPES if values is None else frozenset(_type_of(value) for value in values)
    return frozenset([named] if isinstance(named, str) else named)


def _type_of(value: Json) -> str:
    names: Mapping[type, str] = {
        bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"
    }  # fmt: skip
    return names.get(type(value), "null")


def _values(schema: Mapping[str, Json]) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _properties(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _form_of(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    return {key: value for key, value in schema.items() if key not in {"title", "description", "examples"}}


def _join(names: Iterable[str]) -> str:
    listed = frozenset(names)
    return "anything" if listed == _ALL_TYPES else " or ".join(sorted(listed))


def _show(values: Iterable[Json]) -> str:
    return ", ".join(repr(value) for value in values)
