"""A customer's own product on Zapier's real core: fields of every shape in forms, requests and events."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.plugins.own_product import ANSWER, BOOKING, EVENTS, served

from trunkline_kit.receiver import Receiver

from .core import ZapierRefused
from .zaps import Shop, check_outputs, use_trigger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FILLED = {
    "guest__name": "Ada",
    "guest__born": "1990-05-17T00:00:00+02:00",
    "guest__home__city": "Bremen",
    "guest__home__zip": "28195",
    "arrival": "2026-08-01T00:00:00+02:00",
    "room": "2",
    "nights": 3,
    "extras": ["breakfast", "late_checkout"],
    "payment__kind": "card",
    "payment__last4": "4242",
    "payment__iban": "",
    "seats": "[[1, 2], [3]]",
    "custom": '{"source": "fair", "visits": 2}',
}


@pytest.fixture
async def inn(serve_hub: Any, open_app: Callable[..., Any], tmp_path: Any) -> Any:
    """Start the product's back end, and open its app."""
    async with served(serve_hub, tmp_path / "own") as (hub, backend):
        yield Shop(hub, await asyncio.to_thread(open_app, hub)), backend


async def test_every_shape_of_field_goes_out_and_comes_in(inn):
    shop, backend = inn
    definition = shop.app.definition()
    assert shop.app.handle(command="validate") == []
    form = {
        field["key"]: field for field in definition["creates"]["create_booking"]["operation"]["inputFields"]
    }
    assert set(form) == set(FILLED)
    assert [form[key]["type"] for key in ("arrival", "room", "nights", "seats")] == [
        "datetime",
        "integer",
        "integer",
        "json",
    ]
    assert [choice["label"] for choice in form["room"]["choices"]] == ["Single", "Double", "Suite"]
    assert [choice["label"] for choice in form["extras"]["choices"]] == [
        "Breakfast",
        "Late checkout",
        "Parking",
    ]
    assert [form[key]["label"] for key in ("guest__name", "guest__home__city")] == [
        "Guest Name",
        "Guest Home City",
    ]
    assert form["nights"]["default"] == "2"
    update = definition["creates"]["update_booking"]["operation"]["inputFields"]
    assert not any("default" in field or "required" in field for field in update[1:])
    assert [key for key in form if form[key].get("required")] == ["guest__name", "arrival", "room"]
    assert "[[1, 2], [3]]" in form["seats"]["helpText"]

    def run(action: str, **fields: Any) -> Any:
        return shop.app.operation("creates", action, inputData=fields)

    made = await asyncio.to_thread(lambda: run("create_booking", **FILLED))
    assert made == ANSWER
    check_outputs(definition["creates"]["create_booking"]["operation"], made)
    assert json.loads(backend.requests[-1].body)["input"] == BOOKING
    mapped = {"booking_id": 7, "nights": None, "arrival": "", "guest__born": None, "room": 3}
    await asyncio.to_thread(lambda: run("update_booking", **mapped))
    assert json.loads(backend.requests[-1].body)["input"] == {"booking_id": 7, "room": 3}
    for fields, sentence in (
        ({"seats": "[[1,"}, "Seats is not valid JSON. Write it like this: "),
        ({"room": 9}, "Room must be"),
        ({"payment__kind": "card"}, "Payment, Last Digits is required."),
        ({}, "Fill in at least one field."),
    ):
        with pytest.raises(ZapierRefused) as refused:
            await asyncio.to_thread(lambda fields=fields: run("update_booking", booking_id=7, **fields))
        assert refused.value.sentence.startswith(sentence), refused.value.sentence

    for name, schema in EVENTS.items():
        event = {"type": name, "payload": schema["examples"][0]}
        async with Receiver() as target:
            await use_trigger(shop, name.replace(".", "_"), event, target)
