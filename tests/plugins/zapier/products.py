"""A small product."""

from typing import Any

from tests.plugins.products import a_brand, a_definition, an_object

from trunkline import EventType
from trunkline.pages import Example, ItemList, Product


def described(kind: str, title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "description": f"The order's {title.lower()}.", "type": kind} | more


def make_product() -> Product:
    """Give a shop with one record of each kind, and every kind of field."""
    shops = a_definition(
        "lookup",
        "open-shops",
        "GET /lookups/open-shops",
        "Lists the shops.",
        input=an_object(limit=described("integer", "Limit"), cursor=described("string", "Cursor")),
        output=an_object(shops=described("array", "Shops", items=an_object(shop_id={}, name={}, is_open={}))),
        listed=ItemList("shops", "shop_id", "name"),
        examples=(Example({}, {}, {"shops": []}),),
    )
    chosen = {"lookup": "open-shops", "where": {"is_open": True}}
    line = {"type": "object", "properties": {"sku": described("string", "SKU", examples=["tea"])}}
    fields = {
        "note": described("string", "Note", maxLength=2000),
        "speed": described("string", "Speed", enum=["slow", "fast"], default="slow"),
        "is_gift": described("boolean", "Gift"),
        "weight": described("number", "Weight", examples=[1.50]),
        "due": described("string", "Due", format="date-time", examples=["2026-01-28T10:30:00Z"]),
        "tags": described("array", "Tags", items={"type": "string"}),
        "address": described(
            "object", "Address", properties={"city": described("string", "City")}, required=["city"]
        ),
        "lines": described("array", "Lines", items=line),
    }
    update = a_definition(
        "action",
        "update_order",
        "PATCH /shops/{shop_id}/orders",
        "Changes an order.",
        parameters=an_object("shop_id", shop_id=described("integer", "Shop", **{"x-lookup": chosen})),
        input=an_object(**fields),
        output=an_object(order_id=described("integer", "Order ID"), tags=fields["tags"]),
        examples=(Example({"shop_id": 1}, {}, {"order_id": 7, "tags": ["new"]}),),
    )
    order = an_object(order_id=described("integer", "Order ID"), note=fields["note"])
    create = a_definition(
        "action",
        "create_order",
        "POST /orders",
        "Places an order.",
        success_status=201,
        input=an_object("note", note=fields["note"]),
        output=order,
        examples=(Example({}, {"note": "Today"}, {"order_id": 7}),),
    )
    find = a_definition(
        "search",
        "find_order",
        "GET /orders/search",
        "Finds an order.",
        input=an_object(order_id=described("integer", "Order ID", examples=[7])),
        output=an_object(results=described("array", "Results", items=order)),
        examples=(Example({}, {"order_id": 7}, {"results": [{"order_id": 7, "note": 'It\'s "new"'}]}),),
    )
    schema = {
        "type": "object",
        "properties": {"order_id": described("integer", "Order ID"), "address": fields["address"]},
        "examples": [{"order_id": 7, "address": {"city": "Bremen"}}],
    }
    placed = EventType("order.placed", title="New Order", description="An order was placed.", schema=schema)
    brand = a_brand("tea", "A shop.", title="Tea & More")
    return Product(brand, "https://hub.tea.example", (placed,), (create, update), (find,), (shops,))
