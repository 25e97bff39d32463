"""Fields in the arguments of ``new``, ``NAME:KIND``, with the JSON Schema and the example of each."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from trunkline.errors import Refused

_FIELD = re.compile(r"(?P<name>[a-z][a-z0-9_]*):(?P<kind>[a-z-]+)(?P<optional>\??)")
_KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "text": ({"type": "string"}, "…"),
    "integer": ({"type": "integer"}, 1),
    "number": ({"type": "number"}, 19.9),
    "boolean": ({"type": "boolean"}, True),
    "date": ({"type": "string", "format": "date"}, "2026-01-28"),
    "time": ({"type": "string", "format": "date-time"}, "2026-01-28T10:30:00Z"),
    "email": ({"type": "string", "format": "email"}, "jane@example.com"),
    "url": ({"type": "string", "format": "uri"}, "https://example.com"),
    "uuid": ({"type": "string", "format": "uuid"}, "3f2b8c1e-5d4a-4f6b-9c7d-0e1f2a3b4c5d"),
}
"""The types of a field, each with its schema and an example."""
KINDS = tuple(_KINDS)


class NewField(Struct, frozen=True):
    """A field of a payload: *kind* is one of ``KINDS``."""

    name: str
    kind: str
    is_required: bool = True


def read_fields(texts: Sequence[str]) -> list[NewField]:
    """Read fields from *texts*, each ``NAME:KIND``, or ``NAME:KIND?`` for an optional field. Raises Refused."""
    fields: list[NewField] = []
    for text in texts:
        match = _FIELD.fullmatch(text)
        if match is None or match["kind"] not in KINDS:
            msg = f"'{text[:60]}' is no field: write NAME:KIND, or NAME:KIND? where it may be absent; KIND is one of {', '.join(KINDS)}."
            raise Refused(msg)
        if any(field.name == match["name"] for field in fields):
            msg = f"The field '{match['name']}' is named twice; name each once."
            raise Refused(msg)
        fields.append(NewField(match["name"], match["kind"], is_required=not match["optional"]))
    return fields


def object_of(fields: Sequence[NewField]) -> dict[str, Any]:
    """Write the schema of an object with *fields*."""
    required = [field.name for field in fields if field.is_required]
    return {
        "type": "object",
        "properties": {
            field.name: {"title": title_of(field.name), "description": _about(field), **_KINDS[field.kind][0]}
            for field in fields
        },
        **({"required": required} if required else {}),
    }


def example_of(fields: Sequence[NewField]) -> dict[str, Any]:
    """Return an example object that is valid for ``object_of``."""
    return {field.name: _KINDS[field.kind][1] for field in fields}


def title_of(name: str) -> str:
    """Write *name* as a title: ``client_id`` becomes ``Client ID``."""
    words = name.replace("_", " ").split()
    return " ".join("ID" if word == "id" else word.capitalize() for word in words)


def _about(field: NewField) -> str:
    """Write a description of a field, which the user is expected to improve."""
    *words, last = field.name.split("_")
    if last == "id" and words:
        return f"Which {' '.join(words)} it is."
    if last in {"at", "utc", "date"} and field.kind in {"time", "date"}:
        return "When it happened."
    return f"The {' '.join((*words, last))}."
