"""The key fields of an event in lists: chosen by the schema alone, with the digits of the payload."""

import pytest
from tests.plugins.portal.worlds import HOSTILE, emit

from trunkline import EventType
from trunkline.pages import ListedEvent
from trunkline.schemas.fields import read_fields
from trunkline_portal.key_fields import KeyFields, chosen

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "required": ["lines", "order_id", "customer_id", "total", "is_paid", "late"],
    "properties": {
        "note": {"type": "string", "title": "Note"},
        "lines": {"type": "array", "items": TEXT},
        "order_id": {"type": "integer", "title": "Order"},
        "customer_id": {"type": "integer", "title": "Customer"},
        "total": {"type": "number", "title": "Total"},
        "is_paid": {"type": "boolean", "title": "Paid"},
        "late": {"type": ["string", "null"], "title": "Late"},
        "other": {"type": "string", "title": "Other"},
    },
}


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (
            b'{"note":"n","order_id":7,"total":99.00,"is_paid":true,"late":"x"}',
            "Note n, Total 99.00, Paid true, Late x",
        ),
        (b'{"total":12345678901234567890.10,"late":null}', "Total 12345678901234567890.10"),
        (b'{"note":"%s"}' % (b"n" * 50), f"Note {'n' * 39}…"),
        (b'{"note":{"a":1},"lines":["b"]}', ""),
        (b'{"note":"n","blob":"%s"}' % (b"x" * 20_000), ""),
    ],
)
def test_the_first_plain_field_and_required_ones_that_are_no_ids_are_shown(payload, shown):
    kind = EventType("order.placed", title="Order placed", description="", schema=SCHEMA)
    event = ListedEvent(1, kind.name, 0, b'{"id":1,"payload":%s}' % payload)
    keys = KeyFields(lambda event_type: read_fields(event_type.schema))
    assert ", ".join(" ".join(key) for key in keys.of(event, kind)) == shown
    assert keys.of(event, None) == ()


def test_an_id_of_its_own_stands_behind_names_and_amounts():
    properties = {"order_id": {"type": "integer"}, "total": {"type": "number"}, "paid": {"type": "boolean"}}
    named = [field.name for field in chosen(read_fields({"type": "object", "properties": properties}))]
    assert named == ["total", "paid", "order_id"]


async def test_the_values_are_escaped_and_a_search_shows_where_it_matched(api, reader):
    await emit(api, first_name=HOSTILE[2:30])
    page = await reader.get("/portal/events")
    assert "First Name" in page.text
    assert HOSTILE[2:13] not in page.text
    found = await reader.get("/portal/events", q="jane@example.com")
    assert "<mark>jane@example.com</mark>" in found.text
    assert "First Name" not in found.text
