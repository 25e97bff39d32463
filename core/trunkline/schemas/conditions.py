"""What people may narrow the events of a trigger by, as a form: one field of the payload, one comparison. Pure.

Connectors show them and make the subscription's ``filter`` of what is filled in (``filters``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from trunkline.schemas.fields import Field, FieldKind

_RANGES: Mapping[FieldKind, tuple[str, str]] = {
    "integer": ("At Least", "At Most"),
    "number": ("At Least", "At Most"),
    "date": ("From", "Until"),
    "date-time": ("From", "Until"),
}
_EQUAL: frozenset[FieldKind] = frozenset({"text", "boolean", "integer"})
MOST_CONDITIONS = 50
"""How many a form offers at most; a filter may have 100 comparisons."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a filter. *field* is how a form shows it, by a name of its own; *path* is where an event has the value.

    *operator* is ``eq``, ``in`` (the field is a list), ``gte`` or ``lte``.
    """

    path: str
    operator: str
    field: Field


def conditions_of(payload: Iterable[Field]) -> tuple[Condition, ...]:
    """List what events with the fields *payload* may be narrowed by: every field with a plain value."""
    conditions = [condition for field in payload if not field.json_because for condition in _of(field)]
    return tuple(conditions[:MOST_CONDITIONS])


def _of(field: Field) -> Iterator[Condition]:
    path = f"payload.{field.name}"
    if "." in field.name:
        return  # a filter would read it as the name of a field within another
    if field.choices and field.kind != "boolean":
        listed = replace(field, kind="list", item_kind=field.kind)
        yield Condition(path, "in", _shown(listed, "only", f"Only for {field.title}"))
    elif field.kind in _EQUAL and (field.kind != "integer" or _is_id(field)):
        yield Condition(path, "eq", _shown(field, "only", f"Only for {field.title}"))
    elif field.kind in _RANGES:
        least, most = _RANGES[field.kind]
        yield Condition(path, "gte", _shown(field, "least", f"{field.title} {least}"))
        yield Condition(path, "lte", _shown(field, "most", f"{field.title} {most}"))


def _is_id(field: Field) -> bool:
    return field.name == "id" or field.name.endswith("_id")


def _shown(field: Field, prefix: str, title: str) -> Field:
    """Give the field of the form: optional, and empty until somebody fills it in."""
    return replace(
        field,
        name=f"{prefix}_{field.name}",
        title=title,
        description="Leave it empty for every event.",
        is_required=False,
        is_nullable=False,
        default=None,
        is_long=False,
        reference=None,
    )
