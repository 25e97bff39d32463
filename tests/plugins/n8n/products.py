"""Products to make packages of: this deployment's, and a tiny shop with a field of every kind."""

import dataclasses
from typing import Any

from tests.example_product import DEFINITIONS, EVENT_TYPES
from tests.plugins.products import an_object

from trunkline import Definition, EventType
from trunkline.pages import Brand, Example, ItemList, Product

BRAND = Brand(
    slug="tea-shop",
    title="Tea & Co's",
    description="Orders of tea: placed, packed and sent.",
    color="#005500",
    homepage="https://tea.example",
    author="Tea & Co",
    email="hello@tea.example",
    repository="https://git.tea.example/connectors",
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


SHOPS = Definition(
    "lookup",
    "open-shops",
    "Open Shops",
    "Lists shops.",
    "GET",
    "/lookups/open-shops",
    parameters=an_object(),
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
TYPES = Definition(
    "lookup",
    "tea_types",
    "Types of Tea",
    "Lists teas.",
    "GET",
    "/lookups/tea-types",
    parameters=an_object(),
    input=an_object(q=field("string", "Search")),
    output=an_object(types=field("array", "Types", items=an_object(code=field("string", "Code"), label={}))),
    listed=ItemList("types", "code", "label"),
)
UPDATE_ORDER = Definition(
    "action",
    "update_order",
    "Update Order of the URL",
    "Changes an order. What is empty stays, see `id`.",
    "PATCH",
    "/shops/{shop_id}/orders/{number}",
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
FIND_ORDER = Definition(
    "search",
    "find_order",
    "Find Order",
    "Finds an order.",
    "GET",
    "/orders/search",
    parameters=an_object(),
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
