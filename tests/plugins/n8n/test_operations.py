"""The requests and the output of the action node, on the real ``n8n-workflow``; the tests give the hub's answers."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from tests.plugins.n8n.node import Run, action_node
from tests.plugins.n8n.products import FIND_ORDER, TINY, UPDATE_ORDER, field
from tests.plugins.products import an_object

from trunkline.pages import Example

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LINE = an_object(
    "sku",
    sku=field("string", "SKU"),
    count=field("integer", "Count"),
    since={"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "title": "Since"},
)
CHANGED = an_object(
    "resource",
    resource=field("string", "Resource"),
    weight=field(["number", "null"], "Weight"),
    count=field("integer", "Count"),
    note=field(["string", "null"], "Note"),
    due=field("string", "Due", format="date-time"),
    packed=field("string", "Packed", format="date"),
    size={"type": "integer", "enum": [1, 2], "title": "Size"},
    days={"type": "array", "items": {"enum": ["mon", "tue"]}, "title": "Days"},
    tags={"type": "array", "items": {"type": "string"}, "title": "Tags"},
    extra={"type": "object", "title": "Extra", "examples": [{"a": 1}]},
    place=an_object(city=field("string", "City"), floor=field("integer", "Floor")),
    lines={"type": "array", "items": LINE, "title": "Lines"},
    tea=field("string", "Tea", **{"x-lookup": "tea_types"}),
    tea_label=field("string", "Tea Label", **{"x-lookup": {"lookup": "tea_types", "value": "label"}}),
)
ORDER = an_object(
    order_id=field("integer", "Order ID"), lines={"type": "array", "items": LINE, "title": "Lines"}
)
BY_NUMBER = an_object("number", number=field("integer", "Number", examples=[7]))
GET_ORDER = dataclasses.replace(
    FIND_ORDER,
    name="get_order",
    title="Get Order",
    path="/orders/{number}",
    parameters=BY_NUMBER,
    input=an_object(),
    output=ORDER,
    examples=(Example({"number": 7}, {}, {"order_id": 7}),),
    is_single=True,
)
WIDE = an_object(
    "last",
    **{f"field{number}": field("integer", f"Field {number}") for number in range(10)},
    lines=ORDER["properties"]["lines"],
    last=field("integer", "Last"),
)
GET_WIDE = dataclasses.replace(
    GET_ORDER,
    name="get_wide",
    title="Get Wide",
    path="/wides/{number}",
    output=WIDE,
    examples=(Example({"number": 7}, {}, {"last": 1}),),
)
LIST_ORDERS = dataclasses.replace(
    FIND_ORDER,
    name="list_orders",
    title="List Orders",
    path="/orders",
    input=an_object(
        note=field("string", "Note"),
        limit=field("integer", "Limit", maximum=2),
        cursor=field("string", "Cursor"),
    ),
    output=an_object(
        items=field("array", "Items", items=ORDER), next_cursor=field(["string", "null"], "Next Cursor")
    ),
    examples=(Example({}, {}, {"items": [], "next_cursor": None}),),
)
PLACE_ORDER = dataclasses.replace(
    UPDATE_ORDER,
    name="place_order",
    title="Place Order",
    method="POST",
    path="/orders",
    parameters=an_object(),
    input=an_object("lines", lines={"type": "array", "items": LINE, "title": "Lines"}),
)
DELETE_ORDER = dataclasses.replace(
    GET_ORDER, kind="action", name="delete_order", title="Delete Order", method="DELETE", is_single=False
)
PRODUCT = dataclasses.replace(
    TINY,
    actions=(dataclasses.replace(UPDATE_ORDER, input=CHANGED), PLACE_ORDER, DELETE_ORDER),
    searches=(FIND_ORDER, GET_ORDER, GET_WIDE, LIST_ORDERS),
)
NUMBERED = {"shopId": {"__rl": True, "mode": "id", "value": "3"}, "number": 7, "resourceField": "x"}
SHOP = "http://hub/api/v1/integrations/shops/3/orders/7"


@pytest.fixture(scope="module")
def run(n8n_tools: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with action_node(PRODUCT, "TeaShop", tools=n8n_tools, folder=tmp_path_factory.mktemp("package")) as run:
        yield run


def update(**fields: Any) -> dict[str, Any]:
    return {"resource": "shop", "operation": "updateOrder"} | NUMBERED | {"updateFields": fields}


def find(**fields: Any) -> dict[str, Any]:
    return {"resource": "order", "operation": "findOrder", "note": "", "shopId": ""} | fields


def sent(run: Run, **fields: Any) -> dict[str, Any]:
    """Fill in fields of the update; return the sent body without its constant members."""
    outcome = run(update(**fields))
    (request,) = outcome["requests"]
    assert (request["method"], request["url"]) == ("PATCH", SHOP)
    assert request["body"].pop("resource") == "x"
    return request["body"]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"weight": None}, {"weight": None}),
        ({"weight": "", "count": " "}, {}),
        ({"count": None}, {}),
        ({"note": None, "extra": None}, {"note": None}),
        ({"weight": "1.5", "count": 0}, {"weight": 1.5, "count": 0}),
        ({"count": "many"}, {"count": "many"}),
        ({"size": "2", "days": ["mon"], "tags": []}, {"size": 2, "days": ["mon"]}),
        ({"due": "2026-01-28T10:30:00"}, {"due": "2026-01-28T09:30:00.000Z"}),
        ({"due": "soon", "packed": "2026-01-28T10:30:00"}, {"due": "soon", "packed": "2026-01-28"}),
        ({"tags": ["new", "", ["a", "b"]]}, {"tags": ["new", "a", "b"]}),
        ({"tags": '["new"]'}, {"tags": ["new"]}),
        ({"extra": '{"a": [1]}'}, {"extra": {"a": [1]}}),
        ({"place": {"values": {"city": "Bremen", "additionalFields": {"floor": 2}}}}, {"place": {"city": "Bremen", "floor": 2}}),
        ({"place": {"values": {"city": ""}}}, {}),
        ({"place": '{"city": "Bremen"}'}, {"place": {"city": "Bremen"}}),
        ({"place": {"city": "Bremen"}}, {"place": {"city": "Bremen"}}),
        (
            {"lines": {"values": [{"sku": "a", "since": "2026-01-28"}, {"sku": "b", "since": None}]}},
            {"lines": [{"sku": "a", "since": "2026-01-28"}, {"sku": "b", "since": None}]},
        ),
        ({"lines": [{"sku": "a"}]}, {"lines": [{"sku": "a"}]}),
        ({"linesJson": '[{"sku": "a"}]'}, {"lines": [{"sku": "a"}]}),
        ({"linesJson": [{"sku": "a"}], "placeJson": {"city": "Bremen"}}, {"lines": [{"sku": "a"}], "place": {"city": "Bremen"}}),
        ({"tea": "green", "teaLabel": "Green"}, {"tea": "green"}),
        ({"teaLabel": "Green"}, {"tea_label": "Green"}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_filled_in_is_what_is_sent(run, fields, body):
    assert sent(run, **fields) == body


@pytest.mark.parametrize(
    ("fields", "message", "description"),
    [
        ({"extra": "{'a': 1}"}, "'Extra' is not valid JSON", 'Write it like this: {"a": 1}. '),
        ({"lines": "[1"}, "'Lines' is not valid JSON", ""),
        ({"linesJson": "[1"}, "'Lines' is not valid JSON", ""),
        ({"lines": {"values": [{"sku": "a"}, {"sku": None}]}}, "'SKU' is empty", "Fill it in"),
    ],
)
def test_what_cannot_be_sent_says_so_with_its_item(run, fields, message, description):
    outcome = run(update(), update(**fields))
    assert outcome["error"]["message"] == message
    assert outcome["error"]["description"].startswith(description)
    assert outcome["error"]["item"] == 1


@pytest.mark.parametrize("empty", ["", None, {"__rl": True, "mode": "id", "value": ""}], ids=str)
def test_an_empty_id_is_asked_for_by_its_name(run, empty):
    outcome = run(update() | {"shopId": empty})
    assert outcome["error"]["message"] == "'Shop' is empty"
    assert outcome["error"]["description"] == "Choose one from the list, or map the ID from an earlier node"
    assert outcome["requests"] == []


def test_an_id_stays_within_its_part_of_the_path(run):
    outcome = run(update() | {"shopId": "../a?b"})
    assert outcome["requests"][0]["url"] == "http://hub/api/v1/integrations/shops/..%2Fa%3Fb/orders/7"


def test_each_item_that_leaves_names_the_one_that_it_comes_from(run):
    found = [
        {"body": {"results": results}}
        for results in ([], [{"order_id": 1}, {"order_id": 2}], [{"order_id": 3}])
    ]
    outcome = run(find(note="a"), find(note="b"), find(note="c"), answers=found)
    assert [request["qs"] for request in outcome["requests"]] == [{"note": note} for note in "abc"]
    assert outcome["results"] == [
        {"json": {"order_id": 1}, "pairedItem": {"item": 1}},
        {"json": {"order_id": 2}, "pairedItem": {"item": 1}},
        {"json": {"order_id": 3}, "pairedItem": {"item": 2}},
    ]


def on_order(operation: str, **fields: Any) -> dict[str, Any]:
    return {"resource": "order", "operation": operation} | fields


def test_a_record_is_one_item_even_if_it_has_a_list(run):
    record = {"order_id": 7, "lines": [{"sku": "a"}, {"sku": "b"}]}
    outcome = run(on_order("getOrder", number=7), answers=[{"body": record}])
    assert outcome["results"] == [{"json": record, "pairedItem": {"item": 0}}]
    (request,) = outcome["requests"]
    assert (request["method"], request["url"]) == ("GET", "http://hub/api/v1/integrations/orders/7")


def test_a_record_of_many_fields_is_simplified_to_ten_unless_all_are_wanted(run):
    record = {f"field{number}": number for number in range(10)} | {"lines": [{"sku": "a"}], "last": 1}
    wide = {"resource": "wide", "operation": "getWide", "number": 7}
    answers = [{"body": record}] * 2
    outcome = run(wide | {"simplify": True}, wide | {"simplify": False}, answers=answers)
    simple, whole = [result["json"] for result in outcome["results"]]
    assert simple == {f"field{number}": number for number in range(9)} | {"last": 1}
    assert whole == record


def test_a_delete_sends_no_body(run):
    outcome = run(on_order("deleteOrder", number=7), answers=[{"body": {"order_id": 7}}])
    (request,) = outcome["requests"]
    assert (request["method"], request.get("body")) == ("DELETE", None)
    assert outcome["results"][0]["json"] == {"deleted": True}


def test_a_list_of_objects_that_is_asked_for_is_filled_in_or_given_as_json(run):
    order = {"resource": "order", "operation": "placeOrder"}
    by_fields = {"specifyLines": "fields", "lines": {"values": [{"sku": "a"}, {"sku": "b"}]}}
    by_json = {"specifyLines": "json", "linesJson": [{"sku": "a"}, {"sku": "b"}], "lines": {}}
    outcome = run(order | by_fields, order | by_json)
    assert [request["body"] for request in outcome["requests"]] == [
        {"lines": [{"sku": "a"}, {"sku": "b"}]}
    ] * 2
    refused = run(order | {"specifyLines": "json", "linesJson": ""})
    assert (refused["error"]["message"], refused["requests"]) == ("'Lines' is empty", [])


PAGES = [
    {"body": {"items": [{"order_id": 1}, {"order_id": 2}], "next_cursor": "x"}},
    {"body": {"items": [{"order_id": 3}], "next_cursor": None}},
]


@pytest.mark.parametrize(
    ("fields", "queries"),
    [
        ({"returnAll": True}, [{"limit": 2}, {"limit": 2, "cursor": "x"}]),
        ({"returnAll": False, "limit": 3}, [{"limit": 2}, {"limit": 1, "cursor": "x"}]),
        ({"returnAll": False, "limit": 2, "filters": {"note": "a"}}, [{"limit": 2, "note": "a"}]),
        ({"returnAll": False, "limit": 50}, [{"limit": 2}, {"limit": 2, "cursor": "x"}]),
    ],
    ids=str,
)
def test_a_list_is_read_page_by_page_as_far_as_is_wanted(run, fields, queries):
    outcome = run(on_order("listOrders", **fields), answers=PAGES)
    assert [request["qs"] for request in outcome["requests"]] == queries
    numbers = [result["json"]["order_id"] for result in outcome["results"]]
    assert numbers == ([1, 2, 3] if len(queries) == 2 else [1, 2])
    assert {result["pairedItem"]["item"] for result in outcome["results"]} == {0}


PROBLEM = {"detail": "The query is not valid.", "form_detail": "Fill in Note or Shop."}


@pytest.mark.parametrize(
    ("answer", "message", "description"),
    [
        ({"statusCode": 400, "body": PROBLEM}, "Fill in Note or Shop.", ""),
        ({"statusCode": 404, "body": {"detail": "There is no order '7' here."}}, "There is no order '7' here.", ""),
        ({"statusCode": 401, "body": PROBLEM}, "The API key is not valid, or was revoked", "Make another key"),
        ({"statusCode": 429, "headers": {"retry-after": "9"}, "body": PROBLEM}, "Fill in Note or Shop.", "Try again in 9 s"),
        ({"statusCode": 502, "body": "<h1>"}, "The answer was HTTP 502, with no reason given", ""),
    ],
    ids=["invalid", "missing", "key", "limited", "proxy"],
)  # fmt: skip
def test_a_refusal_is_told_in_the_words_of_the_form(run, answer, message, description):
    outcome = run(find(note="a"), find(), answers=[{"body": {"results": []}}, answer])
    assert outcome["error"]["message"] == message
    assert (outcome["error"].get("description") or "").startswith(description)
    assert outcome["error"]["item"] == 1


def test_a_node_that_goes_on_gives_the_error_beside_its_item(run):
    answers = [{"statusCode": 400, "body": PROBLEM}, {"body": {"results": [{"order_id": 1}]}}]
    outcome = run(find(), find(note="b"), answers=answers, continueOnFail=True)
    assert outcome["results"] == [
        {"json": {"error": "Fill in Note or Shop."}, "pairedItem": {"item": 0}},
        {"json": {"order_id": 1}, "pairedItem": {"item": 1}},
    ]
