"""Calls with errors that mypy must report at their comments: for any hub, and for a hub with exported types."""

from trunkline_hub import AsyncClient as AsyncHub
from trunkline_hub import Client as Hub
from trunkline_hub import typed

from trunkline_client import AsyncClient, Client, Event


def of_any_hub(hub: Client) -> None:
    hub.create_webhook_subscription({"target_url": "https://a.example", "event_types": ["*"]})
    hub.create_webhook_subscription({"target_url": "https://a.example"})  # type: ignore[typeddict-item]
    hub.create_webhook_subscription({"target_url": 1, "event_types": ["*"]})  # type: ignore[typeddict-item]
    hub.update_subscription("sub_1", {"state": "paused"})  # type: ignore[typeddict-unknown-key]
    hub.get_delivery()  # type: ignore[call-arg]
    hub.list_deliveries("sub_1", limit="10")  # type: ignore[arg-type]
    hub.no_such_operation()  # type: ignore[attr-defined]
    for delivery in hub.iter_deliveries("sub_1"):
        delivery["no_such"]  # type: ignore[misc]
    hub.get_me()["company"]  # type: ignore[misc]


async def of_any_hub_by_asyncio(hub: AsyncClient) -> None:
    me = await hub.get_me()
    me["company"]  # type: ignore[misc]
    hub.get_me()["company_id"]  # type: ignore[index]
    for event in hub.follow():  # type: ignore[attr-defined]
        print(event)
    async for event in hub.consume("billing"):
        print(event.no_such)  # type: ignore[attr-defined]


def of_this_hub(hub: Hub) -> None:
    lead = hub.act("create_lead", first_name="Jane", last_name="Doe", email="jane@example.com")
    print(lead["client_id"] + 1, lead["status"].upper())
    lead["no_such"]  # type: ignore[typeddict-item]
    hub.act("no_such")  # type: ignore[call-overload]
    hub.act("create_lead", first_name="Jane", last_name="Doe")  # type: ignore[call-overload]
    hub.act("create_lead", first_name=1, last_name="Doe", email="x")  # type: ignore[call-overload]
    hub.act("create_lead", first_name="J", last_name="D", email="x", no_such=1)  # type: ignore[call-overload]
    hub.search("no_such")  # type: ignore[call-overload]
    found = hub.search("find_client", email="jane@example.com")
    found["client_id"]  # type: ignore[index]
    for client in hub.search_all("list_clients"):
        print(client["client_id"] + 1)
    hub.lookup("no_such")  # type: ignore[call-overload]
    hub.emit("no.such", {})  # type: ignore[call-overload]
    hub.emit("payment.failed", {"payment_id": 1})  # type: ignore[call-overload]
    hub.follow(types=["no.such"])  # type: ignore[list-item]
    hub.follow(types=["no.*"])  # type: ignore[list-item]


async def of_this_hub_by_asyncio(hub: AsyncHub) -> None:
    lead = await hub.act("create_lead", first_name="Jane", last_name="Doe", email="jane@example.com")
    lead["no_such"]  # type: ignore[typeddict-item]
    async for event in hub.consume("billing", types=["client.created", "payment.*", "*"]):
        if event.type == "client.created":
            print(event.payload["email"].upper())
            event.payload["no_such"]  # type: ignore[typeddict-item]


def of_a_webhook(event: Event) -> None:
    known = typed(event)
    if known.type == "payment.succeeded":
        known.payload["payment_amount"].upper()  # type: ignore[union-attr]
