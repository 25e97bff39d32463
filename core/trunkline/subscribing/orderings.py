"""The option ``ordering``: its checks, and its description in requests and answers."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from trunkline.errors import BodyInvalid, FieldError, but_not
from trunkline.filters.filters import MAX_PATH
from trunkline.model.ordering import MAX_POINTER, PARTS, WHOLE, names_of
from trunkline.schemas.catalog import EventType
from trunkline.schemas.shapes.unfolding import SchemaDocument
from trunkline.subscribing.checks import Context

FORMS = '"subscription", or an object such as {"key": "/payload/client_id"}'

Ordering = Annotated[
    Any,
    WithJsonSchema(
        {
            "x-component": "Ordering",
            "anyOf": [
                {"type": "string", "const": WHOLE},
                {
                    "x-component": "OrderingKey",
                    "type": "object",
                    "properties": {"key": {"type": "string", "maxLength": MAX_POINTER}},
                    "required": ["key"],
                    "additionalProperties": False,
                },
                {"type": "null"},
            ],
        }
    ),
    Field(
        description=(
            "deliveries that are sent one after another, in the order of their events: those with the same value at a JSON "
            "pointer into the event, or all of them with `subscription`; null for no order"
        ),
        examples=[{"key": "/payload/client_id"}],
    ),
]


def check_ordering(ordering: Any, _: Context) -> list[FieldError]:
    """Check the form of an ordering. ``check_key`` checks later whether events can have the key."""
    if ordering == WHOLE:
        return []
    if not isinstance(ordering, dict) or set(ordering) != {"key"}:
        return [FieldError("/ordering", f"must be {FORMS}{but_not(ordering)}")]
    pointer = ordering["key"]
    if isinstance(pointer, str) and pointer.startswith("/") and len(pointer) <= MAX_POINTER:
        names = names_of(pointer)
        has_stray_tilde = "~" in pointer.replace("~0", "").replace("~1", "")
        if not has_stray_tilde and 2 <= len(names) <= MAX_PATH and names[0] in PARTS:
            return []
    message = "must be a JSON pointer to a value in an event, such as /payload/client_id or /metadata/source"
    return [FieldError("/ordering/key", message)]


def check_key(ordering: Any, event_types: Sequence[EventType]) -> None:
    """Check that at least one of *event_types* can have the key. In ``metadata`` any key is possible. Raises BodyInvalid."""
    if not isinstance(ordering, dict):
        return
    part, *names = names_of(ordering["key"])
    if part == "payload" and not any(SchemaDocument(kind.schema).shapes_at(names) for kind in event_types):
        message = "is in none of the chosen event types, so that all of their events would have one key"
        raise BodyInvalid([FieldError("/ordering/key", message)])
