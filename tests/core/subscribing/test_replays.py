"""A subscription's replays, as lists show them to people."""

import pytest

from trunkline.errors import NotFound


async def test_replays_are_listed_newest_first_with_what_they_send_and_what_is_left(running):
    hub = running.hub
    await running.send_test_event()
    made = (await running.subscribe("https://example.com/", start="earliest"))["id"]
    paused = {"status": "paused"}  # so that none of them progresses
    await hub.subscriptions.update(running.company_id, made, paused, channel=None)
    asked = {"only_failed": True, "event_types": ["lead.created"]}
    failed = await hub.replays.start(running.company_id, made, asked, channel=None)
    whole = await hub.replays.start(running.company_id, made, {}, channel=None)
    await hub.replays.cancel(running.company_id, failed["id"])

    found = await hub.replays.of_subscription(running.company_id, made, channel=None)

    kinds = [(one["kind"], one["event_types"]) for one in found]
    assert kinds == [("all", []), ("failed", ["lead.created"]), ("missed", [])]
    statuses = [(one["id"], one["status"]) for one in found[:2]]
    assert statuses == [(whole["id"], "running"), (failed["id"], "cancelled")]
    assert found[0]["remaining"] > found[1]["remaining"] == 0
    assert all(one["delivered"] == 0 for one in found)
    assert len(await hub.replays.of_subscription(running.company_id, made, channel=None, limit=1)) == 1


async def test_replays_of_what_is_somebody_elses_are_not_listed(running):
    hub = running.hub
    request = {"target_url": "https://example.com/", "event_types": ["*"]}
    made = (await hub.subscriptions.create(running.neighbour_id, request, channel="webhooks"))["id"]
    with pytest.raises(NotFound):
        await hub.replays.of_subscription(running.company_id, made, channel=None)
    with pytest.raises(NotFound):
        await hub.replays.of_subscription(running.neighbour_id, made, channel="zapier")


async def test_an_event_type_that_is_named_over_and_over_is_kept_once(running):
    made = (await running.subscribe("https://example.com/"))["id"]
    body = {"event_types": ["lead.created", "client.created"] * 50}
    assert (await running.client.post(f"/api/v1/subscriptions/{made}/replay", json=body)).status_code == 202
    (found,) = await running.hub.replays.of_subscription(running.company_id, made, channel=None)
    assert found["event_types"] == ["lead.created", "client.created"]
