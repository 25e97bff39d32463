"""The health of subscriptions over HTTP, and the operational event types beside the product's."""

import asyncio

import pytest
from tests.answers import json_of

from trunkline.model.event_groups import OPERATIONAL

MEMBERS = ("health", "failing_since", "success_rate_24h", "p95_ms_24h")


async def subscribe(hub, url: str, **more) -> str:
    request = {"target_url": url, "event_types": ["*"], **more}
    return json_of(await hub.client.post("/api/v1/webhooks/subscriptions", json=request), 201)["id"]


async def health(hub, subscription_id: str, **wanted: object) -> dict:
    for _ in range(1_000):
        view = (await hub.client.get(f"/api/v1/subscriptions/{subscription_id}")).json()
        if all(view[name] == value for name, value in wanted.items()):
            return {name: view[name] for name in MEMBERS}
        await asyncio.sleep(0.05)
    raise AssertionError({name: view[name] for name in MEMBERS})


async def test_a_subscription_says_what_becomes_of_its_events(trunkline_hub, receiver):
    hub = await trunkline_hub(settings={"delivery.retry_schedule_seconds": "0.05,0.05,60"})
    subscription_id = await subscribe(hub, f"{receiver.url}/h")
    assert await health(hub, subscription_id) == {
        "health": "idle",
        "failing_since": None,
        "success_rate_24h": None,
        "p95_ms_24h": None,
    }
    await hub.emit("lead.created")
    delivering = await health(hub, subscription_id, health="delivering")
    assert (delivering["success_rate_24h"], delivering["failing_since"]) == (1, None)
    assert delivering["p95_ms_24h"] > 0
    receiver.answer(500)
    await hub.emit("lead.created")
    retrying = await health(hub, subscription_id, health="retrying", success_rate_24h=0.25)
    assert retrying["failing_since"] is not None
    path = f"/api/v1/subscriptions/{subscription_id}"
    assert (await hub.client.patch(path, json={"status": "paused"})).status_code == 200
    assert (await health(hub, subscription_id))["health"] == "paused"
    [listed] = (await hub.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    assert (listed["health"], listed["success_rate_24h"]) == ("paused", 0.25)


async def test_a_subscription_whose_deliveries_are_exhausted_is_failing(trunkline_hub, receiver):
    receiver.answer(500)
    hub = await trunkline_hub(settings={"delivery.retry_schedule_seconds": "0.05,0.05"})
    subscription_id = await subscribe(hub, f"{receiver.url}/h")
    await hub.emit("lead.created")
    failing = await health(hub, subscription_id, health="failing", success_rate_24h=0)
    assert failing["p95_ms_24h"] is None


async def test_a_subscription_that_never_delivered_is_idle_after_its_activation(trunkline_hub, receiver):
    receiver.answer(410)
    hub = await trunkline_hub()
    subscription_id = await subscribe(hub, f"{receiver.url}/h")
    await hub.emit("lead.created")
    await health(hub, subscription_id, health="disabled", success_rate_24h=0)
    activated = await hub.client.patch(f"/api/v1/subscriptions/{subscription_id}", json={"status": "active"})
    assert activated.json()["health"] == "idle"
    [listed] = (await hub.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    assert (listed["health"], listed["success_rate_24h"]) == ("idle", 0)


async def test_operational_event_types_are_listed_and_marked(trunkline_hub):
    hub = await trunkline_hub()
    listed = (await hub.client.get("/api/v1/event-types")).json()["event_types"]
    assert {kind["type"] for kind in listed if kind["operational"]} == OPERATIONAL
    shown = (await hub.client.get("/api/v1/event-types/subscription.failing")).json()
    assert (shown["operational"], shown["schema"]["title"]) == (True, "Subscription failing")
    assert (await hub.client.get(shown["schema_url"])).json() == shown["schema"]


@pytest.mark.parametrize("names", [["operational.*"], ["subscription.failing"], ["operational.*", "lead.*"]])
async def test_operational_event_types_are_subscribed_to_and_filtered_as_others(
    trunkline_hub, receiver, names
):
    hub = await trunkline_hub()
    where = {"payload.subscription.channel": "webhooks"} if "lead.*" not in names else None
    await subscribe(hub, f"{receiver.url}/h", event_types=names, **({"filter": where} if where else {}))
    [listed] = (await hub.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    assert listed["event_types"] == names


async def test_nobody_but_the_hub_makes_operational_events(trunkline_hub):
    hub = await trunkline_hub()
    body = {"type": "subscription.failing", "payload": {}}
    refused = await hub.client.post("/api/v1/events", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "/type")


async def test_an_operator_reads_the_operational_events_of_every_company(trunkline_hub):
    hub = await trunkline_hub()
    wish = {"name": "new", "scopes": ["events:read"]}
    made = (await hub.operator.post("/api/v1/keys", json={**wish, "company_id": 92})).json()
    query = {"types": "operational.*", "wait": 5, "limit": 200}
    for _ in range(1_000):
        page = await hub.operator.get("/api/v1/events", params=query, headers={"X-Company-Id": "0"})
        found = [event["payload"] for event in page.json()["events"] if event["payload"].get("key")]
        if made["id"] in [payload["key"]["id"] for payload in found]:
            break
        await asyncio.sleep(0.05)
    [payload] = [payload for payload in found if payload["key"]["id"] == made["id"]]
    assert (payload["company_id"], payload["by"]["kind"]) == (92, "operator")
    assert (await hub.client.get("/api/v1/events", headers={"X-Company-Id": "0"})).status_code in {400, 403}
    plain = (await hub.client.get("/api/v1/events")).json()["events"]
    own = (await hub.client.get("/api/v1/events", params={"types": "key.created"})).json()["events"]
    assert (plain, [event["payload"]["key"]["id"] for event in own][-1]) == ([], made["id"])
