"""The form of a trigger's filter: each form field compares one field of the payload. Pure.

Connectors show the form, and build the subscription's ``filter`` from the fields that are filled in (``filters``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.fields import Field, FieldKind

_RANGES: Mapping[FieldKind, tuple[str, str]] = {
    "integer": ("At Least", "At Most"),
    "number": ("At Least", "At Most"),
    "date": ("From", "Until"),
    "date-time": ("From", "Until"),
}
_EQUAL: frozenset[FieldKind] = frozenset({"text", "boolean", "integer"})
MOST_CONDITIONS = 50
"""The maximum number of conditions in a form; a filter may have 100 comparisons."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a filter. *field* is its form field, with a unique name; *path* is the path of the value in an event.

    *operator* is ``eq``, ``in`` (the field is a list), ``contains`` (the event has a list), ``gte`` or ``lte``.
    """

    path: str
    operator: str
    field: Field


def conditions_of(payload: Iterable[Field]) -> tuple[Condition, ...]:
    """List the conditions for events with the fields *payload*: every field with a plain value, those in objects last."""
    conditions: dict[str, Condition] = {}
    for level in _levels(payload):
        for place, title, field in level:
            for condition in _of(field, place=place, title=title):
                conditions.setdefault(condition.field.name, condition)
    return tuple(conditions.values())[:MOST_CONDITIONS]


def all_conditions(payloads: Iterable[tuple[EventType, Sequence[Field]]]) -> list[Condition]:
    """List the conditions of several event types; if two with the same name differ, the later one is named after its type."""
    by_name: dict[str, Condition] = {}
    for event_type, payload in payloads:
        for condition in conditions_of(payload):
            field = condition.field
            known = by_name.setdefault(field.name, condition)
            if _form(known) != _form(condition):
                name = re.sub(r"\W+", "_", f"{field.name}_{event_type.name}")
                title = f"{field.title} ({event_type.title})"
                by_name[name] = replace(condition, field=replace(field, name=name, title=title))
    return list(by_name.values())


def _form(condition: Condition) -> tuple[Json, ...]:
    field = condition.field
    return condition.path, condition.operator, field.kind, field.choices, field.reference


def _levels(payload: Iterable[Field]) -> Iterator[list[tuple[tuple[str, ...], str, Field]]]:
    """Yield the fields with a plain form, level by level from the outermost.

    Each field has the names and the title of its enclosing objects.

    Names with a dot are left out, because a filter would split the path at the dot, and names with a back tick or a brace,
    because they end an expression of a platform.
    """
    level: list[tuple[tuple[str, ...], str, Field]] = [((), "", field) for field in payload]
    while level := [
        (place, title, field)
        for place, title, field in level
        if not field.json_because and not set(field.name) & set(".`{}")
    ]:
        yield level
        level = [
            ((*place, field.name), f"{title}{field.title} ", inner)
            for place, title, field in level
            if field.kind == "object"
            for inner in field.fields
        ]


def _of(field: Field, *, place: tuple[str, ...], title: str) -> Iterator[Condition]:
    path = ".".join(["payload", *place, field.name])
    field = replace(field, name="_of_".join([field.name, *reversed(place)]), title=f"{title}{field.title}")
    only = f"Only for {field.title}"
    is_chosen = field.reference is not None
    if field.kind == "list" and (field.choices or (is_chosen and field.item_kind in _EQUAL)):
        item = replace(field, kind=field.item_kind or "text", item_kind=None)
        yield Condition(path, "contains", _shown(item, "only", only, "contains this"))
    elif field.choices and field.kind != "boolean":
        listed = replace(field, kind="list", item_kind=field.kind)
        yield Condition(path, "in", _shown(listed, "only", only, "is one of these"))
    elif field.kind in _EQUAL and (field.kind != "integer" or is_chosen or path.endswith((".id", "_id"))):
        yield Condition(path, "eq", _shown(field, "only", only, "is exactly this"))
    elif field.kind in _RANGES:
        least, most = _RANGES[field.kind]
        more, less = ("later", "earlier") if field.kind in {"date", "date-time"} else ("more", "less")
        yield Condition(path, "gte", _shown(field, "least", f"{field.title} {least}", f"is this or {more}"))
        yield Condition(path, "lte", _shown(field, "most", f"{field.title} {most}", f"is this or {less}"))


def _shown(field: Field, prefix: str, title: str, comparison: str) -> Field:
    """Return *field* as the form shows it: optional, and empty by default."""
    return replace(
        field,
        name=f"{prefix}_{field.name}",
        title=title,
        description=f"Only events whose {field.title} {comparison}. Leave it empty for every event.",
        is_required=False,
        is_nullable=False,
        default=None,
        is_long=False,
    )
