"""Products to make packages of: this deployment's, and a tiny shop with a field of every kind."""

import dataclasses
from typing import Any

from tests.example_product import DEFINITIONS, EVENT_TYPES
from tests.plugins.products import a_brand, a_definition, an_object

from trunkline import EventType
from trunkline.pages import Example, ItemList, Product

BRAND = a_brand(
    "tea-shop",
    "Orders of tea: placed, packed and sent.",
    title="Tea & Co's",
    author="Tea & Co",
    domain="tea.example",
    version="2.1.0",
)


def installed_product(**brand: str) -> Product:
    """Give the product that our own schemas describe."""
    return Product(
        dataclasses.replace(BRAND, slug="wlcro", title="WhiteLabelCRO", **brand),
        "https://api.example.com",
        tuple(EVENT_TYPES.values()),
        *(
            tuple(definition for definition in DEFINITIONS if definition.kind == kind)
            for kind in ("action", "search", "lookup")
        ),
    )


def field(kind: Any, title: str, **more: Any) -> dict[str, Any]:
    """Give a property's schema, with a description that n8n's linter would refuse unchanged."""
    return {"type": kind, "title": title, "description": f"the order's {title.lower()}."} | more


SHOPS = a_definition(
    "lookup",
    "open-shops",
    "GET /lookups/open-shops",
    "Lists shops.",
    input=an_object(limit=field("integer", "Limit"), cursor=field("string", "Cursor")),
    output=an_object(
        shops=field(
            "array",
            "Shops",
            items=an_object(shop_id=field("integer", "shop id"), name={}, is_open={}),
        )
    ),
    listed=ItemList("shops", "shop_id", "name"),
)
TYPES = a_definition(
    "lookup",
    "tea_types",
    "GET /lookups/tea-types",
    "Lists teas.",
    title="Types of Tea",
    input=an_object(q=field("string", "Search")),
    output=an_object(types=field("array", "Types", items=an_object(code=field("string", "Code"), label={}))),
    listed=ItemList("types", "code", "label"),
)
UPDATE_ORDER = a_definition(
    "action",
    "update_order",
    "PATCH /shops/{shop_id}/orders/{number}",
    "Changes an order. What is empty stays, see `id`.",
    title="Update Order of the URL",
    parameters=an_object(
        "shop_id",
        "number",
        shop_id=field(
            "integer",
            "shop",
            examples=[3],
            **{"x-lookup": {"lookup": "open-shops", "where": {"is_open": True}}},
        ),
        number=field("integer", "Number", examples=[7]),
    ),
    input=an_object(
        "resource",
        "speed",
        resource=field("string", "Resource"),
        speed=field("string", "Speed", enum=["slow", "very_fast"]),
        note=field("string", "Note", maxLength=2000),
        email=field("string", "Email", format="email"),
        is_gift=field("boolean", "Gift", default=True),
        weight=field("number", "Weight", default=1.5),
        packed=field("string", "Packed", format="date"),
        due=field("string", "Due <date>", format="date-time"),
        address=field("object", "Address", properties={"city": field("string", "City")}),
        tags=field("array", "Tags", items={"type": "string"}, examples=[["new"]]),
        teas=field(
            "array", "Teas", items={"type": "string"}, examples=[["green"]], **{"x-lookup": "tea_types"}
        ),
        tea=field("string", "Tea", **{"x-lookup": "tea_types"}),
        tea_label=field("string", "Tea Label", **{"x-lookup": {"lookup": "tea_types", "value": "label"}}),
    ),
    output=an_object(order_id=field("integer", "Order ID")),
    examples=(Example({"shop_id": 3, "number": 7}, {"resource": "x", "speed": "slow"}, {"order_id": 7}),),
)
FIND_ORDER = a_definition(
    "search",
    "find_order",
    "GET /orders/search",
    "Finds an order.",
    input={
        **an_object(
            note=field("string", "Note"), shop_id=field("integer", "Shop", **{"x-lookup": "open-shops"})
        ),
        "anyOf": [{"required": ["note"]}, {"required": ["shop_id"]}],
    },
    output=an_object(
        results=field("array", "Results", items=an_object(order_id=field("integer", "Order ID")))
    ),
    examples=(Example({}, {"note": "x"}, {"results": [{"order_id": 7}]}),),
)
PLACED = EventType(
    "order.placed",
    title="order placed in a Shop",
    description="Somebody placed an order.",
    schema=an_object(order_id=field("integer", "Order ID")) | {"examples": [{"order_id": 7}]},
)
TINY = Product(BRAND, "https://api.tea.example", (PLACED,), (UPDATE_ORDER,), (FIND_ORDER,), (SHOPS, TYPES))
