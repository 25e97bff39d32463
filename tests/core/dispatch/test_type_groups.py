"""Groups of event types in subscriptions, hooks, polls and replays, from the call to the receiver."""

import json
import shutil
from pathlib import Path

import pytest
from tests.answers import json_of

from trunkline.insight import audit
from trunkline_kit.receiver import Receiver

SHOP = Path(__file__).parents[3] / "docs" / "examples" / "shop" / "schemas"
CHOSEN = {"plugins.enabled": "webhooks,polling,zapier"}


def types(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["type"] for request in receiver.requests]


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    shutil.copytree(SHOP, folder)
    (folder / "events" / "orders.merged.json").write_text(
        (folder / "events" / "order.created.json").read_text()
    )
    return folder


async def subscribe(running, *names: str, **more) -> dict:
    wanted = {"target_url": "http://127.0.0.1:9/", "event_types": [*names], **more}
    answer = await running.client.post("/api/v1/webhooks/subscriptions", json=wanted)
    return answer.json()


async def test_a_later_type_is_received_without_a_change(schemas, sqlite_database_url, make_hub, receiver):
    settings = {**CHOSEN, "product.schemas": str(schemas)}
    running = await make_hub(sqlite_database_url, settings, dispatch=False)
    made = await subscribe(running, "order.*", "order.created", target_url=receiver.url)
    assert made["event_types"] == ["order.*", "order.created"]
    await running.stop()
    later = schemas / "events" / "order.returned.json"
    later.write_text((schemas / "events" / "order.shipped.json").read_text())
    running = await make_hub(sqlite_database_url, settings)
    for name in ("order.returned", "orders.merged", "order.created"):
        await running.send_test_event(name)
    await receiver.wait_for(2)
    page = (await running.client.get("/api/v1/events?types=ORDER.*")).json()
    polled = [event["type"] for event in page["events"]]
    assert polled == ["order.returned", "order.created"]
    assert sorted(types(receiver)) == sorted(polled)  # without an order they may overtake each other
    explained = (await running.client.get(f"/api/v1/events/{page['events'][0]['id'] + 1}/explain")).json()
    (entry,) = explained["subscriptions"]
    assert (entry["matched"], entry["reason"]) == (
        False, "It subscribes to order.*, order.created, not to orders.merged."
    )  # fmt: skip
    counted = {"from": "2026-01-01T00:00:00Z", "dry_run": True}
    replay = f"/api/v1/subscriptions/{made['id']}/replay"
    for chosen, matched in (("order.returned", 1), ("orders.*", 0), ("order.*", 2), ("*", 2), (None, 2)):
        request = counted | ({"event_types": [chosen]} if chosen else {})
        answer = await running.client.post(replay, json=request)
        assert answer.json() == {"matched": matched}, chosen
    await running.client.post(replay, json={"event_types": ["order.*"]})
    await receiver.wait_for(4)
    found = await audit.run(running.hub.engines, schema_versions=running.hub.schema_versions)
    assert [check.claim for check in found.checks if check.offending] == []


@pytest.mark.own_hub(settings=CHOSEN)
async def test_unknown_groups_are_refused_by_name(running):
    refused = await subscribe(running, "client.*", "clint.*")
    (error,) = refused["errors"]
    assert error["path"] == "/event_types/1"
    assert error["message"].startswith(
        "is not a known group of event types: 'clint.*'; known are affiliate.*, "
    )
    answer = json_of(await running.client.get("/api/v1/events?types=lead.*,clint.*"), 400)
    assert "names the unknown group of event types 'clint.*'; known are affiliate.*, " in answer["detail"]


async def test_a_hook_takes_a_group_and_a_filter_is_held_to_its_types(running):
    body = {"target_url": "https://example.com/hook", "event_type": "invoice.*"}
    hook = (await running.client.post("/api/v1/zapier/hooks", json=body)).json()
    assert hook["event_types"] == ["invoice.*"]
    made = await subscribe(running, "invoice.*", filter={"payload.new_status": "Paid"})
    assert made["status"] == "active"
    refused = await subscribe(running, "payment.*", filter={"payload.new_status": "Paid"})
    assert refused["errors"][0]["path"] == "/filter/payload.new_status"
