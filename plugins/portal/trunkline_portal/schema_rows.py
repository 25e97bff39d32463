"""The fields of a schema as rows of a table; nested fields follow their parent."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal

import orjson
from msgspec import Struct

from trunkline import Json
from trunkline.pages import Field

_TYPES = {"text": "string", "list": "list", "date": "date", "date-time": "date and time"}
_PLURALS = {
    "text": "strings",
    "integer": "integers",
    "number": "numbers",
    "boolean": "booleans",
    "object": "objects",
}


class Row(Struct, frozen=True):
    """One field. *parent* is the path of its object with a trailing dot; *example* is JSON text.

    *is_in_example* is true if the example was taken from the example of the whole object, not from the field.
    """

    name: str
    parent: str
    type: str
    is_required: bool
    description: str
    choices: tuple[str, ...]
    example: str | None
    lookup: str | None
    is_in_example: bool = False


def rows_of(fields: Sequence[Field], example: Json = None, *, parent: str = "") -> Iterator[Row]:
    """List *fields*; a field's example is its value in the object's *example*, or else the field's own example."""
    for field in fields:
        in_example = example.get(field.name) if isinstance(example, dict) else None
        field_example = in_example if in_example is not None else field.example
        title = _TYPES.get(field.kind, field.kind)
        if field.item_kind is not None:
            title = f"list of {_PLURALS.get(field.item_kind, 'values')}"
        yield Row(
            name=field.name,
            parent=parent,
            type=f"{title} or null" if field.is_nullable else title,
            is_required=field.is_required,
            description=field.description,
            choices=tuple(value if isinstance(value, str) else _written(value) for value in values_of(field)),
            example=None if field_example is None or field.fields else _written(field_example),
            lookup=field.reference.lookup.name if field.reference else None,
            is_in_example=in_example is not None,
        )
        is_list = field.kind == "list"
        inner = field_example
        if is_list and isinstance(inner, list) and inner:
            inner = inner[0]
        yield from rows_of(field.fields, inner, parent=f"{parent}{field.name}{'[]' if is_list else ''}.")


def values_of(field: Field) -> tuple[Json, ...]:
    """List the possible values of *field*, null among them; empty if any value is allowed."""
    takes_null = field.choices and field.is_nullable and field.kind != "list"
    return (*field.choices, None) if takes_null else field.choices


def exact(document: bytes) -> Json:
    """Parse JSON so that numbers keep their digits: ``99.00`` stays ``99.00``."""
    return json.loads(document, parse_float=Decimal)


def _written(value: Json) -> str:
    return orjson.dumps(value, default=lambda number: orjson.Fragment(str(number))).decode()
