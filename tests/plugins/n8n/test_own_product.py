"""A customer's own product as an n8n package: its forms and their requests, on the real ``n8n-workflow``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.plugins.n8n.node import Run, action_node
from tests.plugins.own_product import ACTIONS, ANSWER, BOOKING, EVENTS, own_product

from trunkline import Definition
from trunkline.pages import Field
from trunkline_n8n.fields import collected_properties, prominent_properties
from trunkline_n8n.generator import generate, remarks
from trunkline_n8n.lookups import is_prominent

CREATE, UPDATE = own_product().actions


def form_of(definition: Definition) -> dict[str, Any]:
    fields: list[Field] = list(own_product().form(definition))
    prominent = [field for field in fields if is_prominent(definition, field)]
    shown = [entry for field in prominent for entry in prominent_properties(field, shown_for="x")]
    return {
        str(entry["name"]): entry
        for entry in (*shown, *collected_properties(field for field in fields if field not in prominent))
    }


def test_every_shape_of_field_has_its_form():
    form = form_of(CREATE)
    assert {name: form[name]["type"] for name in form} == {
        "specifyGuest": "options",
        "guest": "fixedCollection",
        "guestJson": "json",
        "arrival": "dateTime",
        "room": "options",
        "nights": "number",
        "extras": "multiOptions",
        "payment": "fixedCollection",
        "paymentJson": "json",
        "seats": "json",
        "custom": "json",
    }
    assert [option["name"] for option in form["room"]["options"]] == ["Double", "Single", "Suite"]
    assert [option["value"] for option in form["extras"]["options"]] == [
        "breakfast",
        "late_checkout",
        "parking",
    ]
    assert (form["nights"]["default"], form_of(UPDATE)["nights"]["default"]) == (2, 0)
    (guest,) = form["guest"]["options"]
    home = next(entry for entry in guest["values"] if entry["name"] == "home")
    assert [entry["name"] for entry in guest["values"]] == ["born", "home", "name"]
    assert [entry["name"] for entry in home["options"][0]["values"]] == ["city", "zip"]
    assert "for example [[1, 2], [3]]" in form["seats"]["description"]
    assert len(remarks(own_product())) == 4


def test_every_event_type_can_be_chosen():
    made = generate(own_product())["nodes/shared/eventTypes.ts"].decode()
    assert all(f"value: '{name}'" in made for name in EVENTS)


@pytest.fixture(scope="module")
def run(n8n_tools: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder: Path = tmp_path_factory.mktemp("package")
    with action_node(own_product(), "Inn", tools=n8n_tools, folder=folder) as run:
        yield run


FILLED = {
    "guest": {
        "values": {
            "name": "Ada",
            "born": "1990-05-17",
            "home": {"values": {"city": "Bremen", "zip": "28195"}},
        }
    },
    "arrival": "2026-08-01T00:00:00",
    "room": 2,
}
ADDED = {
    "nights": 3,
    "extras": ["breakfast", "late_checkout"],
    "payment": {"values": {"kind": "card", "last4": "4242", "iban": ""}},
    "seats": "[[1, 2], [3]]",
    "custom": {"source": "fair", "visits": 2},
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_shape_of_field_goes_out_and_comes_in(run):
    create = {"resource": "booking", "operation": "createBooking", "additionalFields": ADDED} | FILLED
    outcome = run(create, answers=[{"body": ANSWER}])
    assert outcome["requests"][0]["body"] == BOOKING
    assert outcome["results"] == [{"json": ANSWER, "pairedItem": {"item": 0}}]

    update = {"resource": "booking", "operation": "updateBooking", "bookingId": "7"}
    cleared = {
        "nights": None,
        "arrival": None,
        "guest": {"values": {"name": "Ada", "born": None, "home": None}},
    }
    (request,) = run(update | {"updateFields": cleared})["requests"]
    assert request["body"] == {"nights": None, "guest": {"name": "Ada", "born": None, "home": None}}
    assert Draft202012Validator(ACTIONS["update_booking"]["input"]).is_valid(request["body"])
    wrong = run(update | {"updateFields": {"seats": "[[1,"}})["error"]
    assert wrong["message"] == "'Seats' is not valid JSON"
    assert wrong["description"].startswith('Write it like this: ["value"]. ')


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_the_polling_trigger_looks_for_is_what_its_form_says(n8n_tools, tmp_path):
    filters = {"onlyCityOfHomeOfGuest": "Bremen", "onlyExtras": "parking", "leastArrival": "2026-08-01T00:00:00", "mostNights": ""}  # fmt: skip
    conditions = [
        {"payload.arrival": {"gte": "2026-08-01"}},
        {"payload.extras": {"contains": "parking"}},
        {"payload.guest.home.city": {"eq": "Bremen"}},
    ]
    (event, another), place = ({"id": 7}, {"id": 9}), {"cursor": "a"}
    answers = [
        {"body": {"events": [event], "next_cursor": "b"}, "headers": {"x-paging-cursor": "b"}},
        {"body": {"events": [], "next_cursor": "c"}, "headers": {"x-paging-cursor": "c"}},
        {"body": {"events": [another], "next_cursor": "d"}},
    ]
    with action_node(own_product(), "InnPollingTrigger", tools=n8n_tools, folder=tmp_path) as poll:
        one = {
            "eventTypes": ["booking.created"],
            "filters": filters | {"leastRefund": 5},
        }
        outcome = poll(one, answers=answers, place=place)
        asked = [request["qs"] for request in outcome["requests"]]
        both = poll(one | {"eventTypes": ["*"]}, answers=answers[2:], place=place)["requests"][0]["qs"]
        two = one | {"eventTypes": ["booking.created", "booking.guest_changed"], "mode": "manual"}
        samples = [request["qs"] for request in poll(two, answers=[{"body": [event]}] * 2)["requests"]]
    assert ([result["json"] for result in outcome["results"]], outcome["place"]) == (
        [event, another],
        {"cursor": "d"},
    )
    assert [query["cursor"] for query in asked] == ["a", "b", "c"]
    sent = json.loads(asked[0]["filter"])["all"]
    assert sorted(sent, key=str) == sorted(conditions, key=str)
    clauses = json.loads(both["filter"])["all"]
    assert sorted(path for clause in clauses for path in clause["any"][0]) == [
        "payload.arrival",
        "payload.extras",
        "payload.guest.home.city",
        "payload.refund",
    ]
    for clause in clauses:
        (path,) = clause["any"][0]
        assert clause["any"][1] == {path: {"exists": False}}
    of_created = {"type": "booking.created", "limit": 1, "filter": asked[0]["filter"]}
    assert samples == [of_created, {"type": "booking.guest_changed", "limit": 1}]
