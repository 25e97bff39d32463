"""A customer's own product in Make, executed by our interpreter: fields of every shape in forms, calls and events."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.own_product import ANSWER, BOOKING, EVENTS, own_product, served

from trunkline_make.generator import generate, remarks

from .interpreter import App, FormRefused, MakeError, Poller
from .test_app import exported
from .test_generator import faults, schema_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
async def inn(serve_hub: Any, tmp_path: Path) -> Any:
    """Start the product's hub and back end, and export its app."""
    async with served(serve_hub, tmp_path / "own") as (hub, backend):
        yield await asyncio.to_thread(exported, hub, tmp_path / "app"), hub, backend


def test_its_files_are_valid_by_the_schemas_of_make():
    made = generate(own_product())
    for path, content in made.items():
        if path.endswith(".json") and (schema := schema_of(path)):
            assert faults(schema, json.loads(content)) == [], path
    assert remarks(own_product())[0] == (
        "On Make, 'Seats' of 'Create Booking' is written as JSON, because its entries are lists"
    )


async def test_every_shape_of_field_goes_out_and_comes_in(inn):
    app, hub, backend = inn
    form = {field["name"]: field for field in app.code("module", "createBooking", "mappableParams")}
    assert {name: form[name]["type"] for name in form} == {
        "guest": "collection",
        "arrival": "date",
        "room": "select",
        "nights": "integer",
        "extras": "select",
        "payment": "collection",
        "seats": "any",
        "custom": "any",
    }
    assert [option["label"] for option in form["room"]["options"]] == ["Single", "Double", "Suite"]
    assert (form["extras"]["multiple"], form["extras"]["options"][1]) == (
        True,
        {"label": "Late checkout", "value": "late_checkout"},
    )
    assert [field["name"] for field in form["payment"]["spec"]] == ["kind", "last4", "iban"]
    assert "`[[1, 2], [3]]`" in form["seats"]["help"]
    assert form["nights"]["default"] == 2

    filled = BOOKING | {"arrival": datetime(2026, 8, 1, 12, tzinfo=UTC)}
    (bundle,) = await asyncio.to_thread(lambda: app.run("createBooking", **filled))
    assert json.loads(backend.requests[-1].body)["input"] == BOOKING
    assert bundle == ANSWER | {
        "arrival": datetime(2026, 8, 1, tzinfo=UTC),
        "made": datetime(2026, 7, 1, 10, 30, tzinfo=UTC),
    }
    await asyncio.to_thread(lambda: app.run("updateBooking", booking_id=7, room=3))
    assert json.loads(backend.requests[-1].body)["input"] == {"booking_id": 7, "room": 3}
    with pytest.raises(FormRefused, match="room has no option 9"):
        app.run("updateBooking", booking_id=7, room=9)
    with pytest.raises(MakeError, match=r"\[422\] Seats, entry 1, entry 1 must be a whole number"):
        await asyncio.to_thread(lambda: app.run("updateBooking", booking_id=7, seats=[["x"]]))
    await asyncio.to_thread(check_events, app, hub)


def check_events(app: App, hub: Any) -> None:
    poller = Poller(app, "pollEvents", event_types=list(EVENTS), limit=10)
    for name, schema in EVENTS.items():
        hub.call("POST", "/api/v1/events", json={"type": name, "payload": schema["examples"][0]})
    made, cancelled, changed = (bundle["payload"] for bundle in poller.run())
    assert made == {"booking_id": 7} | BOOKING | {"arrival": datetime(2026, 8, 1, tzinfo=UTC)}
    assert cancelled == EVENTS["booking.cancelled"]["examples"][0]
    assert changed["changed"] == datetime(2026, 7, 2, 8, tzinfo=UTC)
    assert changed["previous"] == {"name": "Bob", "born": None, "home": None}
    check_filters(app, hub, [made, cancelled, changed])
    interface = app.code("module", "pollEvents", "interface")
    (payload,) = [field["spec"] for field in interface if field["name"] == "payload"]
    described = {field["name"]: field for field in payload}
    assert described["booking_id"]["label"] == "Number of the Booking / Booking"
    assert [field["name"] for field in described["guests"]["spec"]] == ["name", "born", "home"]
    assert described["extras"] == {
        "name": "extras",
        "label": "Extras",
        "type": "array",
        "spec": {"type": "text"},
    }


def check_filters(app: App, hub: Any, payloads: list[Any]) -> None:
    """Poll with the filters of the form; if several types are chosen, events without the filtered field pass."""
    made, cancelled, changed = payloads

    def found(*event_types: str, **filters: Any) -> list[Any]:
        poller = Poller(app, "pollEvents", event_types=list(event_types), limit=10, filters=filters)
        return [bundle["payload"] for bundle in poller.run()]

    assert found("booking.created", only_extras="breakfast", most_nights=3) == [made]
    assert found("booking.created", only_extras="parking") == []
    assert found("booking.created", least_arrival=datetime(2026, 8, 2, tzinfo=UTC)) == []
    assert found("booking.created", only_city_of_home_of_guest="Bremen", only_room=[2, 3]) == [made]
    assert found(*EVENTS, only_city_of_home_of_guest="Bonn") == [cancelled, changed]
    with pytest.raises(MakeError, match="is in none of the chosen event types"):
        found("booking.cancelled", only_city_of_home_of_guest="Bonn")
    assert found(*EVENTS, least_changed=datetime(2026, 7, 3, tzinfo=UTC)) == [made, cancelled]
    assert len(found(*EVENTS)) == 3
