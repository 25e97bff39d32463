"""Lists and objects from an earlier node or from an agent, in a real n8n server, with a product that has such fields."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.n8n.chat_model import DONE, ChatModel, make_agent, served
from tests.plugins.n8n.products import field
from tests.plugins.n8n.server import N8n, node, outputs
from tests.plugins.own_product import EVENTS
from tests.plugins.products import an_object

from trunkline_kit.receiver import Answer, Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LINE = an_object("sku", sku=field("string", "SKU"), count=field("integer", "Count"))
LINES = {"type": "array", "items": LINE}
PLACE_ORDER = {
    "name": "place_order",
    "title": "Place Order",
    "description": "Places an order.",
    "method": "POST",
    "path": "/orders",
    "success_status": 201,
    "input": an_object(
        "items",
        items=LINES | {"title": "Items", "description": "Of the order."},
        gifts=LINES | {"title": "Gifts", "description": "Beside them."},
        place=an_object(city=field("string", "City")) | {"title": "Place", "description": "Where to."},
    ),
    "output": an_object("order_id", order_id=field("integer", "Order ID")),
    "examples": [{"input": {"items": [{"sku": "a"}]}, "output": {"order_id": 7}}],
}
ORDER = {
    "items": [{"sku": "green", "count": 2}, {"sku": "black", "count": 1}],
    "gifts": [{"sku": "cup"}],
    "place": {"city": "Bremen"},
}
ACTION = "n8n-nodes-tea.tea"
CHOSEN = {"resource": "order", "operation": "placeOrder"}


def write_schemas(folder: Path) -> Path:
    for kind, name, document in (
        ("events", "booking.created", EVENTS["booking.created"]),
        ("actions", "place_order", PLACE_ORDER),
    ):
        (folder / kind).mkdir(parents=True)
        (folder / kind / f"{name}.json").write_text(json.dumps(document))
    return folder


def use_node(n8n: N8n, credential: Mapping[str, Any]) -> list[Any]:
    """Fill in the form by its fields, by expressions, and by an agent; return the tool's answer."""
    data = {"mode": "raw", "jsonOutput": json.dumps({"order": ORDER})}
    by_fields = {
        "items": {"values": [{"sku": "={{ $json.order.items[0].sku }}", "additionalFields": {"count": 2}}]}
    }
    optional = {"giftsJson": "={{ $json.order.gifts }}", "placeJson": "={{ $json.order.place }}"}
    by_json = {"specifyItems": "json", "itemsJson": "={{ $json.order.items }}", "additionalFields": optional}
    workflow = n8n.make_workflow(
        "Lists",
        node("Start", "n8n-nodes-base.manualTrigger", {}),
        node("Data", "n8n-nodes-base.set", data, typeVersion=3.4),
        node("Fields", ACTION, CHOSEN | by_fields, credential),
        node("JSON", ACTION, CHOSEN | by_json, credential),
        links={"Start": ["Data"], "Data": ["Fields", "JSON"]},
    )
    execution = n8n.run(workflow, start="Start")
    assert outputs(execution, "Fields") == outputs(execution, "JSON") == [{"order_id": 7}]

    by_model = {"specifyItems": "json", "itemsJson": "={{ $fromAI('items', 'What is ordered', 'json') }}"}
    with served(ChatModel({"items": ORDER["items"]})) as model:
        agent = make_agent(n8n, model, node("Tool", f"{ACTION}Tool", CHOSEN | by_model, credential))
        [answered] = outputs(n8n.run(agent, start="Start"), "Agent")
    assert answered["output"] == DONE
    return model.results()


async def test_a_list_of_objects_comes_from_fields_from_expressions_and_from_an_agent(
    serve_hub, n8n_tools, tmp_path
):
    async with Receiver() as product:
        product.always(Answer(200, {}, json.dumps({"output": {"order_id": 7}}).encode()))

        def use() -> list[Any]:
            hub = serve_hub(
                TRUNKLINE_PRODUCT__SCHEMAS=str(write_schemas(tmp_path / "own")),
                TRUNKLINE_BRAND__SLUG="tea",
                TRUNKLINE_PLUGINS__DISABLED="crm",
                TRUNKLINE_ACTIONS__PROVIDER_URL=product.url,
                TRUNKLINE_ACTIONS__PROVIDER_SECRET="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
            )
            package = tmp_path / "n8n-nodes-tea"
            hub.run("export", "n8n", str(package))
            n8n_tools.build(package)
            with N8n(tmp_path / "n8n", package) as n8n:
                n8n.start()
                n8n.set_up()
                return use_node(n8n, n8n.make_credential("teaApi", {"apiKey": hub.key, "baseUrl": hub.url}))

        results = await asyncio.to_thread(use)
        sent = [json.loads(request.body)["input"] for request in product.requests]
    assert "7" in results[0]
    expected = [{"items": ORDER["items"][:1]}, ORDER, {"items": ORDER["items"]}]
    assert sorted(sent, key=str) == sorted(expected, key=str)
