"""A small product."""

import json
from typing import Any

from trunkline import EventType, read_definition
from trunkline.pages import Brand, Product


def event_type(name: str, *, title: str, properties: dict[str, Any], example: dict[str, Any]) -> EventType:
    schema = {"type": "object", "properties": properties, "examples": [example]}
    return EventType(name, title=title, description="An order was placed.", schema=schema)


def definition(kind: Any, **content: Any) -> Any:
    return read_definition(kind, json.dumps(content).encode(), source="test")


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def described(kind: str, title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "description": f"The order's {title.lower()}.", "type": kind} | more


def make_product() -> Product:
    """Give a shop with one record of each kind, and every kind of field."""
    shops = definition(
        "lookup",
        name="open-shops",
        title="Open Shops",
        description="Lists the shops.",
        method="GET",
        path="/lookups/open-shops",
        input=schema(limit=described("integer", "Limit"), cursor=described("string", "Cursor")),
        output=schema(shops=described("array", "Shops", items=schema(shop_id={}, name={}, is_open={}))),
        list={"items": "shops", "value": "shop_id", "label": "name"},
        examples=[{"input": {}, "output": {"shops": []}}],
    )
    chosen = {"lookup": "open-shops", "where": {"is_open": True}}
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
        "lines": described(
            "array",
            "Lines",
            items={"type": "object", "properties": {"sku": described("string", "SKU", examples=["tea"])}},
        ),
    }
    update = definition(
        "action",
        name="update_order",
        title="Update Order",
        description="Changes an order.",
        method="PATCH",
        path="/shops/{shop_id}/orders",
        parameters=schema(shop_id=described("integer", "Shop", **{"x-lookup": chosen}))
        | {"required": ["shop_id"]},
        input=schema(**fields),
        output=schema(order_id=described("integer", "Order ID"), tags=fields["tags"]),
        examples=[{"parameters": {"shop_id": 1}, "input": {}, "output": {"order_id": 7, "tags": ["new"]}}],
    )
    order = schema(order_id=described("integer", "Order ID"), note=fields["note"])
    create = definition(
        "action",
        name="create_order",
        title="Create Order",
        description="Places an order.",
        method="POST",
        path="/orders",
        success_status=201,
        input=schema(note=fields["note"]) | {"required": ["note"]},
        output=order,
        examples=[{"input": {"note": "Today"}, "output": {"order_id": 7}}],
    )
    find = definition(
        "search",
        name="find_order",
        title="Find Order",
        description="Finds an order.",
        method="GET",
        path="/orders/search",
        input=schema(order_id=described("integer", "Order ID", examples=[7])),
        output=schema(results=described("array", "Results", items=order)),
        examples=[
            {"input": {"order_id": 7}, "output": {"results": [{"order_id": 7, "note": 'It\'s "new"'}]}}
        ],
    )
    placed = event_type(
        "order.placed",
        title="New Order",
        properties={"order_id": described("integer", "Order ID"), "address": fields["address"]},
        example={"order_id": 7, "address": {"city": "Bremen"}},
    )
    brand = Brand(
        slug="tea",
        title="Tea & More",
        description="A shop.",
        color="#005500",
        homepage="https://tea.example",
        author="Tea",
        email="hello@tea.example",
        repository="https://git.tea.example",
    )
    return Product(brand, "https://hub.tea.example", (placed,), (create, update), (find,), (shops,))
