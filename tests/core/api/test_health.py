"""The health of subscriptions over HTTP, and the operational event types beside the product's."""

import pytest
from tests.waiting import until

from trunkline.model.event_groups import OPERATIONAL

MEMBERS = ("health", "failing_since", "success_rate_24h", "p95_ms_24h")


async def health(hub, subscription_id: str, **wanted: object) -> dict:
    async def look() -> dict | None:
        view = (await hub.client.get(f"/api/v1/subscriptions/{subscription_id}")).json()
        return {name: view[name] for name in MEMBERS} if view == view | wanted else None

    return await until(look)


async def test_a_subscription_says_what_becomes_of_its_events(lend_hub, receiver):
    hub = await lend_hub("sqlite", {"delivery.retry_schedule_seconds": "0.05,0.05,60"})
    subscription_id = (await hub.subscribe(f"{receiver.url}/h"))["id"]
    assert await health(hub, subscription_id) == dict.fromkeys(MEMBERS) | {"health": "idle"}
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


async def test_a_subscription_whose_deliveries_are_exhausted_is_failing(lend_hub, receiver):
    receiver.answer(500)
    hub = await lend_hub("sqlite")
    subscription_id = (await hub.subscribe(f"{receiver.url}/h"))["id"]
    await hub.emit("lead.created")
    failing = await health(hub, subscription_id, health="failing", success_rate_24h=0)
    assert failing["p95_ms_24h"] is None


async def test_a_subscription_that_never_delivered_is_idle_after_its_activation(lend_hub, receiver):
    receiver.answer(410)
    hub = await lend_hub("sqlite")
    subscription_id = (await hub.subscribe(f"{receiver.url}/h"))["id"]
    await hub.emit("lead.created")
    await health(hub, subscription_id, health="disabled", success_rate_24h=0)
    activated = await hub.client.patch(f"/api/v1/subscriptions/{subscription_id}", json={"status": "active"})
    assert activated.json()["health"] == "idle"
    [listed] = (await hub.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    assert (listed["health"], listed["success_rate_24h"]) == ("idle", 0)


async def test_operational_event_types_are_listed_and_marked(api):
    listed = (await api.client.get("/api/v1/event-types")).json()["event_types"]
    assert {kind["type"] for kind in listed if kind["operational"]} == OPERATIONAL
    shown = (await api.client.get("/api/v1/event-types/subscription.failing")).json()
    assert (shown["operational"], shown["schema"]["title"]) == (True, "Subscription failing")
    assert (await api.client.get(shown["schema_url"])).json() == shown["schema"]


@pytest.mark.parametrize("names", [["operational.*"], ["subscription.failing"], ["operational.*", "lead.*"]])
async def test_operational_event_types_are_subscribed_to_and_filtered_as_others(api, names):
    where = {"payload.subscription.channel": "webhooks"} if "lead.*" not in names else None
    await api.subscribe("https://example.com/h", event_types=names, **({"filter": where} if where else {}))
    [listed] = (await api.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    assert listed["event_types"] == names


async def test_an_operator_reads_the_operational_events_of_every_company(lend_hub):
    hub = await lend_hub("sqlite")
    wish = {"company_id": hub.company_id, "name": "new", "scopes": ["events:read"]}
    made = (await hub.operator.post("/api/v1/keys", json=wish)).json()
    query = {"types": "operational.*", "wait": 5, "limit": 200}

    async def told() -> list[dict]:
        page = await hub.operator.get("/api/v1/events", params=query, headers={"X-Company-Id": "0"})
        payloads = [event["payload"] for event in page.json()["events"]]
        return [payload for payload in payloads if payload.get("key", {}).get("id") == made["id"]]

    [payload] = await until(told)
    assert (payload["company_id"], payload["by"]["kind"]) == (hub.company_id, "operator")
    assert (await hub.client.get("/api/v1/events", headers={"X-Company-Id": "0"})).status_code in {400, 403}
    plain = (await hub.client.get("/api/v1/events")).json()["events"]
    own = (await hub.client.get("/api/v1/events", params={"types": "key.created"})).json()["events"]
    assert (plain, [event["payload"]["key"]["id"] for event in own][-1]) == ([], made["id"])
