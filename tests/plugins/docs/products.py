"""The products for the tests of the documentation: a small hand-made one, and this deployment's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.plugins.products import a_brand, a_definition, an_object

from trunkline import Definition, EventType
from trunkline.pages import Example, ItemList, Product


def described(title: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "description": f"{title}, as it is.", "type": kind} | more


ORDER_PLACED = EventType(
    "order.placed",
    title="Order Placed",
    description="A customer placed an order. Sent once for each order.",
    schema=an_object(
        "order_id",
        "lines",
        order_id=described("Order ID", "integer", minimum=1),
        lines=described("Lines", "array", items={"$ref": "#/$defs/line"}, minItems=1),
        buyer={"anyOf": [{"$ref": "#/$defs/buyer"}, {"type": "null"}], "description": "Who ordered."},
        channel=described("Channel", "string", enum=["web", "shop"]),
    )
    | {
        "$defs": {
            "line": an_object(
                "sku",
                sku=described("Article", "string", pattern="^[A-Z]+$"),
                price=described("Price", "number", exclusiveMinimum=0),
            ),
            "buyer": an_object("email", email=described("Email", "string", format="email")),
        },
        "examples": [
            {"order_id": 7, "lines": [{"sku": "LAMP", "price": 99.5}], "buyer": {"email": "a@b.example"}}
        ],
        "x-changes": [
            {"version": 1, "date": "2026-01-05", "sentence": "It was added."},
            {"version": 2, "date": "2026-02-06", "sentence": "The optional field 'channel' was added."},
        ],
    },
    version=2,
    example_json=b'{"order_id":7,"lines":[{"sku":"LAMP","price":99.00}],"buyer":{"email":"a@b.example"}}',
)
ORDER_SENT = EventType(
    "order.sent",
    title="Order Sent",
    description="An order left the warehouse.",
    schema=an_object("order_id", order_id=described("Order ID", "integer")) | {"examples": [{"order_id": 7}]},
)
SHOPS = a_definition(
    "lookup",
    "shops",
    "GET /lookups/shops",
    "Lists shops.",
    output=an_object(
        "shops",
        shops=described(
            "Shops",
            "array",
            items=an_object(shop_id=described("Shop ID", "integer"), name=described("Name", "string")),
        ),
    ),
    examples=(Example({}, {}, {"shops": [{"shop_id": 3, "name": "Main Street"}]}),),
    listed=ItemList("shops", "shop_id", "name"),
)
PLACE_ORDER = a_definition(
    "action",
    "place_order",
    "POST /shops/{shop_id}/orders",
    "Orders something.",
    parameters=an_object("shop_id", shop_id=described("Shop", "integer", **{"x-lookup": "shops"})),
    input=an_object(
        "sku", sku=described("Article", "string"), count=described("Count", "integer", default=1)
    ),
    output=an_object("order_id", order_id=described("Order ID", "integer")),
    examples=(Example({"shop_id": 3}, {"sku": "Joe's LAMP"}, {"order_id": 7}),),
    success_status=201,
    emits=("order.placed",),
)
CANCEL_ORDER = replace(
    PLACE_ORDER,
    name="cancel_order",
    title="Cancel Order",
    path="/shops/{shop_id}/orders/cancel",
    success_status=200,
    emits=(),
)
FIND_ORDER = a_definition(
    "search",
    "find_order",
    "GET /orders/search",
    "Finds an order.",
    input=an_object(email=described("Email", "string"), sku=described("Article", "string"))
    | {"anyOf": [{"required": ["email"]}, {"required": ["sku"]}]},
    output=an_object(
        "results",
        results=described("Results", "array", items=an_object(order_id=described("Order ID", "integer"))),
    ),
    examples=(Example({}, {"email": "a+b@b.example"}, {"results": [{"order_id": 7}]}),),
)
SHOP = Product(
    a_brand("shop", "Things to buy.", color="#f2c200"),
    "https://api.shop.example",
    event_types=(ORDER_PLACED,),
    actions=(PLACE_ORDER,),
    searches=(FIND_ORDER,),
    lookups=(SHOPS,),
)


def with_more(product: Product) -> Product:
    """Add an event type and an action to a product."""
    return replace(
        product,
        event_types=(*product.event_types, ORDER_SENT),
        actions=(*product.actions, CANCEL_ORDER),
        lookups=(*product.lookups, SHOPS) if SHOPS not in product.lookups else product.lookups,
    )


def retold(product: Product, text: str) -> Product:
    """Append *text* to every readable text of the brand and the schemas."""
    brand = product.brand
    return replace(
        product,
        brand=replace(brand, title=brand.title + text, description=brand.description + text, author=text),
        event_types=tuple(_retold_type(event_type, text) for event_type in product.event_types),
        actions=tuple(_retold_definition(action, text) for action in product.actions),
        searches=tuple(_retold_definition(search, text) for search in product.searches),
        lookups=tuple(_retold_definition(lookup, text) for lookup in product.lookups),
    )


def _retold_type(event_type: EventType, text: str) -> EventType:
    schema = _retold_schema(event_type.schema, text)
    schema["examples"] = [spoil(example, text) for example in schema["examples"]]
    return EventType(
        event_type.name,
        event_type.title + text,
        event_type.description + text,
        schema,
        version=event_type.version,
    )


def _retold_definition(definition: Definition, text: str) -> Definition:
    return replace(
        definition,
        title=definition.title + text,
        description=definition.description + text,
        parameters=_retold_schema(definition.parameters, text),
        input=_retold_schema(definition.input, text),
        output=_retold_schema(definition.output, text),
        examples=tuple(
            Example(example.parameters, spoil(example.input, text), spoil(example.output, text))
            for example in definition.examples
        ),
    )


def _retold_schema(content: Any, text: str) -> Any:
    if isinstance(content, list):
        return [_retold_schema(item, text) for item in content]
    if not isinstance(content, Mapping):
        return content
    schema = {key: _retold_schema(value, text) for key, value in content.items()}
    for key in ("title", "description", "pattern"):
        if isinstance(schema.get(key), str):
            schema[key] += text
    if "enum" in schema:
        schema["enum"] = [f"{value}{text}" for value in schema["enum"]]
    if "x-changes" in schema:
        schema["x-changes"] = [
            change | {"sentence": change["sentence"] + text} for change in schema["x-changes"]
        ]
    return schema


def spoil(example: Any, text: str) -> Any:
    """Append *text* to every string of an example."""
    if isinstance(example, str):
        return example + text
    if isinstance(example, list):
        return [spoil(item, text) for item in example]
    return (
        {key: spoil(value, text) for key, value in example.items()} if isinstance(example, dict) else example
    )
