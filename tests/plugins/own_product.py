"""A customer's own product, described as Pydantic does it: references, alternatives, nulls, enums and free form.

The tests of every platform export it, fill in its two forms, and read its three event types.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from tests.plugins.products import a_brand

from trunkline import EventType, read_definition
from trunkline.pages import Product
from trunkline_kit.receiver import Answer, Receiver

DEFINITIONS = {
    "Address": {
        "title": "AddressModel",
        "type": "object",
        "properties": {
            "city": {"title": "City", "type": "string"},
            "zip": {"title": "ZIP Code", "anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["city"],
    },
    "Guest": {
        "title": "GuestModel",
        "type": "object",
        "properties": {
            "name": {"title": "Name", "type": "string"},
            "born": {"title": "Born", "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "home": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": None},
        },
        "required": ["name"],
    },
    "Room": {
        "title": "Room",
        "oneOf": [
            {"const": 1, "title": "Single"},
            {"const": 2, "title": "Double"},
            {"const": 3, "title": "Suite"},
        ],
    },
    "Extra": {"title": "Extra", "type": "string", "enum": ["breakfast", "late_checkout", "parking"]},
    "Card": {
        "type": "object",
        "properties": {"kind": {"const": "card"}, "last4": {"title": "Last Digits", "type": "string"}},
        "required": ["kind", "last4"],
    },
    "Transfer": {
        "type": "object",
        "properties": {"kind": {"const": "transfer"}, "iban": {"title": "IBAN", "type": "string"}},
        "required": ["kind", "iban"],
    },
}


def described(title: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "description": f"What the booking says of its {title.lower()}, if anything.",
    } | dict(schema)


FIELDS = {
    "guest": described("Guest", {"$ref": "#/$defs/Guest"}),
    "arrival": described("Arrival", {"type": "string", "format": "date"}),
    "room": described("Room", {"allOf": [{"$ref": "#/$defs/Room"}]}),
    "nights": described("Nights", {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 2}),
    "extras": described("Extras", {"type": "array", "items": {"$ref": "#/$defs/Extra"}}),
    "payment": described("Payment", {"anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Transfer"}]}),
    "seats": described("Seats", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
    "custom": described("Custom Data", {"type": "object", "additionalProperties": True}),
}
BOOKING = {
    "guest": {"name": "Ada", "born": "1990-05-17", "home": {"city": "Bremen", "zip": "28195"}},
    "arrival": "2026-08-01",
    "room": 2,
    "nights": 3,
    "extras": ["breakfast", "late_checkout"],
    "payment": {"kind": "card", "last4": "4242"},
    "seats": [[1, 2], [3]],
    "custom": {"source": "fair", "visits": 2},
}
"""A booking with every field filled in."""

OUTPUT = {
    "type": "object",
    "properties": {
        "booking_id": {"title": "Booking ID", "description": "Its number.", "type": "integer"},
        "arrival": FIELDS["arrival"],
        "guest": FIELDS["guest"],
        "made": {
            "title": "Made",
            "description": "When it was made.",
            "type": "string",
            "format": "date-time",
        },
    },
    "required": ["booking_id"],
    "$defs": DEFINITIONS,
}
ANSWER = {
    "booking_id": 7,
    "arrival": "2026-08-01",
    "guest": BOOKING["guest"],
    "made": "2026-07-01T10:30:00Z",
}
NUMBER = {"title": "Booking", "description": "Its number.", "type": "integer"}


def _input(*required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": FIELDS,
        "required": list(required),
        "additionalProperties": False,
        "$defs": DEFINITIONS,
    }


ACTIONS = {
    "create_booking": {
        "name": "create_booking",
        "title": "Create Booking",
        "description": "Books a room.",
        "method": "POST",
        "path": "/bookings",
        "success_status": 201,
        "input": _input("guest", "arrival", "room"),
        "output": OUTPUT,
        "examples": [{"input": BOOKING, "output": ANSWER}],
    },
    "update_booking": {
        "name": "update_booking",
        "title": "Update Booking",
        "description": "Changes a booking.",
        "method": "PATCH",
        "path": "/bookings/{booking_id}",
        "parameters": {
            "type": "object",
            "properties": {"booking_id": NUMBER},
            "required": ["booking_id"],
            "additionalProperties": False,
        },
        "input": _input() | {"minProperties": 1},
        "output": OUTPUT,
        "examples": [{"parameters": {"booking_id": 7}, "input": {"nights": 1}, "output": ANSWER}],
    },
}


def _event(title: str, properties: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "description": f"{title}. Sent once.",
        "type": "object",
        "properties": properties,
        "required": ["booking_id"],
        "additionalProperties": False,
        "$defs": DEFINITIONS,
        "examples": [example],
    }


EVENTS = {
    "booking.created": _event("New Booking", {"booking_id": NUMBER} | FIELDS, {"booking_id": 7} | BOOKING),
    "booking.cancelled": _event(
        "Booking Cancelled",
        {
            "booking_id": NUMBER | {"title": "Number of the Booking"},
            "refund": {"title": "Refund", "anyOf": [{"type": "number"}, {"type": "null"}]},
            "reason": {
                "title": "Reason",
                "type": ["string", "null"],
                "enum": ["illness", "other_plans", None],
            },
        },
        {"booking_id": 7, "refund": None, "reason": "other_plans"},
    ),
    "booking.guest_changed": _event(
        "Booking Guest Changed",
        {
            "booking_id": NUMBER,
            "previous": {"title": "Previous Guest", "$ref": "#/$defs/Guest"},
            "guests": {"title": "Guests", "type": "array", "items": {"$ref": "#/$defs/Guest"}},
            "changed": {"title": "Changed", "type": "string", "format": "date-time"},
        },
        {
            "booking_id": 7,
            "previous": {"name": "Bob", "born": None, "home": None},
            "guests": [BOOKING["guest"]],
            "changed": "2026-07-02T08:00:00Z",
        },
    ),
}


def write_schemas(folder: Path) -> Path:
    for kind, documents in (("events", EVENTS), ("actions", ACTIONS)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (folder / kind / f"{name}.json").write_text(json.dumps(document))
    return folder


def own_product() -> Product:
    brand = a_brand("inn", "Rooms and guests.", keys_url="https://inn.example/keys")
    event_types = (
        EventType(name, title=schema["title"], description=schema["description"], schema=schema)
        for name, schema in EVENTS.items()
    )
    actions = (
        read_definition("action", json.dumps(document).encode(), source=name)
        for name, document in ACTIONS.items()
    )
    return Product(brand, "https://hub.inn.example", tuple(event_types), tuple(actions))


@contextlib.asynccontextmanager
async def served(serve_hub: Callable[..., Any], folder: Path) -> AsyncIterator[tuple[Any, Receiver]]:
    """Start the product's hub and back end, with the schemas in *folder*."""
    async with Receiver() as backend:
        backend.always(Answer(200, {}, json.dumps({"output": ANSWER}).encode()))
        settings = {
            "TRUNKLINE_PRODUCT__SCHEMAS": str(write_schemas(folder)),
            "TRUNKLINE_ACTIONS__PROVIDER_URL": backend.url,
            "TRUNKLINE_ACTIONS__PROVIDER_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
            "TRUNKLINE_ACTIONS__PROVIDER_OPERATIONS": "create_booking,update_booking",
        }
        yield await asyncio.to_thread(lambda: serve_hub(**settings)), backend
