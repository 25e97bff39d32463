"""A product whose names and shapes are legal, and awkward for platforms: each has its own reserved words and clashes."""

import json
from typing import Any, Literal

from tests.plugins.products import a_brand, an_object

from trunkline import Definition, EventType, read_definition
from trunkline.pages import Product

TEXT = (
    'It\'s "long": `tick` {{ $json.x }} ${name} <b>bold</b> & %TITLE% \\ __title__\nnew line */ \u2028 end. '
    * 9
)
NAMES = (
    *("id", "key", "meta", "bundle", "name", "value", "class", "default", "limit", "cursor", "type"),
    *("authentication", "simplify", "returnAll", "resource", "operation", "payload", "createdUtc", "1st"),
    *("with space", "with.dot", "with-hyphen", "größe", "a²", "名前", "x" * 80, "UPPER", "a__b", "qty"),
    *("q'uote", 'd"quote', "[0]", "/slash", "emoji😀"),
)


def text(title: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "title": title, "description": f"The {title.lower()}."} | more


def number(title: str, **more: Any) -> dict[str, Any]:
    return text(title) | {"type": "integer"} | more


def a_list(title: str, items: Any) -> dict[str, Any]:
    return text(title, type="array", items=items)


NAMED = {name: text(f"Field {place}") for place, name in enumerate(NAMES)}
PLACE = an_object(lat=text("Lat", type="number"), tags=a_list("Tags", {"type": "string"}))
SHAPES = {
    "address": an_object(city=text("City"), place=PLACE | text("Place", type="object"))
    | text("Address", type="object"),
    "lines": a_list("Lines", an_object(qty=number("Quantity"), sku=text("SKU"))),
    "deep_lines": a_list("Deep Lines", an_object(options=a_list("Options", {"type": "string"}))),
    "grid": a_list("Grid", {"type": "array", "items": {"type": "integer"}}),
    "sizes": a_list("Sizes", {"type": "integer"}),
    "either": text("Either", type=["string", "integer", "object"]),
    "maybe": text("Maybe", type=["number", "null"]),
    "color": text("Color", enum=["", "red", "it's", "dark red"]),
    "level": number("Level", enum=[1, 2, 3]),
    "on": text("On", format="date"),
    "at": text("At", format="date-time"),
    "free": text("Free", type="object"),
    "anything": {"title": "Anything", "description": "Anything."},
}
RECORD = an_object(order_id=number("Order ID"), note=text("Note"), extra=text("Extra"))
FOUND = {"order_id": 1, "note": "n", "extra": "e"}
DONE = an_object(ok=text("OK", type="boolean"))


def _definition(kind: Literal["action", "search"], name: str, call: str, **more: Any) -> Definition:
    method, path = call.split(" ")
    named = {part.strip("{}"): number("Number") for part in path.split("/") if part.startswith("{")}
    example = {"parameters": dict.fromkeys(named, 1), "input": {}, "output": more.pop("answer", {})}
    document = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "description": "Carries it out at once.",
        "method": method,
        "path": path,
        "parameters": an_object(*named, **named),
        "input": an_object(),
        "output": an_object(),
        "examples": [example],
    }
    return read_definition(kind, json.dumps(document | more).encode(), source=name)


ACTIONS = [
    _definition("action", "create_order", "POST /orders", input=an_object(**NAMED | {"lines": SHAPES["lines"]}),
                output=an_object(order_id=number("Order ID")), answer={"order_id": 1}, description=TEXT),
    _definition("action", "change_order", "PATCH /orders/{order_id}", input=an_object(**SHAPES),
                output=an_object(**SHAPES)),
    _definition("action", "delete", "DELETE /orders/{order_id}"),
    _definition("action", "import", "POST /imports", output=DONE, answer={"ok": True}),
    _definition("action", "make_resource", "POST /resources", output=DONE, answer={"ok": True}),
    _definition("action", "pay_shop", "POST /{shop_id}/pay", output=DONE, answer={"ok": True}),
    _definition("action", "ping", "POST /ping"),
    _definition("action", "refund", "POST /refunds", input=an_object(amount=number("Amount"))),
    _definition("action", "set_2fa", "POST /2fa-codes", output=DONE, answer={"ok": True}),
]  # fmt: skip
SEARCHES = [
    _definition("search", "find_order", "GET /orders/{order_id}", output=RECORD, answer=FOUND, single=True),
    _definition("search", "get_tags", "GET /tags", output=an_object(tags=a_list("Tags", {"type": "string"})),
                answer={"tags": ["new"]}),
    _definition("search", "get_total", "GET /totals", input=an_object(day=SHAPES["on"]),
                output=an_object(total=number("Total")), answer={"total": 1}),
    _definition("search", "search_orders", "GET /orders/search", input=an_object(limit=number("Limit")),
                output=an_object(warnings=a_list("Warnings", {"type": "string"}), results=a_list("Results", RECORD)),
                answer={"warnings": [], "results": [FOUND]}),
]  # fmt: skip


def _event_type(name: str, example: dict[str, Any], properties: dict[str, Any]) -> EventType:
    schema = an_object(**properties) | {"examples": [example]}
    return EventType(name, title=name.replace(".", " ").title(), description=TEXT, schema=schema)


PRODUCT = Product(
    a_brand("odd", "Odd things.", title='house of "odd" things'),
    "https://hub.odd.example",
    (
        _event_type("nothing.happened", {}, {}),
        _event_type("order.changed", {}, SHAPES),
        _event_type("order.placed", dict.fromkeys(NAMES, "x"), NAMED | {"_id": {"type": "string"}}),
        *(_event_type(f"thing{i}.created", {"n": i}, {"n": number("N")}) for i in range(60)),
    ),
    tuple(ACTIONS),
    tuple(SEARCHES),
)
